//! gRPC sidecar of a Braidcast node: `/proto.CommandStream` and its typed client.
//!
//! [`serve`] puts a running node behind the gRPC service that OptimumP2P clients speak; [`client::Client`] is the
//! other end. One stream carries many commands and, in the other direction, messages as JSON and trace events
//! as protobuf. A client that does not read loses responses (counted), never the node's attention.
//!
//! ```no_run
//! use braidcast_runtime_tokio::{Node, SystemUsage};
//! use braidcast_sidecar::{Options, bind, serve};
//! use tokio_util::sync::CancellationToken;
//!
//! async fn run(node: Node, shutdown: CancellationToken) -> Result<(), Box<dyn std::error::Error>> {
//!     let listener = bind("127.0.0.1:33212".parse()?).await?;
//!     serve(listener, node, SystemUsage::start(), Options::default(), shutdown).await?;
//!     Ok(())
//! }
//! ```

mod answer;
pub mod client;
mod command;
mod encode;
mod message;
mod node;
mod options;
mod outbox;
mod patient;
pub mod pb;
mod server;
mod service;
mod stream;
mod trace;

pub use answer::{Published, Refusal};
pub use message::{Delivered, JsonStyle};
pub use node::NodeApi;
pub use options::{Location, Options};
pub use outbox::OutboxBounds;
pub use server::{ServeError, bind, serve};
