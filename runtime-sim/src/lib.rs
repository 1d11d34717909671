//! Deterministic discrete-event simulator: many nodes, one thread, virtual time.
//!
//! It drives the same [`Node`](braidcast_protocol::Node) as production. What it models, and what a run may claim:
//!
//! * each node has an **uplink** of a given rate, one frame after another, control ahead of data; downlinks
//!   are unlimited;
//! * a frame arrives one **latency** of its pair after its last byte left, in order; a lost one arrives
//!   after retransmission;
//! * a link takes new data only while its share of the uplink's queue is below a **window**: shards are made
//!   late, as with a small socket buffer;
//! * bodies may be charged at a multiple of their length, so that a mebibyte is simulated with kibibytes of
//!   real algebra.
//!
//! Everything random follows from one seed. There are no threads, no clock and no floating point in any
//! decision; the order of events is total.
//!
//! ```
//! # use std::{error::Error, sync::Arc, time::Duration};
//! use braidcast_protocol::{Config, Seed, Settings, Time, Topic};
//! use braidcast_runtime_sim::{Latency, Network};
//!
//! # fn main() -> Result<(), Box<dyn Error>> {
//! let config = Arc::new(Config::new(Settings::default())?);
//! let mut network = Network::builder(Seed::from_number(1), config)
//!     .nodes(12)
//!     .degree(6)
//!     .latency(Latency::Constant(Duration::from_millis(25)))
//!     .uplink(Some(50_000_000 / 8))
//!     .build()?;
//! let topic = Topic::new("blocks");
//! network.subscribe_all(&topic)?;
//! network.run_until(Time::EPOCH + Duration::from_secs(3))?;
//! let message = network.publish(0, &topic, vec![7; 20_000].into())?;
//! let all = network.run_until_delivered(&[message.id], network.now() + Duration::from_secs(10))?;
//! assert!(all);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod bound;
mod builder;
mod drive;
mod failure;
mod fold;
mod host;
mod links;
mod network;
mod queue;
mod rng;
mod stats;
mod topology;
mod uplink;

pub use bound::postal_bound;
pub use builder::{BuildError, Builder, Latency, Loss};
pub use failure::{Failure, Violation};
pub use network::{CommandError, Network};
pub use stats::{Delivery, NodeStats, NodeTrace, Published};
pub use topology::{Topology, TopologyError};
