//! `/proto.CommandStream`: the three methods.

use std::sync::Arc;

use braidcast_runtime_tokio::{Mode, NodeError, Snapshot, SystemUsage, peer_id_text};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use crate::encode::{Encoder, mode_name};
use crate::node::NodeApi;
use crate::options::Options;
use crate::outbox::{Responses, outbox};
use crate::pb::proto;
use crate::pb::proto::command_stream_server::CommandStream;
use crate::stream::{Listeners, StreamTask};

/// The service over one node.
pub(crate) struct Service<N: NodeApi> {
    pub(crate) node: N,
    pub(crate) mode: Mode,
    pub(crate) usage: SystemUsage,
    pub(crate) options: Arc<Options>,
    pub(crate) encoder: Arc<Encoder>,
    pub(crate) shutdown: CancellationToken,
}

impl<N: NodeApi> Service<N> {
    pub(crate) fn new(
        node: N,
        mode: Mode,
        usage: SystemUsage,
        options: Options,
        shutdown: CancellationToken,
    ) -> Self {
        let encoder = Arc::new(Encoder::new(node.peer_id(), mode, options.json));
        Self { node, mode, usage, options: Arc::new(options), encoder, shutdown }
    }

    async fn snapshot(&self) -> Result<Snapshot, Status> {
        self.node.snapshot().await.map_err(|error: NodeError| Status::unavailable(error.to_string()))
    }
}

#[tonic::async_trait]
impl<N: NodeApi> CommandStream for Service<N> {
    type ListenCommandsStream = Responses;

    /// Nothing is awaited before the task is spawned: when the client resets the stream at once, this future
    /// is polled only once (compat 1.5, rule 2).
    async fn listen_commands(
        &self,
        request: Request<Streaming<proto::Request>>,
    ) -> Result<Response<Responses>, Status> {
        let (outbox, responses) = outbox(self.options.outbox, self.encoder.clone());
        let task = StreamTask {
            node: self.node.clone(),
            options: self.options.clone(),
            outbox,
            listeners: Listeners::none(),
            unconfirmed: None,
            shutdown: self.shutdown.clone(),
        };
        tokio::spawn(task.run(request.into_inner()));
        Ok(Response::new(responses))
    }

    async fn health(&self, _: Request<proto::Void>) -> Result<Response<proto::HealthResponse>, Status> {
        let usage = self.usage.now();
        let snapshot = self.snapshot().await?;
        let me = peer_id_text(&snapshot.peer_id);
        Ok(Response::new(proto::HealthResponse {
            status: true,
            node_mode: mode_name(self.mode).to_owned(),
            memory_used: usage.memory,
            cpu_used: usage.cpu,
            disk_used: usage.disk,
            p2p_address: snapshot
                .listen
                .first()
                .map(|address| format!("{address}/p2p/{me}"))
                .unwrap_or_default(),
            country: self.options.location.country.clone(),
            country_iso: self.options.location.country_iso.clone(),
        }))
    }

    async fn list_topics(&self, _: Request<proto::Void>) -> Result<Response<proto::TopicList>, Status> {
        let topics = self.snapshot().await?.topics;
        let topics = topics.iter().map(|joined| joined.topic.as_str().to_owned()).collect();
        Ok(Response::new(proto::TopicList { topics }))
    }
}
