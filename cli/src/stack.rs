//! A node with everything around it: the gRPC sidecar and the HTTP API, started and stopped together.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, anyhow};
use braidcast_runtime_tokio::{Node, NodeBuilder, SystemUsage};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Where the services of a node go.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// Where the gRPC service listens; port 0 is a free one.
    pub(crate) sidecar: SocketAddr,
    /// Where the HTTP API listens; port 0 is a free one.
    pub(crate) api: SocketAddr,
    /// Length of random messages.
    pub(crate) random_message_bytes: usize,
    /// Longest message of the node, which a request must be able to hold.
    pub(crate) message_bytes_max: usize,
}

/// A running node and its services.
#[derive(Debug)]
pub(crate) struct Stack {
    /// The node.
    pub(crate) node: Node,
    /// Where the gRPC service listens.
    pub(crate) sidecar: SocketAddr,
    /// Where the HTTP API listens.
    pub(crate) api: SocketAddr,
    servers: JoinSet<anyhow::Result<()>>,
    stopping: CancellationToken,
}

impl Stack {
    /// Starts all or nothing: ports that are taken are found before the node reaches out to anyone.
    pub(crate) async fn start(
        builder: NodeBuilder,
        services: &Services,
        usage: SystemUsage,
    ) -> anyhow::Result<Self> {
        let grpc = braidcast_sidecar::bind(services.sidecar).await.context("SIDECAR_PORT")?;
        let http = braidcast_http_api::bind(services.api).await.context("API_PORT")?;
        let (sidecar, api) = (grpc.local_addr()?, http.local_addr()?);
        let node = builder.start().await.context("start node")?;
        let stopping = CancellationToken::new();
        let mut servers = JoinSet::new();
        servers.spawn(serve_grpc(grpc, node.clone(), usage.clone(), services.clone(), stopping.clone()));
        servers.spawn(serve_http(http, node.clone(), usage, stopping.clone()));
        Ok(Self { node, sidecar, api, servers, stopping })
    }

    /// Waits for a service to fail, which none should.
    pub(crate) async fn failed(&mut self) -> anyhow::Error {
        match self.servers.join_next().await {
            Some(Ok(Ok(()))) => anyhow!("a service ended by itself"),
            Some(Ok(Err(error))) => error,
            Some(Err(panicked)) => anyhow::Error::new(panicked).context("a service crashed"),
            None => std::future::pending().await,
        }
    }

    /// Ends the services, then the node: each gets a bounded time for what is still under way.
    pub(crate) async fn stop(mut self) {
        self.stopping.cancel();
        while self.servers.join_next().await.is_some() {}
        self.node.shutdown(SHUTDOWN_DEADLINE).await;
    }
}

async fn serve_grpc(
    listener: TcpListener,
    node: Node,
    usage: SystemUsage,
    services: Services,
    stopping: CancellationToken,
) -> anyhow::Result<()> {
    let mut options = braidcast_sidecar::Options {
        random_bytes: services.random_message_bytes,
        ..braidcast_sidecar::Options::default()
    };
    let request_bytes = services.message_bytes_max.saturating_add(REQUEST_OVERHEAD_BYTES);
    options.request_bytes_max = options.request_bytes_max.max(request_bytes);
    braidcast_sidecar::serve(listener, node, usage, options, stopping).await.context("gRPC sidecar")
}

async fn serve_http(
    listener: TcpListener,
    node: Node,
    usage: SystemUsage,
    stopping: CancellationToken,
) -> anyhow::Result<()> {
    let info = braidcast_http_api::Info {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: env!("BRAIDCAST_COMMIT").to_owned(),
        ..braidcast_http_api::Info::default()
    };
    braidcast_http_api::serve(listener, node, usage, info, stopping).await.context("HTTP API")
}

/// How long a node may take to say goodbye and to send what it still has.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);
/// What a publish request holds besides its payload: topic, token and field headers.
const REQUEST_OVERHEAD_BYTES: usize = 64 << 10;
