//! How long a frame is on its way after its last byte left the uplink.

mod distribution;
mod places;
mod presets;
mod regions;

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::Seed;

pub use self::distribution::Distribution;
pub use self::places::Place;
pub use self::regions::{Regions, RegionsError};
use crate::rng::{Concern, Draws};

/// How long a frame is on its way after its last byte left the uplink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Latency {
    /// The same for all pairs.
    Constant(Duration),
    /// Drawn once for each pair from the seed; the same both ways.
    Uniform {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// Drawn once for each pair from a distribution; the same both ways.
    Drawn(Distribution),
    /// By the regions of the two nodes. A node's region is drawn by the regions' weights.
    Regions(Arc<Regions>),
}

/// The latencies of one network: the setting with what its nodes drew.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    setting: Latency,
    /// Each node's region; empty without regions.
    regions: Vec<u16>,
}

impl Latencies {
    pub(crate) const fn constant(latency: Duration) -> Self {
        Self { setting: Latency::Constant(latency), regions: Vec::new() }
    }

    pub(crate) fn new(setting: Latency, seed: &Seed, nodes: usize) -> Self {
        let regions = match &setting {
            Latency::Constant(_) | Latency::Uniform { .. } | Latency::Drawn(_) => Vec::new(),
            Latency::Regions(regions) => {
                let mut draws = Draws::new(seed, Concern::Regions);
                (0..nodes).map(|_| regions.draw(&mut draws)).collect()
            }
        };
        Self { setting, regions }
    }

    /// Between two nodes.
    pub(crate) fn of_pair(&self, seed: &Seed, a: u32, b: u32) -> Duration {
        match &self.setting {
            Latency::Constant(latency) => *latency,
            Latency::Uniform { min, max } => Draws::new(seed, Concern::Pair(a, b)).between(*min, *max),
            Latency::Drawn(distribution) => distribution.draw(&mut Draws::new(seed, Concern::Pair(a, b))),
            Latency::Regions(regions) => regions.between(self.regions[a as usize], self.regions[b as usize]),
        }
    }

    /// A node's region.
    pub(crate) fn region(&self, node: usize) -> Option<u16> {
        self.regions.get(node).copied()
    }
}
