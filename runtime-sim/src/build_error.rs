//! Settings that cannot be built.

use crate::{Congestion, FaultError, TopologyError};

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
    /// A setting for a node that does not exist.
    #[error("a setting for node {node}, but there are {nodes} nodes, numbered from 0")]
    Node {
        /// What it names.
        node: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A fault that cannot be.
    #[error(transparent)]
    Fault(#[from] FaultError),
    /// More than all nodes.
    #[error("{ppm} parts per million of the nodes behind NAT, at most a million")]
    Nat {
        /// What was given.
        ppm: u32,
    },
    /// Every transmission would be lost.
    #[error("loss of {ppm} parts per million, must be less than a million")]
    Loss {
        /// What was given.
        ppm: u32,
    },
    /// Congestion windows that contradict each other.
    #[error(
        "congestion windows must satisfy 0 < initial <= max and 0 < packet, got initial {}, max {}, packet {} bytes",
        rules.initial_bytes, rules.max_bytes, rules.packet_bytes
    )]
    Congestion {
        /// What was given.
        rules: Congestion,
    },
    /// A figure that must not be zero.
    #[error("{name} must be greater than zero")]
    Zero {
        /// Which.
        name: &'static str,
    },
}
