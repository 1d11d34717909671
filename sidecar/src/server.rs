//! The gRPC server: connections, HTTP/2 settings, and an end that does not wait for clients.
//!
//! Connections are driven here and not by tonic's own server: its graceful shutdown waits for open streams for
//! ever, and its connection tasks cannot be aborted.
//!
//! Keepalive pings (compat trap T36): hyper and h2 answer every PING and never count them, with or without
//! streams, so there is no `too_many_pings` to be permissive about. What h2 does answer with ENHANCE_YOUR_CALM,
//! closing the connection, are two other things: streams reset before they are accepted, over a limit that is
//! raised here; and many DATA frames below 256 bytes that nobody has read yet, over half the connection's window
//! (about a hundred frames with the default window, so small windows would also cut publishers that wait).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use braidcast_runtime_tokio::{NodeError, SystemUsage};
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use crate::node::NodeApi;
use crate::options::Options;
use crate::patient::Patient;
use crate::pb::DESCRIPTORS;
use crate::pb::proto::command_stream_server::CommandStreamServer;
use crate::service::Service;

/// Why a sidecar does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is in use, not ours, or not allowed.
    #[error("cannot listen on {address}")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The node does not answer.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A bug in this crate: its own service descriptions are wrong.
    #[error("reflection of own services")]
    Reflection(#[source] Box<tonic_reflection::server::Error>),
}

/// Listens on an address; port 0 takes a free one.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}

/// Serves a node's clients until `shutdown`, then gives open streams [`Options::drain_deadline`] to end.
///
/// Besides `/proto.CommandStream` there are the gRPC health service, which says NOT_SERVING from the shutdown
/// on, and reflection (v1 and v1alpha).
pub async fn serve<N: NodeApi>(
    listener: TcpListener,
    node: N,
    usage: SystemUsage,
    options: Options,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mode = node.snapshot().await?.mode;
    let drain_deadline = options.drain_deadline;
    let request_bytes_max = options.request_bytes_max;
    let service = Service::new(node, mode, usage, options, shutdown.clone());
    let commands = CommandStreamServer::new(service)
        .max_decoding_message_size(request_bytes_max)
        .max_encoding_message_size(usize::MAX);
    let (health, routes) = routes(commands).await?;

    let mut connections = JoinSet::new();
    accept(&listener, &routes, &mut connections, &shutdown).await;
    drop(listener);
    withdraw::<N>(&health).await;
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(drain_deadline, drained).await.is_err() {
        tracing::info!(connections = connections.len(), "clients did not leave in time: cut");
        connections.shutdown().await;
    }
    Ok(())
}

async fn routes<N: NodeApi>(
    commands: CommandStreamServer<Service<N>>,
) -> Result<(HealthReporter, Routes), ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<CommandStreamServer<Service<N>>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let broken = |error| ServeError::Reflection(Box::new(error));
    let routes = Routes::new(commands)
        .add_service(health_service)
        .add_service(reflection().build_v1().map_err(broken)?)
        .add_service(reflection().build_v1alpha().map_err(broken)?)
        .prepare();
    Ok((health, routes))
}

/// Watchers of the health service see NOT_SERVING, then their streams end.
async fn withdraw<N: NodeApi>(health: &HealthReporter) {
    let named = CommandStreamServer::<Service<N>>::NAME;
    for name in ["", named] {
        health.set_service_status(name, tonic_health::ServingStatus::NotServing).await;
    }
}

async fn accept(
    listener: &TcpListener,
    routes: &Routes,
    connections: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) {
    let http = Arc::new(http());
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        let accepted = tokio::select! {
            accepted = listener.accept(), if has_room => accepted,
            Some(_ended) = connections.join_next(), if !connections.is_empty() => continue,
            () = shutdown.cancelled() => return,
        };
        match accepted {
            Ok((stream, _address)) => {
                connections.spawn(connection(stream, http.clone(), routes.clone(), shutdown.clone()));
            }
            Err(error) => {
                // Mostly too many open files: trying again at once would spin.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    http: Arc<http2::Builder<TokioExecutor>>,
    routes: Routes,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let serving = http.serve_connection(TokioIo::new(Patient::new(stream)), TowerToHyperService::new(routes));
    tokio::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection failed");
    }
}

fn http() -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_MAX)
        .max_send_buf_size(SEND_BUFFER)
        .max_concurrent_streams(STREAMS_MAX)
        .max_pending_accept_reset_streams(RESET_STREAMS_MAX)
        .keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    http
}

/// Open connections; more wait in the operating system's queue.
const CONNECTIONS_MAX: usize = 4096;
/// Open streams per connection.
const STREAMS_MAX: u32 = 1024;
/// What a client may send on a stream before the node has taken it: several messages of the usual largest size.
const STREAM_WINDOW: u32 = 16 << 20;
/// The same for all streams of a connection.
const CONNECTION_WINDOW: u32 = 64 << 20;
/// Larger frames mean fewer of them; ours to receive only.
const FRAME_MAX: u32 = 1 << 20;
/// What waits in HTTP/2 per stream, after the outbox.
const SEND_BUFFER: usize = 1 << 20;
/// Streams opened and reset at once, before they are accepted: publishers that send and leave (rule 2) do so.
const RESET_STREAMS_MAX: usize = 1024;
/// Finds clients that are gone without a word; seldom enough not to matter.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
