//! HTTP API of a Braidcast node. Source: compat 5.1.
//!
//! | GET | answers |
//! |---|---|
//! | `/api/v1/health`, `/health` | how the node and its machine are doing |
//! | `/api/v1/node-state` | its id, addresses, peers and topics |
//! | `/api/v1/version` | version and commit |
//! | `/api/v1/p2p-snapshot` | messages and shards held, and the peers |
//! | `/api/v1/topics`, `?topic=T`, `&nodeinfo=true` | topics with their peers |
//! | `/` | a line of text, so that a browser sees that the node is up |
//!
//! Answers are compact JSON with keys in alphabetical order: scripts search them as text. While the node does not
//! answer, all but `/` and the version are 503 with `{"error":…}`.
//!
//! ```no_run
//! use braidcast_http_api::{Info, bind, serve};
//! use braidcast_runtime_tokio::{Node, SystemUsage};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn run(node: Node, shutdown: CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//!     let listener = bind("127.0.0.1:9090".parse()?).await?;
//!     serve(listener, node, SystemUsage::start(), Info::default(), shutdown).await?;
//!     Ok(())
//! }
//! ```

mod body;
mod routes;
mod server;

pub use routes::{Info, StateSource, router};
pub use server::{ServeError, bind, serve};
