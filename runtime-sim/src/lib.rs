//! Deterministic discrete-event simulator: many nodes, one thread, virtual time.
//!
//! It drives the same [`Node`](braidcast_protocol::Node) as production. What it models, and what a run may claim:
//!
//! * each node has an **uplink** and a **downlink**, each with a rate, FIFO (control ahead of data) or shared
//!   max-min fairly ([`Sharing`]); frames are received while they are still being sent;
//! * a frame arrives one **latency** of its pair ([`Latency`]: constant, drawn, by region or by distance) and some
//!   **jitter** after its last byte left, in order; a lost one arrives after retransmission;
//! * a connection may have a **congestion window** ([`Congestion`]), a node a **processor** that works at a price
//!   ([`Processing`]), and queues may be finite;
//! * a link takes new data only while its share of the uplink's queue is below a **window**: shards are made
//!   late, as with a small socket buffer;
//! * bodies may be charged at a multiple of their length, so that a mebibyte is simulated with kibibytes of
//!   real algebra;
//! * what goes wrong is data: [`Fault`] and [`Adversary`].
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

mod act;
mod adversary;
mod bound;
mod bounds;
mod build;
mod build_error;
mod builder;
mod clock;
mod commands;
mod congestion;
mod difference;
mod drive;
mod failure;
mod fault;
mod fixed;
mod fold;
mod frames;
mod host;
mod journal;
mod latency;
mod line;
mod links;
mod network;
mod opinion;
#[cfg(test)]
mod optimum_tests;
mod processor;
mod progress;
mod queue;
mod record;
mod recorder;
mod rng;
mod share;
mod stats;
mod topology;
mod uplink;
mod world;

pub use adversary::{Adversary, Flood};
pub use bound::postal_bound;
pub use bounds::Bounds;
pub use build_error::BuildError;
pub use builder::Builder;
pub use commands::CommandError;
pub use congestion::Congestion;
pub use difference::{Difference, first_difference};
pub use failure::{Failure, Violation};
pub use fault::{Fault, FaultError};
pub use journal::{Checkpoint, JournalEntry, Watch};
pub use latency::{Distribution, Latency, Place, Regions, RegionsError};
pub use network::Network;
pub use processor::Processing;
pub use queue::Queue;
pub use record::{Delivery, Published, ShardArrival};
pub use rng::choose_nodes;
pub use stats::{NodeStats, NodeTrace};
pub use topology::{Topology, TopologyError};
pub use world::{Loss, Sharing, Streams};
