//! What a run must never show.

use std::fmt;
use std::time::Duration;

use braidcast_protocol::rpc::RpcFault;
use braidcast_protocol::{Broken, LinkId, MessageId, Time, Topic};

/// A rule that was broken, by whom and when. The run stops there, so that the state can be looked at.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("node {node} at {at:?}: {violation}")]
pub struct Failure {
    /// When.
    pub at: Time,
    /// Which node.
    pub node: usize,
    /// What.
    pub violation: Violation,
}

/// The rules of a run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    /// The core's own invariants.
    #[error("invariant broken: {0}")]
    Invariant(Broken),
    /// A node delivered what nobody published.
    #[error("delivered {0:?}, which nobody published")]
    Unknown(MessageId),
    /// A node delivered other bytes, or on another topic.
    #[error("delivered {0:?}, but not as it was published")]
    Altered(MessageId),
    /// A node delivered a message twice.
    #[error("delivered {0:?} again")]
    Repeated(MessageId),
    /// A node sent on, or closed, a link of which it knew that it was down.
    #[error("used {0:?}, which is down")]
    DeadLink(LinkId),
    /// A frame was not the same after encoding and decoding.
    #[error("frame to node {to} changed in the codec{}", Cause(.fault))]
    Codec {
        /// The receiving node.
        to: usize,
        /// Why it could not be read, if so.
        fault: Option<RpcFault>,
    },
    /// A node asked to be woken at once, again and again.
    #[error("asked for more than {max} wake-ups at one instant")]
    Restless {
        /// How many are allowed.
        max: u32,
    },
    /// A node's core holds more than it may.
    #[error("holds {bytes} bytes of payload, allowed are {bytes_max}")]
    Memory {
        /// What it holds.
        bytes: usize,
        /// What it may.
        bytes_max: usize,
    },
    /// A message spread faster than is possible: the simulator is wrong.
    #[error("{message:?} had reached {reached} nodes after {taken:?}, which takes at least {bound:?}")]
    Bound {
        /// Which.
        message: MessageId,
        /// How many nodes, this one included.
        reached: usize,
        /// How long it took.
        taken: Duration,
        /// The bound.
        bound: Duration,
    },
    /// A node has a neighbour in its mesh that does not have it.
    #[error("has node {neighbour} in its mesh of {topic}, but not the other way round")]
    AsymmetricMesh {
        /// The neighbour.
        neighbour: usize,
        /// The mesh's topic.
        topic: Topic,
    },
}

struct Cause<'a>(&'a Option<RpcFault>);

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |fault| write!(f, ": {fault}"))
    }
}
