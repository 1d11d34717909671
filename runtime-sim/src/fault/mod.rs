//! What goes wrong, as data: a list of these with their times is a scenario.

mod apply;
mod churn;
mod cut;

use std::time::Duration;

pub(crate) use self::churn::Churn;
pub(crate) use self::cut::{Cut, Stalled};
use crate::{Adversary, Distribution};

/// Something that goes wrong, or is mended, at one moment. Nodes are numbered from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A node stops at once and loses its memory; neighbours notice a latency later.
    Crash {
        /// Which.
        node: usize,
    },
    /// A node that is down starts with an empty memory.
    Restart {
        /// Which.
        node: usize,
    },
    /// A node does nothing for a while, then handles what came meanwhile. Its line goes on sending.
    Pause {
        /// Which.
        node: usize,
        /// For how long.
        span: Duration,
    },
    /// Nothing passes between these nodes and all others.
    Partition {
        /// One side.
        side: Vec<usize>,
    },
    /// Nothing passes from the ones to the others; what goes the other way does.
    Cut {
        /// Who is not heard.
        from: Vec<usize>,
        /// By whom.
        to: Vec<usize>,
    },
    /// Ends all partitions and cuts: what was sent meanwhile is sent again on links that lived on, and nodes
    /// connect again to their first neighbours.
    Heal,
    /// Nodes come and go from now on: each crashes after a time drawn from `up` and restarts after one from `down`.
    Churn {
        /// Which.
        nodes: Vec<usize>,
        /// Time until a node that is up crashes.
        up: Distribution,
        /// Time until it restarts.
        down: Distribution,
    },
    /// Ends all churn: nodes that it took down restart when their time comes, and stay.
    EndChurn,
    /// Other rates for a node, bytes per second; `None` is unlimited.
    Rates {
        /// Which.
        node: usize,
        /// Its uplink.
        up: Option<u64>,
        /// Its downlink.
        down: Option<u64>,
    },
    /// A node becomes an adversary, or an honest node again.
    Turn {
        /// Which.
        node: usize,
        /// What it does from now on.
        adversary: Option<Adversary>,
    },
    /// The ones open links to the others, where there are none.
    Connect {
        /// Who dials.
        from: Vec<usize>,
        /// Whom.
        to: Vec<usize>,
    },
    /// More loss on all frames from and to a node, in place of what an earlier fault of this kind set.
    Lossy {
        /// Which.
        node: usize,
        /// Parts per million, added to the network's loss.
        ppm: u32,
    },
    /// A node's clock jumps ahead and runs fast or slow.
    ClockSkew {
        /// Which.
        node: usize,
        /// By how much it jumps.
        ahead: Duration,
        /// How much faster it runs, parts per million, above minus a million; negative is slower.
        drift_ppm: i32,
    },
}

/// A fault that cannot be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FaultError {
    /// It names a node that does not exist.
    #[error("fault at node {node}, but there are {nodes} nodes, numbered from 0")]
    Node {
        /// What it names.
        node: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// Time cannot run backwards.
    #[error("clock drift of {ppm} parts per million, must be above -1000000")]
    Drift {
        /// What was given.
        ppm: i32,
    },
    /// Every transmission would be lost.
    #[error("loss of {ppm} parts per million, must be less than a million")]
    Loss {
        /// What was given.
        ppm: u32,
    },
}

impl Fault {
    /// Whether it can happen among so many nodes.
    pub(crate) fn check(&self, nodes: usize) -> Result<(), FaultError> {
        let named: Vec<usize> = match self {
            Self::Crash { node }
            | Self::Restart { node }
            | Self::Pause { node, .. }
            | Self::Rates { node, .. }
            | Self::Turn { node, .. }
            | Self::Lossy { node, .. }
            | Self::ClockSkew { node, .. } => vec![*node],
            Self::Partition { side } => side.clone(),
            Self::Cut { from, to } | Self::Connect { from, to } => from.iter().chain(to).copied().collect(),
            Self::Churn { nodes, .. } => nodes.clone(),
            Self::Heal | Self::EndChurn => Vec::new(),
        };
        if let Some(node) = named.into_iter().find(|node| *node >= nodes) {
            return Err(FaultError::Node { node, nodes });
        }
        if let Self::ClockSkew { drift_ppm: ppm, .. } = *self
            && ppm <= -1_000_000
        {
            return Err(FaultError::Drift { ppm });
        }
        if let Self::Lossy { ppm, .. } = *self
            && ppm >= 1_000_000
        {
            return Err(FaultError::Loss { ppm });
        }
        Ok(())
    }
}
