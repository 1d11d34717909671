//! The handle: what an application, the sidecar and the HTTP API see of a running node.

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::{ContentId, LeaveError, MessageId, PeerId, PublishError, SubscribeError, Topic, Trace};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::queue::Listener;
use crate::snapshot::Snapshot;

/// A running node. Clones are handles of the same node.
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) peer_id: PeerId,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// A message as it was published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where.
    pub topic: Topic,
    /// The SHA-256 of the payload, the id that clients see.
    pub content: ContentId,
    /// The GossipSub id.
    pub id: MessageId,
    /// Who published it.
    pub publisher: PeerId,
    /// The neighbour that completed it; the node itself for its own messages.
    pub via: PeerId,
    /// What was published.
    pub payload: Bytes,
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
