//! What a network is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::rpc::Rpc;
use braidcast_protocol::{Config, Seed, Time};

use crate::build_error::BuildError;
use crate::drive::Happening;
use crate::host::Host;
use crate::latency::Latencies;
use crate::recorder::Recorder;
use crate::rng::{Concern, Draws, choose_nodes};
use crate::share::Shares;
use crate::topology::behind_nat;
use crate::world::{Rates, World};
use crate::{
    Adversary, Congestion, Distribution, Fault, Latency, Loss, Network, Processing, Queue, Sharing, Topology,
    Watch,
};

/// Settings of a network; made by [`Network::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    seed: Seed,
    nodes: usize,
    topology: Topology,
    config: Arc<Config>,
    configs: BTreeMap<usize, Arc<Config>>,
    tampers: BTreeMap<usize, fn(&mut Rpc)>,
    rates: Rates,
    node_rates: BTreeMap<usize, Rates>,
    latency: Latency,
    queue: Queue,
    nat_ppm: u32,
    watch: Watch,
    recorded: Option<usize>,
    faults: Vec<(Time, Fault)>,
    adversaries: BTreeMap<usize, Adversary>,
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
            rates: Rates::default(),
            node_rates: BTreeMap::new(),
            latency: Latency::Constant(Duration::from_millis(10)),
            queue: Queue::default(),
            nat_ppm: 0,
            watch: Watch::default(),
            recorded: None,
            faults: Vec::new(),
            adversaries: BTreeMap::new(),
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
    pub fn latency(mut self, latency: Latency) -> Self {
        self.latency = latency;
        self
    }

    /// Delay added to each frame's latency; default none. Frames of one link still arrive in order.
    #[must_use]
    pub const fn jitter(mut self, jitter: Distribution) -> Self {
        self.world.jitter = Some(jitter);
        self
    }

    /// Rate of each node's uplink, bytes per second; default (`None`) unlimited.
    #[must_use]
    pub const fn uplink(mut self, bytes_per_s: Option<u64>) -> Self {
        self.rates.up = bytes_per_s;
        self
    }

    /// Rate of each node's downlink, bytes per second; default (`None`) unlimited.
    #[must_use]
    pub const fn downlink(mut self, bytes_per_s: Option<u64>) -> Self {
        self.rates.down = bytes_per_s;
        self
    }

    /// Other rates for one node, uplink and downlink, bytes per second; `None` is unlimited.
    #[must_use]
    pub fn node_rates(mut self, node: usize, up: Option<u64>, down: Option<u64>) -> Self {
        self.node_rates.insert(node, Rates { up, down });
        self
    }

    /// How links share a node's uplink; default one frame after another.
    #[must_use]
    pub const fn uplink_sharing(mut self, sharing: Sharing) -> Self {
        self.world.uplinks = sharing;
        self
    }

    /// How links share a node's downlink; default one frame after another.
    #[must_use]
    pub const fn downlink_sharing(mut self, sharing: Sharing) -> Self {
        self.world.downlinks = sharing;
        self
    }

    /// Gives each connection a congestion window; default none, a link may use its line at once.
    #[must_use]
    pub const fn congestion(mut self, rules: Congestion) -> Self {
        self.world.congestion = Some(rules);
        self
    }

    /// What a node's processor spends on frames; default nothing.
    #[must_use]
    pub const fn processing(mut self, processing: Processing) -> Self {
        self.world.processing = processing;
        self
    }

    /// What may wait for one link at its uplink, bytes as charged, before one more control frame closes the link
    /// as too slow; default unlimited. Data waits in the node instead: see [`Self::window`].
    #[must_use]
    pub const fn send_queue(mut self, bytes: u64) -> Self {
        self.world.send_queue_bytes = Some(bytes);
        self
    }

    /// What may wait at a downlink of limited rate, bytes as charged, before a further frame is lost there and sent
    /// again after the timeout of [`Self::loss`]; default unlimited. For lines that are not shared fairly.
    #[must_use]
    pub const fn receive_queue(mut self, bytes: u64) -> Self {
        self.world.receive_queue_bytes = Some(bytes);
        self
    }

    /// Which event queue; default bucketed. The run is the same with both.
    #[must_use]
    pub const fn queue(mut self, queue: Queue) -> Self {
        self.queue = queue;
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

    /// Fails the run when a node's core holds more payload bytes than this ([`braidcast_protocol::Held::bytes`], at
    /// their real size), asked at each of its wake-ups; default no limit.
    #[must_use]
    pub const fn held_bytes_max(mut self, bytes: usize) -> Self {
        self.world.held_bytes_max = Some(bytes);
        self
    }

    /// What is kept of the trace beside its hash; default nothing. Changes nothing in the run.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }

    /// Keeps all that one node is told and a digest of what it does: [`Network::recordings`].
    #[must_use]
    pub const fn record(mut self, node: usize) -> Self {
        self.recorded = Some(node);
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

    /// A link on which nothing comes through is given up after this time; default 30 s, as QUIC connections are.
    #[must_use]
    pub const fn link_timeout(mut self, timeout: Duration) -> Self {
        self.world.link_timeout = timeout;
        self
    }

    /// Share of nodes that nobody can dial, parts per million; default none. Two of them cannot connect, so each
    /// dials others instead. Which they are follows from the seed.
    #[must_use]
    pub const fn nat_share(mut self, ppm: u32) -> Self {
        self.nat_ppm = ppm;
        self
    }

    /// Lets something go wrong at a time after the start.
    #[must_use]
    pub fn fault(mut self, after: Duration, fault: Fault) -> Self {
        self.faults.push((Time::EPOCH + after, fault));
        self
    }

    /// Makes one node an adversary.
    #[must_use]
    pub fn adversary(mut self, node: usize, adversary: Adversary) -> Self {
        self.adversaries.insert(node, adversary);
        self
    }

    /// The network at time zero, before any node started.
    pub fn build(mut self) -> Result<Network, BuildError> {
        self.check()?;
        let nat = self.nat();
        let graph = self.topology.neighbours(self.nodes, &self.seed)?;
        let graph = if nat.contains(&true) { behind_nat(graph, &nat, &self.seed)? } else { graph };
        self.world.latencies = Latencies::new(self.latency.clone(), &self.seed, self.nodes);
        let mut network =
            Network::empty(self.seed.clone(), self.world.clone(), self.queue, self.watch.clone());
        network.recorder = self.recorded.map(|node| Recorder::new(node as u32));
        if [self.world.uplinks, self.world.downlinks].contains(&Sharing::FairShare) {
            network.shares = Some(Shares::new(self.nodes));
        }
        let mut starts = Draws::new(&self.seed, Concern::StartTimes);
        for (index, neighbours) in graph.into_iter().enumerate() {
            let peer = Draws::new(&self.seed, Concern::Identity(index as u32)).peer_id();
            let config = self.configs.get(&index).unwrap_or(&self.config);
            let mut host = Host::new(peer, Arc::clone(config), neighbours);
            host.tamper = self.tampers.get(&index).copied();
            host.nat = nat[index];
            network.peers.insert(peer, index as u32);
            let Rates { up, down } = *self.node_rates.get(&index).unwrap_or(&self.rates);
            host.fastest = Rates { up, down };
            network.hosts.push(host);
            network.set_uplink(index, up);
            network.set_downlink(index, down);
            let at = Time::EPOCH + starts.between(Duration::ZERO, self.start_within);
            network.queue.push(at, Happening::Start { node: index as u32, life: 0 });
        }
        for (at, fault) in self.faults {
            network.inject_at(at, fault)?;
        }
        for (node, adversary) in self.adversaries {
            network.set_adversary(node, Some(adversary));
        }
        Ok(network)
    }

    /// Which nodes nobody can dial.
    fn nat(&self) -> Vec<bool> {
        let count = self.nodes as u64 * u64::from(self.nat_ppm) / 1_000_000;
        let mut nat = vec![false; self.nodes];
        for node in choose_nodes(&self.seed, NAT, self.nodes, count as usize, &[]) {
            nat[node] = true;
        }
        nat
    }

    fn check(&self) -> Result<(), BuildError> {
        if self.nodes == 0 || self.nodes > NODES_MAX {
            return Err(BuildError::Nodes { nodes: self.nodes, max: NODES_MAX });
        }
        let named = self
            .adversaries
            .keys()
            .chain(self.configs.keys())
            .chain(self.node_rates.keys())
            .chain(&self.recorded);
        if let Some(&node) = named.chain(self.tampers.keys()).find(|node| **node >= self.nodes) {
            return Err(BuildError::Node { node, nodes: self.nodes });
        }
        if self.nat_ppm > 1_000_000 {
            return Err(BuildError::Nat { ppm: self.nat_ppm });
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
        if let Some(rules) = self.world.congestion
            && (rules.initial_bytes == 0 || rules.packet_bytes == 0 || rules.max_bytes < rules.initial_bytes)
        {
            return Err(BuildError::Congestion { rules });
        }
        Ok(())
    }
}

/// Leaves 4096 connections of each pair within a 32-bit link number.
const NODES_MAX: usize = 1 << 20;

/// The purpose of choosing the nodes behind NAT; callers' purposes are below.
const NAT: u32 = u32::MAX;
