//! What the node wants done: the caller's outbox.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::rpc::Rpc;
use crate::{ContentId, LinkId, MessageId, PeerId, Topic, Trace};

/// Something the driver must do, in order.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send a frame. Frames of one class on one link keep their order; control may overtake data.
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
        /// A signed peer record, if one came with the name.
        hint: Option<Bytes>,
    },
    /// End a link.
    Close {
        /// Which.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
}

/// How urgent a frame is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum SendClass {
    /// Small, sent at once, ahead of data.
    Control,
    /// Messages and shards, sent only against [`crate::Event::LinkReady`].
    Data,
}

/// The names of one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MessageRef {
    /// The GossipSub id.
    pub id: MessageId,
    /// The SHA-256 of the payload: what clients see.
    pub content: ContentId,
    /// Who published it.
    pub publisher: PeerId,
    /// The publisher's sequence number.
    pub seqno: u64,
}

/// Why this node ends a link. The peer is to blame for each of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// It sent what cannot be read.
    Malformed,
}

/// The outbox that the caller owns and drains after each call.
#[derive(Debug, Default)]
pub struct Actions {
    actions: Vec<Action>,
    traces: Vec<Trace>,
    tracing: bool,
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
