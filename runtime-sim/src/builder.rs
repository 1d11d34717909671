//! What a network is made of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::rpc::Rpc;
use braidcast_protocol::{Config, Seed, Time};

use crate::world::{Rates, World};
use crate::{
    Adversary, Congestion, Distribution, Fault, Latency, Loss, Processing, Queue, Sharing, Streams, Topology,
    Watch,
};

/// Settings of a network; made by [`crate::Network::builder`] and turned into a network by [`Self::build`].
#[derive(Clone, Debug)]
pub struct Builder {
    pub(crate) seed: Seed,
    pub(crate) nodes: usize,
    pub(crate) topology: Topology,
    pub(crate) config: Arc<Config>,
    pub(crate) configs: BTreeMap<usize, Arc<Config>>,
    pub(crate) tampers: BTreeMap<usize, fn(&mut Rpc)>,
    pub(crate) rates: Rates,
    pub(crate) node_rates: BTreeMap<usize, Rates>,
    pub(crate) latency: Latency,
    pub(crate) queue: Queue,
    pub(crate) nat_ppm: u32,
    pub(crate) watch: Watch,
    pub(crate) recorded: Option<usize>,
    pub(crate) faults: Vec<(Time, Fault)>,
    pub(crate) adversaries: BTreeMap<usize, Adversary>,
    pub(crate) addresses: BTreeMap<usize, usize>,
    pub(crate) start_within: Duration,
    pub(crate) world: World,
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
            addresses: BTreeMap::new(),
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

    /// Which frames of a link wait for lost ones; default all, [`Streams::One`].
    #[must_use]
    pub const fn streams(mut self, streams: Streams) -> Self {
        self.world.streams = streams;
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

    /// Keeps all that one node is told and a digest of what it does: [`crate::Network::recordings`].
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

    /// Gives a node the IP address of another; default each has its own.
    #[must_use]
    pub fn share_address(mut self, node: usize, with: usize) -> Self {
        self.addresses.insert(node, with);
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
}
