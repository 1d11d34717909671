//! The log of one message's way over the mesh, for the replay in a report.

use braidcast_protocol::{Time, Topic};
use braidcast_runtime_sim::Network;
use serde::{Deserialize, Serialize};

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
pub type Arrival = (f64, u32, u32, bool);

impl Spread {
    /// The log at the publication, still without arrivals.
    pub(crate) fn begin(network: &Network, topic: &Topic, publisher: usize, chunks: u64) -> Self {
        let nodes = network.nodes();
        let linked = |node: usize| network.mesh(node, topic).into_iter().map(move |other| (node, other));
        let mesh = (0..nodes).flat_map(linked).filter(|(node, other)| node < other).collect();
        Self { nodes, publisher, chunks, mesh, arrivals: Vec::new(), cut: false }
    }

    /// The log at the end of the run.
    pub(crate) fn finish(mut self, network: &Network, published: Time) -> Self {
        let logged = network.spread();
        self.cut = logged.len() > ARRIVALS_MAX;
        let millis = |at: Time| at.since(published).as_nanos() as f64 / 1e6;
        let arrivals = logged.iter().take(ARRIVALS_MAX);
        self.arrivals = arrivals.map(|it| (millis(it.at), it.from, it.to, it.useful)).collect();
        self
    }
}

/// Arrivals that a log holds: 1000 nodes with 64 shards, or a report of about 5 MB.
pub const ARRIVALS_MAX: usize = 200_000;
