//! The log of one message's way over the mesh, for the replay in a report.

use std::collections::BTreeMap;

use braidcast_protocol::{Config, ContentId, PeerId, Seed, Settings, Time, Topic, Trace};
use braidcast_runtime_sim::{Network, NodeTrace, Topology};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use std::sync::Arc;
use std::time::Duration;

/// How the first message of a run spread.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// How many nodes.
    pub nodes: usize,
    /// Who published.
    pub publisher: usize,
    /// Useful arrivals that make a node complete: *k* shards, or 1 whole message.
    pub chunks: u64,
    /// Mesh links at the publication, each once.
    pub mesh: Vec<(usize, usize)>,
    /// What arrived, in order of time.
    pub arrivals: Vec<Arrival>,
    /// Whether there was more than the log may hold.
    pub cut: bool,
}

/// A shard or message that arrived: milliseconds from the publication, from whom, at whom, whether it was of use.
pub type Arrival = (f64, usize, usize, bool);

/// Collects a [`Spread`] while a run goes on.
pub(crate) struct Recorder {
    names: BTreeMap<PeerId, usize>,
    message: Option<(ContentId, Time)>,
    spread: Spread,
}

impl Recorder {
    /// Starts before the first publication.
    pub(crate) fn start(network: &mut Network, seed: u64, topic: &Topic, chunks: u64) -> Self {
        network.record_traces(true);
        let nodes = network.nodes();
        let linked = |node: usize| network.mesh(node, topic).into_iter().map(move |other| (node, other));
        let mesh = (0..nodes).flat_map(linked).filter(|(node, other)| node < other).collect();
        let spread = Spread { nodes, publisher: 0, chunks, mesh, arrivals: Vec::new(), cut: false };
        Self { names: roll_call(seed, nodes), message: None, spread }
    }

    /// Follows this message from now on.
    pub(crate) fn follow(&mut self, content: ContentId, publisher: usize, at: Time) {
        if self.message.is_none() {
            self.message = Some((content, at));
            self.spread.publisher = publisher;
        }
    }

    /// Takes what the nodes told since the last call.
    pub(crate) fn collect(&mut self, traces: Vec<NodeTrace>) {
        let Some((message, published)) = self.message else { return };
        for NodeTrace { at, node, what } in traces {
            let Some((content, from, useful)) = self.arrival(&what) else { continue };
            let Some(&from) = self.names.get(&from).filter(|from| content == message && **from != node)
            else {
                continue;
            };
            if self.spread.arrivals.len() == ARRIVALS_MAX {
                self.spread.cut = true;
                return;
            }
            let ms = at.since(published).as_nanos() as f64 / 1e6;
            self.spread.arrivals.push((ms, from, node, useful));
        }
    }

    /// What came in, and whether it was of use; `None` for everything else that nodes tell.
    fn arrival(&self, what: &Trace) -> Option<(ContentId, PeerId, bool)> {
        if let Trace::NewShard(shard) = what {
            return Some((shard.content, shard.from, true));
        }
        if let Trace::DuplicateShard(shard) | Trace::UnhelpfulShard(shard) | Trace::UnnecessaryShard(shard) =
            what
        {
            return Some((shard.content, shard.from, false));
        }
        if let Trace::DeliverMessage { content, from, topic: _ } = what {
            // With shards it is the last of them that completes a message.
            return (self.spread.chunks == 1).then_some((*content, *from, true));
        }
        if let Trace::DuplicateMessage { content, from, topic: _ } = what {
            return Some((*content, *from, false));
        }
        None
    }

    pub(crate) fn finish(self) -> Spread {
        self.spread
    }
}

/// The name of each node. Names follow from seed and index alone, so a network without links has the same: there
/// every node publishes a byte and signs it.
fn roll_call(seed: u64, nodes: usize) -> BTreeMap<PeerId, usize> {
    let config = Arc::new(Config::new(Settings::default()).expect("the defaults are valid"));
    let topic = Topic::new("roll call");
    let builder = Network::builder(Seed::from_number(seed), config).nodes(nodes);
    let network = builder.topology(Topology::Edges(Vec::new())).start_within(Duration::ZERO).build();
    let mut network =
        network.expect("a network without links can be built for any number of nodes that has run");
    network.subscribe_all(&topic).expect("one short topic is within the default limits");
    network.run_until(Time::EPOCH + Duration::from_millis(1)).expect("nodes without links break no rule");
    let publish =
        |node| Some((network.publish(node, &topic, Bytes::from_static(b"!")).ok()?.publisher, node));
    (0..nodes).filter_map(publish).collect()
}

/// Arrivals that a log holds: 1000 nodes with 64 shards, or a report of about 5 MB.
pub const ARRIVALS_MAX: usize = 200_000;
