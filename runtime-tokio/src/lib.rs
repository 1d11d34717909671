//! Braidcast nodes on tokio: the production driver and the embedding API.

mod handle;
mod queue;
mod snapshot;
mod system;

pub use braidcast_protocol::{
    ContentId, LeaveError, MessageId, Mode, PeerId, Protocol, PublishError, RejectReason, RpcMeta,
    ShardTrace, SubscribeError, Topic, Trace,
};
pub use handle::{Message, Node, NodeError, Subscription, TraceRecord, Traces};
pub use queue::{Listener, QueueBounds};
pub use snapshot::{Counters, PeerSnapshot, Snapshot, TopicSnapshot};
pub use system::{SystemUsage, Usage};

/// A peer id in the text form of libp2p (base58btc).
pub fn peer_id_text(peer: &PeerId) -> String {
    match libp2p_identity::PeerId::from_bytes(peer.as_bytes()) {
        Ok(id) => id.to_base58(),
        // Every peer id of a live link came from libp2p; others are shown, not refused.
        Err(_) => peer.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
