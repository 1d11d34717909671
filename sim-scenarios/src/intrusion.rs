//! How far adversaries get into the meshes of honest nodes.

use braidcast_protocol::{Score, Topic};
use braidcast_runtime_sim::Network;

use crate::result::Defence;

/// What was seen so far.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Intrusion {
    share: f64,
    share_max: f64,
    /// The last time that an adversary was in an honest node's mesh, milliseconds from the start of the run.
    last_ms: f64,
    /// The last time that they had more than [`FEW`] of the places.
    last_many_ms: f64,
}

impl Intrusion {
    /// Looks at all meshes.
    pub(crate) fn look(&mut self, network: &Network, topic: &Topic) {
        let (mut places, mut taken) = (0_usize, 0_usize);
        for node in (0..network.nodes()).filter(|node| !network.is_adversary(*node)) {
            let mesh = network.mesh(node, topic);
            places += mesh.len();
            taken += mesh.into_iter().filter(|member| network.is_adversary(*member)).count();
        }
        self.share = taken as f64 / places.max(1) as f64;
        self.share_max = self.share_max.max(self.share);
        let now_ms = network.now().as_nanos() as f64 / 1e6;
        if taken > 0 {
            self.last_ms = now_ms;
        }
        if self.share > FEW {
            self.last_many_ms = now_ms;
        }
    }

    /// The result at the end of a run.
    pub(crate) fn finish(&self, network: &Network) -> Defence {
        let lowest = |adversary: bool| {
            let nodes = (0..network.nodes()).filter(|node| network.is_adversary(*node) == adversary);
            let lowest = nodes.map(|node| network.stats(node).score_min).min().unwrap_or(Score::ZERO);
            lowest.millionths() as f64 / 1e6
        };
        Defence {
            mesh_share: self.share,
            mesh_share_max: self.share_max,
            nearly_clear_ms: (self.share <= FEW).then_some(self.last_many_ms),
            clear_ms: (self.share == 0.0).then_some(self.last_ms),
            honest_score_min: lowest(false),
            adversary_score_min: lowest(true),
        }
    }
}

/// Share of the places in meshes that does no harm: one in twenty.
const FEW: f64 = 0.05;
