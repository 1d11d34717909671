//! The handle: what an application, the sidecar and the HTTP API see of a running node.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use braidcast_protocol::{
    ContentId, LeaveError, MessageId, MessageRef, PeerId, PublishError, Score, SubscribeError, Topic, Trace,
    Verdict,
};
use braidcast_transport::{DialError, Multiaddr, Transport};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::peer_id_text;
use crate::queue::Listener;
use crate::snapshot::Snapshot;

/// A running node. Clones are handles of the same node.
///
/// The node stops when the last handle is dropped, at once and without sending what still waits;
/// [`Self::shutdown`] is the polite way. Subscriptions and traces do not keep it running.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) peer_id: PeerId,
    pub(crate) commands: mpsc::Sender<Command>,
    /// Only asked where it listens; it ends with the driver, whoever else holds it.
    pub(crate) transport: Transport,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("peer_id", &self.peer_id).finish_non_exhaustive()
    }
}

/// A message as it was published.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where.
    pub topic: Topic,
    /// The GossipSub id.
    pub id: MessageId,
    /// Who published it, unless messages are anonymous ([`crate::Signatures::StrictNoSign`]).
    pub publisher: Option<PeerId>,
    /// The neighbour that completed it; the node itself for its own messages.
    pub via: PeerId,
    /// What was published.
    pub payload: Bytes,
    content: OnceLock<ContentId>,
}

impl Message {
    /// A message that `via` completed.
    pub fn new(topic: Topic, names: MessageRef, via: PeerId, payload: Bytes) -> Self {
        let content = names.content.map(OnceLock::from).unwrap_or_default();
        Self { topic, id: names.id, publisher: names.publisher, via, payload, content }
    }

    /// The SHA-256 of the payload, the id that clients see.
    pub fn content(&self) -> ContentId {
        *self.content.get_or_init(|| ContentId::of(&self.payload))
    }
}

/// A trace event with the time of its recording.
#[derive(Clone, Debug)]
pub struct TraceRecord {
    /// Nanoseconds since the Unix epoch.
    pub unix_ns: i64,
    /// What happened.
    pub trace: Arc<Trace>,
}

/// The messages of one topic, from the subscription on. Slow readers lose the newest, counted.
pub type Subscription = Listener<Arc<Message>>;

/// A node's trace events, from the call on. Slow readers lose the newest, counted.
pub type Traces = Listener<TraceRecord>;

/// Why a node did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NodeError {
    /// The node was shut down.
    #[error("the node has stopped")]
    Stopped,
    /// The message was refused and nothing was sent.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The topic was not joined.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// The topic was not left.
    #[error(transparent)]
    Leave(#[from] LeaveError),
    /// The address cannot be dialed.
    #[error("cannot dial {address}: {reason}")]
    Dial {
        /// What was given.
        address: String,
        /// What is wrong.
        reason: String,
    },
}

/// What a handle asks of the driver.
#[derive(Debug)]
pub(crate) enum Command {
    Publish { topic: Topic, payload: Bytes, reply: oneshot::Sender<Result<ContentId, PublishError>> },
    Join { topic: Topic, reply: oneshot::Sender<Result<(), SubscribeError>> },
    Subscribe { topic: Topic, reply: oneshot::Sender<Result<Subscription, SubscribeError>> },
    Leave { topic: Topic, reply: oneshot::Sender<Result<(), LeaveError>> },
    Traces { reply: oneshot::Sender<Traces> },
    Snapshot { reply: oneshot::Sender<Snapshot> },
    Dial { address: Multiaddr, reply: oneshot::Sender<Result<(), DialError>> },
    Judge { message: MessageId, verdict: Verdict, reply: oneshot::Sender<()> },
    Rate { peer: PeerId, score: Score, reply: oneshot::Sender<()> },
    Shutdown { deadline: Duration, reply: oneshot::Sender<()> },
}

impl Node {
    /// This node's peer id.
    pub fn peer_id(&self) -> PeerId {
        self.shared.peer_id
    }

    /// Publishes to a topic, joining it first if need be; gives the message's content id.
    ///
    /// Returns when the message is accepted, before it has reached anyone.
    pub async fn publish(&self, topic: &str, payload: Bytes) -> Result<ContentId, NodeError> {
        let topic = Topic::new(topic);
        Ok(self.ask(|reply| Command::Publish { topic, payload, reply }).await??)
    }

    /// Joins a topic and gives its messages from now on.
    ///
    /// The node stays in the topic when the subscription is dropped, until [`Self::leave`].
    pub async fn subscribe(&self, topic: &str) -> Result<Subscription, NodeError> {
        let topic = Topic::new(topic);
        Ok(self.ask(|reply| Command::Subscribe { topic, reply }).await??)
    }

    /// Joins a topic without listening to it.
    pub async fn join(&self, topic: &str) -> Result<(), NodeError> {
        let topic = Topic::new(topic);
        Ok(self.ask(|reply| Command::Join { topic, reply }).await??)
    }

    /// Leaves a topic; its subscriptions end.
    pub async fn leave(&self, topic: &str) -> Result<(), NodeError> {
        let topic = Topic::new(topic);
        Ok(self.ask(|reply| Command::Leave { topic, reply }).await??)
    }

    /// The node's trace events from now on.
    pub async fn traces(&self) -> Result<Traces, NodeError> {
        self.ask(|reply| Command::Traces { reply }).await
    }

    /// The node's state now.
    pub async fn snapshot(&self) -> Result<Snapshot, NodeError> {
        self.ask(|reply| Command::Snapshot { reply }).await
    }

    /// The multiaddrs at which others reach this node, each with its peer id: one per interface and port.
    pub fn listen_addrs(&self) -> Vec<String> {
        let peer = peer_id_text(&self.shared.peer_id);
        self.shared.transport.listen_addrs().iter().map(|address| format!("{address}/p2p/{peer}")).collect()
    }

    /// Starts to dial a peer; returns before it has answered. Dialed once: [`crate::NodeBuilder::bootstrap`]
    /// is for peers to stay connected to.
    pub async fn dial(&self, address: &str) -> Result<(), NodeError> {
        let refused = |reason: String| NodeError::Dial { address: address.to_owned(), reason };
        let parsed = Multiaddr::from_str(address).map_err(|error| refused(error.to_string()))?;
        let dialing = self.ask(|reply| Command::Dial { address: parsed, reply }).await?;
        dialing.map_err(|error| refused(error.to_string()))
    }

    /// Judges a delivered message, which is only forwarded then: for nodes with
    /// [`Validation::Application`](crate::Validation::Application), without effect in others.
    pub async fn judge(&self, message: &MessageId, verdict: Verdict) -> Result<(), NodeError> {
        let message = message.clone();
        self.ask(|reply| Command::Judge { message, verdict, reply }).await
    }

    /// Tells what the application thinks of a linked peer, until it says something else: a part of the peer's score
    /// where peers are scored ([`ScoreSettings::enabled`](crate::ScoreSettings::enabled)), without effect elsewhere.
    pub async fn rate(&self, peer: &PeerId, score: Score) -> Result<(), NodeError> {
        let peer = *peer;
        self.ask(|reply| Command::Rate { peer, score, reply }).await
    }

    /// Says goodbye to all peers and stops; waits at most `deadline` for what is still being sent.
    ///
    /// Stopping a stopped node does nothing.
    pub async fn shutdown(&self, deadline: Duration) {
        let _stopped_already = self.ask(|reply| Command::Shutdown { deadline, reply }).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, NodeError> {
        let (reply, answer) = oneshot::channel();
        self.shared.commands.send(command(reply)).await.map_err(|_| NodeError::Stopped)?;
        answer.await.map_err(|_| NodeError::Stopped)
    }
}

/// Commands that wait for the driver; each may hold a payload.
pub(crate) const COMMANDS_MAX: usize = 64;
