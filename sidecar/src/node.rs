//! What the sidecar asks of a node.

use std::future::Future;
use std::sync::Arc;

use braidcast_runtime_tokio::{
    ContentId, Message, Node, NodeError, PeerId, Snapshot, Subscription, TraceRecord, Traces,
};
use bytes::Bytes;
use futures::Stream;

/// A node as the sidecar sees it: [`Node`], or a stand-in in tests. See [`Node`] for what each call means.
///
/// Both streams must be bounded and drop what does not fit: the sidecar reads them as fast as it can.
pub trait NodeApi: Clone + Send + Sync + 'static {
    /// The messages of one topic.
    type Messages: Stream<Item = Arc<Message>> + Send + Unpin + 'static;
    /// Trace events.
    type Traces: Stream<Item = TraceRecord> + Send + Unpin + 'static;

    /// This node's peer id.
    fn peer_id(&self) -> PeerId;
    /// Publishes, joining the topic first if need be.
    fn publish(
        &self,
        topic: &str,
        payload: Bytes,
    ) -> impl Future<Output = Result<ContentId, NodeError>> + Send;
    /// Joins a topic and gives its messages.
    fn subscribe(&self, topic: &str) -> impl Future<Output = Result<Self::Messages, NodeError>> + Send;
    /// Trace events from now on.
    fn traces(&self) -> impl Future<Output = Result<Self::Traces, NodeError>> + Send;
    /// The state now.
    fn snapshot(&self) -> impl Future<Output = Result<Snapshot, NodeError>> + Send;
}

impl NodeApi for Node {
    type Messages = Subscription;
    type Traces = Traces;

    fn peer_id(&self) -> PeerId {
        Self::peer_id(self)
    }

    async fn publish(&self, topic: &str, payload: Bytes) -> Result<ContentId, NodeError> {
        Self::publish(self, topic, payload).await
    }

    async fn subscribe(&self, topic: &str) -> Result<Subscription, NodeError> {
        Self::subscribe(self, topic).await
    }

    async fn traces(&self) -> Result<Traces, NodeError> {
        Self::traces(self).await
    }

    async fn snapshot(&self) -> Result<Snapshot, NodeError> {
        Self::snapshot(self).await
    }
}
