//! What a network is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::rpc::Rpc;
use braidcast_protocol::{Config, Seed, Time};

use crate::drive::{Happening, World};
use crate::host::Host;
use crate::rng::{Concern, Draws};
use crate::{Network, Topology, TopologyError};

/// How long a frame is on its way after its last byte left the uplink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
}

impl Latency {
    /// Between two nodes.
    pub(crate) fn of_pair(self, seed: &Seed, a: u32, b: u32) -> Duration {
        match self {
            Self::Constant(latency) => latency,
            Self::Uniform { min, max } => Draws::new(seed, Concern::Pair(a, b)).between(min, max),
        }
    }
}

/// Frame loss on links that retransmit: a lost frame arrives late, and those behind it wait for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Chance of each transmission to be lost, parts per million, below a million.
    pub ppm: u32,
    /// Time after which a lost frame is sent again; doubles with each further loss of the same frame.
    pub timeout: Duration,
}

/// Why a network cannot be built.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BuildError {
    /// A number of nodes that cannot be had.
    #[error("{nodes} nodes, allowed are 1 to {max}")]
    Nodes {
        /// How many were asked for.
        nodes: usize,
        /// The most.
        max: usize,
    },
    /// The links.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// Every transmission would be lost.
    #[error("loss of {ppm} parts per million, must be less than a million")]
    Loss {
        /// What was given.
        ppm: u32,
    },
    /// A figure that must not be zero.
    #[error("{name} must be greater than zero")]
    Zero {
        /// Which.
        name: &'static str,
    },
}

/// Settings of a network; made by [`Network::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    seed: Seed,
    nodes: usize,
    topology: Topology,
    config: Arc<Config>,
    configs: BTreeMap<usize, Arc<Config>>,
    tampers: BTreeMap<usize, fn(&mut Rpc)>,
    uplink: Option<u64>,
    start_within: Duration,
    world: World,
}

impl Builder {
    pub(crate) fn new(seed: Seed, config: Arc<Config>) -> Self {
        Self {
            seed,
            nodes: 16,
            topology: Topology::Regular(8),
            config,
            configs: BTreeMap::new(),
            tampers: BTreeMap::new(),
            uplink: None,
            start_within: Duration::from_secs(1),
            world: World::default(),
        }
    }

    /// Number of nodes; default 16.
    #[must_use]
    pub const fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// Links of each node in a connected random graph; default 8.
    #[must_use]
    pub fn degree(self, degree: usize) -> Self {
        self.topology(Topology::Regular(degree))
    }

    /// Any other topology.
    #[must_use]
    pub fn topology(mut self, topology: Topology) -> Self {
        self.topology = topology;
        self
    }

    /// One-way delay; default constant 10 ms.
    #[must_use]
    pub const fn latency(mut self, latency: Latency) -> Self {
        self.world.latency = latency;
        self
    }

    /// Rate of each node's uplink, bytes per second; default (`None`) unlimited. Downlinks are unlimited.
    #[must_use]
    pub const fn uplink(mut self, bytes_per_s: Option<u64>) -> Self {
        self.uplink = bytes_per_s;
        self
    }

    /// What a link's frames may take of the uplink's queue before the node is told to wait, bytes as charged;
    /// default 64 KiB. The last frame may go over it, so 1 is one frame at a time.
    #[must_use]
    pub const fn window(mut self, bytes: u64) -> Self {
        self.world.window_bytes = bytes;
        self
    }

    /// How many bytes the line is charged for each byte of payload or shard; default 1.
    ///
    /// A message of 4 KiB at a scale of 256 takes the time of 1 MiB, with real algebra on the 4 KiB.
    /// Headers and control are charged as encoded.
    #[must_use]
    pub const fn body_scale(mut self, scale: u32) -> Self {
        self.world.body_scale = scale;
        self
    }

    /// Frame loss; default none.
    #[must_use]
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.world.loss = loss;
        self
    }

    /// Encodes and decodes every frame on its way; default off.
    #[must_use]
    pub const fn codec(mut self, on: bool) -> Self {
        self.world.codec = on;
        self
    }

    /// Checks the core's invariants after each event, at the node that it touched; default off.
    #[must_use]
    pub const fn check_invariants(mut self, on: bool) -> Self {
        self.world.check_invariants = on;
        self
    }

    /// Nodes start at times drawn from this span, so that their heartbeats differ; default 1 s.
    #[must_use]
    pub const fn start_within(mut self, span: Duration) -> Self {
        self.start_within = span;
        self
    }

    /// Another configuration for one node.
    #[must_use]
    pub fn node_config(mut self, node: usize, config: Arc<Config>) -> Self {
        self.configs.insert(node, config);
        self
    }

    /// Makes one node an adversary: `tamper` alters each frame that it sends.
    #[must_use]
    pub fn tamper(mut self, node: usize, tamper: fn(&mut Rpc)) -> Self {
        self.tampers.insert(node, tamper);
        self
    }

    /// Loses the frame of this number for good, as no reliable link does: a fault for tests of the trace hash.
    #[must_use]
    pub const fn drop_frame(mut self, number: u64) -> Self {
        self.world.drop_frame = Some(number);
        self
    }

    /// The network at time zero, before any node started.
    pub fn build(self) -> Result<Network, BuildError> {
        self.check()?;
        let graph = self.topology.neighbours(self.nodes, &self.seed)?;
        let mut network = Network::empty(self.seed.clone(), self.world);
        let mut starts = Draws::new(&self.seed, Concern::StartTimes);
        for (index, neighbours) in graph.into_iter().enumerate() {
            let peer = Draws::new(&self.seed, Concern::Identity(index as u32)).peer_id();
            let config = self.configs.get(&index).unwrap_or(&self.config);
            let mut host = Host::new(peer, Arc::clone(config), neighbours, self.uplink);
            host.tamper = self.tampers.get(&index).copied();
            network.peers.insert(peer, index as u32);
            network.hosts.push(host);
            let at = Time::EPOCH + starts.between(Duration::ZERO, self.start_within);
            network.queue.push(at, Happening::Start { node: index as u32, life: 0 });
        }
        Ok(network)
    }

    const fn check(&self) -> Result<(), BuildError> {
        if self.nodes == 0 || self.nodes > NODES_MAX {
            return Err(BuildError::Nodes { nodes: self.nodes, max: NODES_MAX });
        }
        if self.world.loss.ppm >= 1_000_000 {
            return Err(BuildError::Loss { ppm: self.world.loss.ppm });
        }
        if self.world.body_scale == 0 {
            return Err(BuildError::Zero { name: "body_scale" });
        }
        if self.world.window_bytes == 0 {
            return Err(BuildError::Zero { name: "window" });
        }
        Ok(())
    }
}

/// Leaves 4096 connections of each pair within a 32-bit link number.
const NODES_MAX: usize = 1 << 20;
