//! What the node wants done: the caller's outbox.

use alloc::format;
use alloc::vec::Vec;
use core::hash::Hash;

use bytes::Bytes;

use crate::rpc::Rpc;
use crate::{ContentId, LinkId, MessageId, PeerId, Topic, Trace, TraceHash};

/// Something the driver must do, in order.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send a frame. Frames of one class on one link keep their order, if the class does not say otherwise; control
    /// may overtake data.
    Send {
        /// Where to.
        link: LinkId,
        /// Control or data.
        class: SendClass,
        /// What.
        rpc: Rpc,
    },
    /// A message for the application, once, and bit for bit what was published.
    Deliver {
        /// Its topic.
        topic: Topic,
        /// Its names.
        message: MessageRef,
        /// What was published.
        payload: Bytes,
        /// The neighbour that completed it; this node itself for its own messages.
        via: PeerId,
    },
    /// A peer that this node would like a link to.
    Dial {
        /// Who.
        peer: PeerId,
        /// Where it might be, if somebody said so.
        hint: Option<Hint>,
    },
    /// End a link.
    Close {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
}

impl Action {
    /// Adds it to a digest: everything that can be seen of it from outside.
    pub fn fold_into(&self, hash: &mut TraceHash) {
        match self {
            Self::Send { link, class, rpc } => (16u8, link, *class != SendClass::Control, rpc).hash(hash),
            Self::Deliver { topic, message, payload, via } => {
                (17u8, topic, &message.id, payload, via).hash(hash);
            }
            Self::Dial { peer, hint } => (18u8, peer, hint.as_ref().map(|hint| &hint.record)).hash(hash),
            Self::Close { link, reason } => (19u8, link, format!("{reason:?}")).hash(hash),
        }
    }
}

/// Where a peer might be, as somebody else passed it on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hint {
    /// A signed peer record. It is not verified: the driver uses its addresses only if the envelope is signed by that
    /// very peer.
    pub record: Bytes,
    /// The link that it came over: from a stranger the driver takes no addresses of its own network.
    pub via: LinkId,
}

/// How urgent a frame is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SendClass {
    /// Small, sent at once, ahead of data.
    Control,
    /// Messages, and shards with what others need: sent only against [`crate::Event::LinkReady`].
    Data,
    /// Shards that need nothing but what was sent as [`Self::Data`] before: also sent only against
    /// [`crate::Event::LinkReady`]. Among themselves they may arrive in any order.
    Shards,
}

/// The names of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageRef {
    /// The GossipSub id.
    pub id: MessageId,
    /// The SHA-256 of the payload, what clients see, if this node had to compute it: see [`Self::content_of`].
    pub content: Option<ContentId>,
    /// Who published it, unless messages are anonymous.
    pub publisher: Option<PeerId>,
    /// The publisher's sequence number, unless messages are anonymous.
    pub seqno: Option<u64>,
}

impl MessageRef {
    /// The SHA-256 of this message's payload; computed now if it is not known.
    pub fn content_of(&self, payload: &[u8]) -> ContentId {
        self.content.unwrap_or_else(|| ContentId::of(payload))
    }
}

/// Why this node ends a link. The peer is to blame for each of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// It sent what cannot be read.
    Malformed,
    /// Its reputation is too low, or it came back too early after it was dropped for that.
    Reputation,
}

/// What became of the shards and messages that came in since the last [`Actions::take_tally`].
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    /// Shards that raised a rank.
    pub new_shards: u32,
    /// Shards that told nothing new: held, dependent, or of a complete message.
    pub useless_shards: u32,
    /// Shards that were not what their name said.
    pub invalid_shards: u32,
    /// Whole messages that were known.
    pub duplicate_messages: u32,
    /// Whole messages that were not sent to one link: no room, or they waited too long.
    pub dropped_messages: u32,
}

/// The outbox that the caller owns and drains after each call.
#[derive(Debug, Default)]
pub struct Actions {
    actions: Vec<Action>,
    traces: Vec<Trace>,
    tracing: bool,
    pub(crate) tally: Tally,
}

impl Actions {
    /// An empty outbox that records no trace.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty outbox that also records [`Trace`] events.
    pub fn with_traces() -> Self {
        Self { tracing: true, ..Self::default() }
    }

    /// Turns trace events on or off.
    pub const fn set_tracing(&mut self, on: bool) {
        self.tracing = on;
    }

    /// Whether trace events are recorded.
    pub const fn tracing(&self) -> bool {
        self.tracing
    }

    /// Takes the actions out, in the order in which they were decided.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> + '_ {
        self.actions.drain(..)
    }

    /// Takes the trace events out, in order.
    pub fn drain_traces(&mut self) -> impl Iterator<Item = Trace> + '_ {
        self.traces.drain(..)
    }

    /// Takes the counts out. Who does not want them may leave them: they wrap around.
    pub fn take_tally(&mut self) -> Tally {
        core::mem::take(&mut self.tally)
    }

    /// The actions not yet taken.
    pub fn as_slice(&self) -> &[Action] {
        &self.actions
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Records a trace event; `make` runs only when someone listens.
    pub(crate) fn trace(&mut self, make: impl FnOnce() -> Trace) {
        if self.tracing {
            let trace = make();
            self.traces.push(trace);
        }
    }
}
