//! Who has a link to whom at the start.

mod random;

use braidcast_protocol::Seed;

pub(crate) use self::random::behind_nat;

use crate::rng::{Concern, Draws};

/// The links of a network before anything fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Topology {
    /// A connected random graph in which every node has this many links.
    Regular(usize),
    /// A connected random graph with this many links at a node on average, and at each by chance.
    Random(usize),
    /// Everyone has a link to everyone.
    Full,
    /// These pairs of nodes, as from a file.
    Edges(Vec<(usize, usize)>),
}

/// Why a topology cannot be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TopologyError {
    /// A simple connected graph of this kind does not exist.
    #[error("no connected graph of {nodes} nodes has {degree} links at every node")]
    Degree {
        /// How many nodes.
        nodes: usize,
        /// Links at each.
        degree: usize,
    },
    /// Nodes that cannot be dialed leave the others in several pieces.
    #[error("with only {public} nodes that can be dialed the network is in pieces")]
    Split {
        /// Nodes that can be dialed.
        public: usize,
    },
    /// An edge names a node that is not there, or joins a node to itself.
    #[error("edge {a} - {b} is not between two of {nodes} nodes")]
    Edge {
        /// One end.
        a: usize,
        /// The other.
        b: usize,
        /// How many nodes.
        nodes: usize,
    },
}

impl Topology {
    /// The neighbours of each node, ascending. `nodes` is at least 1.
    pub(crate) fn neighbours(&self, nodes: usize, seed: &Seed) -> Result<Vec<Vec<u32>>, TopologyError> {
        match self {
            Self::Regular(degree) => regular(nodes, *degree, seed),
            Self::Random(degree) => random::random(nodes, *degree, seed),
            Self::Full => {
                Ok((0..nodes).map(|a| (0..nodes).filter(|b| *b != a).map(|b| b as u32).collect()).collect())
            }
            Self::Edges(edges) => from_edges(nodes, edges),
        }
    }
}

fn from_edges(nodes: usize, edges: &[(usize, usize)]) -> Result<Vec<Vec<u32>>, TopologyError> {
    let mut graph = vec![Vec::new(); nodes];
    for &(a, b) in edges {
        if a == b || a >= nodes || b >= nodes {
            return Err(TopologyError::Edge { a, b, nodes });
        }
        graph[a].push(b as u32);
        graph[b].push(a as u32);
    }
    for list in &mut graph {
        list.sort_unstable();
        list.dedup();
    }
    Ok(graph)
}

/// A ring with chords is regular; exchanging the ends of random pairs of edges keeps it so and makes it random.
///
/// Source: Cooper, Dyer, Greenhill, "Sampling regular graphs and a peer-to-peer network", 2007 (the switch chain).
fn regular(nodes: usize, degree: usize, seed: &Seed) -> Result<Vec<Vec<u32>>, TopologyError> {
    let possible = degree < nodes && (nodes * degree).is_multiple_of(2);
    let mut edges = if possible { ring_with_chords(nodes, degree) } else { Vec::new() };
    let mut graph = from_edges(nodes, &edges)?;
    if !possible || !connected(&graph) {
        return Err(TopologyError::Degree { nodes, degree });
    }
    let mut draws = Draws::new(seed, Concern::Topology);
    let ring = graph.clone();
    for _ in 0..ATTEMPTS {
        for _ in 0..edges.len() * SWITCHES_PER_EDGE {
            switch(&mut edges, &mut graph, &mut draws);
        }
        if connected(&graph) {
            return Ok(graph);
        }
    }
    // Rings of degree 2 rarely stay in one piece: then the ring itself is as good.
    Ok(ring)
}

fn ring_with_chords(nodes: usize, degree: usize) -> Vec<(usize, usize)> {
    let mut edges = Vec::with_capacity(nodes * degree / 2);
    for offset in 1..=degree / 2 {
        edges.extend((0..nodes).map(|a| (a, (a + offset) % nodes)));
    }
    if degree % 2 == 1 {
        edges.extend((0..nodes / 2).map(|a| (a, a + nodes / 2)));
    }
    edges
}

/// Replaces edges a-b and c-d by a-d and c-b, unless that makes a loop or a double edge.
fn switch(edges: &mut [(usize, usize)], graph: &mut [Vec<u32>], draws: &mut Draws) {
    let (one, other) = (draws.below(edges.len() as u64) as usize, draws.below(edges.len() as u64) as usize);
    let (a, b) = edges[one];
    let (c, d) = if draws.below(2) == 0 { edges[other] } else { (edges[other].1, edges[other].0) };
    let distinct = a != c && a != d && b != c && b != d;
    if !distinct || graph[a].contains(&(d as u32)) || graph[c].contains(&(b as u32)) {
        return;
    }
    for (from, old, new) in [(a, b, d), (b, a, c), (c, d, b), (d, c, a)] {
        graph[from].retain(|neighbour| *neighbour != old as u32);
        let at = graph[from].partition_point(|neighbour| *neighbour < new as u32);
        graph[from].insert(at, new as u32);
    }
    edges[one] = (a, d);
    edges[other] = (c, b);
}

fn connected(graph: &[Vec<u32>]) -> bool {
    let mut reached = vec![false; graph.len()];
    let mut open = vec![0];
    reached[0] = true;
    while let Some(node) = open.pop() {
        for &neighbour in &graph[node] {
            if !std::mem::replace(&mut reached[neighbour as usize], true) {
                open.push(neighbour as usize);
            }
        }
    }
    reached.into_iter().all(|reached| reached)
}

/// Switches per edge after which the graph is as good as random.
const SWITCHES_PER_EDGE: usize = 10;

/// Graphs drawn before the ring is taken; above degree 2 the first is connected almost always.
const ATTEMPTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_graphs_are_regular_connected_and_differ_by_seed() {
        for (nodes, degree) in [(36, 12), (37, 6), (10, 3), (1000, 20), (16, 15), (2, 1), (12, 2)] {
            let graph = Topology::Regular(degree).neighbours(nodes, &Seed::from_number(1)).unwrap();
            assert!(graph.iter().all(|list| list.len() == degree && list.is_sorted()));
            assert!(connected(&graph));
            for (node, list) in graph.iter().enumerate() {
                assert!(!list.contains(&(node as u32)));
                assert!(list.iter().all(|other| graph[*other as usize].contains(&(node as u32))));
            }
        }
        let of = |number| Topology::Regular(12).neighbours(36, &Seed::from_number(number)).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn random_graphs_are_connected_and_have_their_mean_degree() {
        for (nodes, degree) in [(36, 6), (1000, 4), (50, 2), (2, 1)] {
            let graph = Topology::Random(degree).neighbours(nodes, &Seed::from_number(1)).unwrap();
            assert!(connected(&graph));
            let ends: usize = graph.iter().map(Vec::len).sum();
            assert_eq!(ends / 2, (nodes * degree / 2).max(nodes - 1));
        }
        let degrees: Vec<usize> = Topology::Random(6)
            .neighbours(1000, &Seed::from_number(1))
            .unwrap()
            .iter()
            .map(Vec::len)
            .collect();
        assert!(degrees.iter().max() > Some(&10) && degrees.iter().min() < Some(&4));
    }

    #[test]
    fn behind_nat_nobody_is_dialed_and_nobody_is_lost() {
        for share in [0, 30, 90] {
            let nat: Vec<bool> = (0..200).map(|node| node % 100 < share).collect();
            let graph = Topology::Regular(8).neighbours(200, &Seed::from_number(1)).unwrap();
            let graph = behind_nat(graph, &nat, &Seed::from_number(1)).unwrap();
            for (node, list) in graph.iter().enumerate() {
                assert!(list.len() >= 8 || !nat[node]);
                assert!(list.iter().all(|other| !(nat[node] && nat[*other as usize])));
                assert!(list.iter().all(|other| graph[*other as usize].contains(&(node as u32))));
            }
        }
        let alone = behind_nat(vec![vec![1], vec![0]], &[true, true], &Seed::from_number(1));
        assert_eq!(alone, Err(TopologyError::Split { public: 0 }));
    }

    #[test]
    fn impossible_graphs_are_refused() {
        let refuse =
            |topology: Topology, nodes| topology.neighbours(nodes, &Seed::from_number(1)).unwrap_err();
        assert_eq!(refuse(Topology::Regular(3), 5), TopologyError::Degree { nodes: 5, degree: 3 });
        assert_eq!(refuse(Topology::Regular(5), 5), TopologyError::Degree { nodes: 5, degree: 5 });
        assert_eq!(refuse(Topology::Regular(1), 4), TopologyError::Degree { nodes: 4, degree: 1 });
        let edges = Topology::Edges(vec![(0, 1), (1, 3)]);
        assert_eq!(refuse(edges, 3), TopologyError::Edge { a: 1, b: 3, nodes: 3 });
    }

    #[test]
    fn a_single_node_needs_no_links() {
        assert_eq!(Topology::Regular(0).neighbours(1, &Seed::from_number(1)), Ok(vec![vec![]]));
        assert_eq!(Topology::Full.neighbours(1, &Seed::from_number(1)), Ok(vec![vec![]]));
    }
}
