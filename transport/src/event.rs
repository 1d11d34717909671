//! What an endpoint reports: facts about links, in the order in which they became true.

use std::{borrow::Cow, fmt, net::IpAddr, time::Duration};

use bytes::Bytes;
use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

/// Names one link; never used twice by an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u32);

impl LinkId {
    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number behind the id, counting from 0 in the order in which links came up.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The IP address of the machine that a connection with this address leads to; `None` for names and for relayed
/// connections, whose address is the relay's.
pub fn remote_ip(address: &Multiaddr) -> Option<IpAddr> {
    if address.iter().any(|part| part == Protocol::P2pCircuit) {
        return None;
    }
    address.iter().find_map(|part| {
        if let Protocol::Ip4(ip) = part {
            Some(IpAddr::V4(ip))
        } else if let Protocol::Ip6(ip) = part {
            Some(IpAddr::V6(ip))
        } else {
            None
        }
    })
}

/// A fact about the endpoint.
///
/// Per link the order is `LinkUp`, then any number of the others, then `LinkDown` and nothing
/// more. At most one link per peer is up at any time.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// We can send to and receive from this peer.
    LinkUp {
        /// The new link.
        link: LinkId,
        /// Who the peer is, proven by the handshake.
        peer: PeerId,
        /// Who opened the connection.
        origin: Origin,
        /// The protocol id the peer accepted for what we send.
        protocol: String,
        /// The peer's address as this connection sees it.
        address: Multiaddr,
        /// The link that was up before, if the peer has been connected all the time since.
        ///
        /// Frames may have been lost in between, but the peer need not have noticed: it may
        /// remember what the earlier link told it.
        continues: Option<LinkId>,
    },
    /// The link is gone. Frames that were queued on it may or may not have arrived.
    LinkDown {
        /// The link.
        link: LinkId,
        /// Why.
        cause: DownCause,
    },
    /// One whole frame from the peer, without its length prefix.
    Frame {
        /// The link it came over.
        link: LinkId,
        /// The frame; it owns its memory.
        bytes: Bytes,
    },
    /// A long frame has begun to come in: [`crate::FRAME_START_BYTES_MIN`]. Its rest follows as `Frame`, or never.
    FrameStart {
        /// The link it comes over.
        link: LinkId,
        /// Its first bytes, [`crate::FRAME_START_BYTES`].
        bytes: Bytes,
    },
    /// The peer broke the framing. `LinkDown` follows.
    Malformed {
        /// The link.
        link: LinkId,
        /// What was wrong.
        fault: FrameFault,
    },
    /// The link can take this many more bytes of data.
    ///
    /// The number is absolute and was read when this event was handed out: a consumer that keeps
    /// its own count per link *replaces* it. Reported at link-up with the whole window, later
    /// whenever a quarter of the window has drained or nothing is queued any more, and never
    /// more than one at a time per link.
    Writable {
        /// The link.
        link: LinkId,
        /// Free room in bytes, as [`Transport::room`](crate::Transport::room) would say.
        bytes: usize,
    },
    /// The peer's signed record came, by identify: a libp2p envelope that others can verify.
    ///
    /// Reported at link-up if it has come before, and whenever a new one comes.
    PeerRecord {
        /// The link.
        link: LinkId,
        /// The envelope as it came; its signature is the peer's.
        record: Bytes,
    },
    /// How the connection under the link does.
    Stats {
        /// The link.
        link: LinkId,
        /// Round trip: smoothed by QUIC, or of the last ping.
        rtt: Duration,
        /// Packets lost on the way to the peer since the connection began; 0 over TCP.
        lost: u64,
    },
    /// We accept connections at this address.
    Listening {
        /// The address, with the port the operating system chose.
        address: Multiaddr,
    },
    /// An attempt to reach a peer came to nothing. Bootstrap peers are tried again.
    DialFailed {
        /// The peer, if it was known.
        peer: Option<PeerId>,
        /// The addresses that were tried.
        addresses: Vec<Multiaddr>,
        /// Why, for the log.
        reason: String,
    },
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkUp { link, peer, origin, protocol, address, continues } => {
                write!(f, "LinkUp({link} {peer} {origin:?} {protocol} {address} continues {continues:?})")
            }
            Self::LinkDown { link, cause } => write!(f, "LinkDown({link}: {cause})"),
            Self::Frame { link, bytes } => write!(f, "Frame({link} <{} B>)", bytes.len()),
            Self::FrameStart { link, bytes } => write!(f, "FrameStart({link} <{} B>)", bytes.len()),
            Self::Malformed { link, fault } => write!(f, "Malformed({link}: {fault})"),
            Self::Writable { link, bytes } => write!(f, "Writable({link} {bytes} B)"),
            Self::PeerRecord { link, record } => write!(f, "PeerRecord({link} <{} B>)", record.len()),
            Self::Stats { link, rtt, lost } => write!(f, "Stats({link} {rtt:?} lost {lost})"),
            Self::Listening { address } => write!(f, "Listening({address})"),
            Self::DialFailed { peer, addresses, reason } => {
                write!(f, "DialFailed({peer:?} {addresses:?}: {reason})")
            }
        }
    }
}

/// Who opened the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// We did.
    Dialed,
    /// The peer did.
    Accepted,
}

/// Why a link is down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DownCause {
    /// We: [`Transport::close`](crate::Transport::close) was called.
    #[error("closed by us: {reason}")]
    Closed {
        /// The reason given there.
        reason: Cow<'static, str>,
    },
    /// We: [`Transport::shutdown`](crate::Transport::shutdown) was called.
    #[error("closed by our shutdown")]
    Shutdown,
    /// The peer or the network ended the connection.
    #[error("connection lost: {detail}")]
    ConnectionLost {
        /// What the lower layer said.
        detail: String,
    },
    /// The peer gave up the stream we send on, the connection lives. A new link may follow.
    #[error("stream lost: {detail}")]
    StreamLost {
        /// What the lower layer said.
        detail: String,
    },
    /// The peer: it did not answer a ping in time.
    #[error("no answer to a ping")]
    Unresponsive,
    /// The peer: it broke the framing.
    #[error("malformed: {0}")]
    Malformed(FrameFault),
    /// The peer: it did not read its control frames.
    #[error("control queue overflow: {bytes} bytes are queued, limit is {bytes_max}")]
    ControlOverflow {
        /// Bytes queued when the next control frame came.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
}

/// How a peer broke the framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// The announced frame is longer than we take.
    #[error("frame of {bytes} bytes, limit is {bytes_max}")]
    TooLong {
        /// The announced length.
        bytes: u64,
        /// [`Config::frame_bytes_max`](crate::Config::frame_bytes_max).
        bytes_max: usize,
    },
    /// The length prefix is not a minimal unsigned varint of at most 9 bytes.
    #[error("length prefix is not an unsigned varint")]
    BadLength,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relayed_connection_has_the_address_of_nobody() {
        let ip = |text: &str| remote_ip(&text.parse().unwrap()).map(|ip| ip.to_string());
        assert_eq!(ip("/ip4/192.0.2.1/udp/7070/quic-v1").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("/ip6/2001:db8::1/tcp/7070").as_deref(), Some("2001:db8::1"));
        assert_eq!(ip("/dns4/example.org/tcp/7070"), None);
        assert_eq!(ip("/ip4/192.0.2.1/tcp/7070/p2p-circuit"), None);
    }
}
