//! What happened: the only way the world reaches a node.

use core::net::IpAddr;
use core::time::Duration;

use bytes::Bytes;

use crate::rpc::{MessageHead, Rpc, RpcFault};
use crate::{LinkId, MessageId, PeerId, Score};

/// A fact. Nothing here can be refused.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "moved once or twice; a box would cost an allocation per frame"
)]
pub enum Event {
    /// An authenticated link to a peer is ready. A peer has at most one link at a time.
    LinkUp {
        /// A number that no earlier link of this node had.
        link: LinkId,
        /// Who is at the other end, proven by the transport.
        peer: PeerId,
        /// Who dialed.
        origin: Origin,
        /// What the other end speaks.
        agent: Agent,
    },
    /// The link is gone; nothing more comes from it.
    LinkDown {
        /// Which.
        link: LinkId,
        /// Why.
        cause: DownCause,
    },
    /// A well-formed frame came in.
    Received {
        /// From where.
        link: LinkId,
        /// Its contents.
        rpc: Rpc,
    },
    /// A frame that holds one long message begins to come in; the rest follows as [`Self::Received`], or not at all.
    ///
    /// A driver that cannot tell leaves it out: then neighbours hear a little later that they need not send it.
    Arriving {
        /// From where.
        link: LinkId,
        /// What its first bytes say.
        head: MessageHead,
    },
    /// A frame came in that breaks the format or a limit.
    Malformed {
        /// From where.
        link: LinkId,
        /// What is wrong with it.
        fault: RpcFault,
    },
    /// The link can take about `bytes` more now: an absolute figure that replaces earlier ones.
    ///
    /// Bulk data is only sent against this room; what the node sends lowers it, so a driver reports again
    /// when the link has drained. The last frame may overshoot.
    LinkReady {
        /// Which.
        link: LinkId,
        /// Free room, bytes.
        bytes: usize,
    },
    /// What the transport measured.
    LinkStats {
        /// Which link.
        link: LinkId,
        /// Smoothed round-trip time.
        rtt: Duration,
        /// Packets lost since the link came up.
        lost: u64,
    },
    /// The driver has the peer's signed record (a libp2p envelope, from identify): it may be passed on to others.
    PeerRecord {
        /// The link to that peer.
        link: LinkId,
        /// The envelope as it came.
        record: Bytes,
    },
    /// The application's verdict on a delivered message ([`crate::Validation::Application`]).
    Judged {
        /// As in [`crate::Action::Deliver`].
        message: MessageId,
        /// What becomes of it.
        verdict: Verdict,
    },
    /// The application's opinion of a linked peer (P5 of its score), until it gives another. Of peers without a link
    /// nothing is remembered.
    Rated {
        /// Whom.
        peer: PeerId,
        /// What it thinks, in points.
        score: Score,
    },
    /// The deadline was reached. A spurious one does nothing.
    Wake,
}

/// Who opened a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// We dialed.
    Outbound,
    /// They dialed.
    Inbound,
}

/// The other end, as the transport knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Agent {
    /// The negotiated stream protocol.
    pub protocol: Protocol,
    /// Its IP address, where it is one: P6 counts peers by it.
    pub ip: Option<IpAddr>,
}

/// Stream protocols, oldest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Protocol {
    /// `/floodsub/1.0.0`: no control messages.
    Floodsub,
    /// `/meshsub/1.0.0`
    Meshsub10,
    /// `/meshsub/1.1.0`: backoff in PRUNE.
    Meshsub11,
    /// `/meshsub/1.2.0`: IDONTWANT.
    Meshsub12,
    /// `/meshsub/1.3.0`: extensions.
    Meshsub13,
}

impl Protocol {
    /// All, most preferred first.
    pub const ALL: [Self; 5] =
        [Self::Meshsub13, Self::Meshsub12, Self::Meshsub11, Self::Meshsub10, Self::Floodsub];

    /// The protocol id as negotiated.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Floodsub => "/floodsub/1.0.0",
            Self::Meshsub10 => "/meshsub/1.0.0",
            Self::Meshsub11 => "/meshsub/1.1.0",
            Self::Meshsub12 => "/meshsub/1.2.0",
            Self::Meshsub13 => "/meshsub/1.3.0",
        }
    }

    /// The protocol of this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.id() == id)
    }
}

/// Why a link ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownCause {
    /// The peer, or the way to it, went away.
    Lost,
    /// We closed it.
    Closed,
    /// The peer did not read, and what had to be sent no longer fitted.
    TooSlow,
}

/// An application's verdict on a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Forward it.
    Accept,
    /// Drop it; its sender is to blame.
    Reject,
    /// Drop it; nobody is to blame.
    Ignore,
}
