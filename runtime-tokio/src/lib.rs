//! Braidcast nodes on tokio: the production driver and the embedding API.
//!
//! A [`Node`] is a handle of a task that runs the state machine of `braidcast-protocol` on the links of
//! `braidcast-transport`. Whatever waits anywhere in it is bounded: a subscriber that is slower than the network
//! loses the newest messages, and knows how many.
//!
//! ```
//! use std::time::Duration;
//!
//! use braidcast_runtime_tokio::{Mode, Node};
//! use bytes::Bytes;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let alice = Node::builder().mode(Mode::Optimum).listen("/ip4/127.0.0.1/udp/0/quic-v1").start().await?;
//! let bob = Node::builder()
//!     .mode(Mode::Optimum)
//!     .listen("/ip4/127.0.0.1/tcp/0")
//!     .bootstrap(&alice.listen_addrs()[0])
//!     .start()
//!     .await?;
//!
//! let mut messages = bob.subscribe("greetings").await?;
//! alice.publish("greetings", Bytes::from_static(b"hello, network")).await?;
//!
//! let message = messages.next().await.ok_or("the node stopped")?;
//! assert_eq!(message.payload, "hello, network");
//! assert_eq!(message.publisher, Some(alice.peer_id()));
//!
//! alice.shutdown(Duration::from_secs(5)).await;
//! bob.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```

mod builder;
mod driver;
mod handle;
mod identity;
mod queue;
mod snapshot;
mod system;

pub use braidcast_protocol::{
    CodedSettings, ColocationSettings, ConfigError, ContentId, Decay, Dedup, FirstDeliverySettings,
    GossipSettings, Integrity, LeaveError, MeshDeliverySettings, MeshSettings, MeshTimeSettings, MessageId,
    MessageIds, MessageRef, Mode, Multiplier, OutboxSettings, PeerId, PeerScore, PenaltySettings, Protocol,
    PublishError, RejectReason, Reputation, ReputationSettings, RpcMeta, Schedule, Score, ScoreParts,
    ScoreSettings, ScoreThresholds, Settings, ShardFactor, ShardTrace, Signatures, SubscribeError, Threshold,
    ThresholdRule, Topic, TopicFilter, TopicScoreSettings, Trace, Validation, Verdict,
};
pub use braidcast_transport::{Congestion, StartError as TransportError};
pub use builder::{LISTEN_DEFAULT, NodeBuilder, StartError};
pub use handle::{Message, Node, NodeError, Subscription, TraceRecord, Traces};
pub use identity::{FileFault, Identity, IdentityError, KEY_FILE, KeyFault, UnsupportedKey};
pub use libp2p_identity::Keypair;
pub use queue::{Listener, QueueBounds};
pub use snapshot::{Counters, PeerSnapshot, Snapshot, TopicSnapshot};
pub use system::{SystemUsage, Usage};

/// A peer id in the text form of libp2p (base58btc).
pub fn peer_id_text(peer: &PeerId) -> String {
    match identity::transport_peer_id(peer) {
        Some(id) => id.to_base58(),
        // Every peer id of a live link came from libp2p; others are shown, not refused.
        None => peer.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
