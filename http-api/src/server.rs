//! The HTTP server: axum on hyper, and an end that does not wait for clients.

use std::future::IntoFuture;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use braidcast_runtime_tokio::SystemUsage;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::routes::{Info, StateSource, router};

/// Why the API is not served.
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
    /// The listener failed.
    #[error("HTTP server")]
    Io(#[from] io::Error),
}

/// Listens on an address; port 0 takes a free one.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
}

/// Serves a node's HTTP API until `shutdown`, then gives requests under way 2 s to end.
pub async fn serve<S: StateSource>(
    listener: TcpListener,
    source: S,
    usage: SystemUsage,
    info: Info,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let stopping = shutdown.clone();
    let serving = axum::serve(listener, router(source, usage, info))
        .with_graceful_shutdown(async move { stopping.cancelled().await })
        .into_future();
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN_DEADLINE).await;
    };
    tokio::select! {
        served = serving => Ok(served?),
        () = deadline => Ok(()),
    }
}

const DRAIN_DEADLINE: Duration = Duration::from_secs(2);
