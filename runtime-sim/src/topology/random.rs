//! Random graphs, and what address translation does to them.

use std::collections::BTreeSet;

use super::{TopologyError, connected, from_edges};
use crate::rng::{Concern, Draws};
use braidcast_protocol::Seed;

/// A connected random graph with `degree` links at a node on average.
///
/// A random tree (each node is joined to one before it, in random order) makes it connected; the other links are
/// drawn uniformly, as in the model of Erdős and Rényi.
pub(super) fn random(nodes: usize, degree: usize, seed: &Seed) -> Result<Vec<Vec<u32>>, TopologyError> {
    let links = nodes * degree / 2;
    if nodes > 1 && (links < nodes - 1 || degree >= nodes) {
        return Err(TopologyError::Degree { nodes, degree });
    }
    let mut draws = Draws::new(seed, Concern::Topology);
    let mut order: Vec<usize> = (0..nodes).collect();
    draws.shuffle(&mut order);
    let mut edges = BTreeSet::new();
    for at in 1..nodes {
        edges.insert(pair(order[at], order[draws.below(at as u64) as usize]));
    }
    while edges.len() < links {
        let (a, b) = (draws.below(nodes as u64) as usize, draws.below(nodes as u64) as usize);
        if a != b {
            edges.insert(pair(a, b));
        }
    }
    from_edges(nodes, &edges.into_iter().collect::<Vec<_>>())
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

/// Takes away the links between two nodes that cannot be dialed. Each of them dials others in their place: as many as
/// it lost, as long as there are any left that can be dialed.
pub(crate) fn behind_nat(
    mut graph: Vec<Vec<u32>>,
    nat: &[bool],
    seed: &Seed,
) -> Result<Vec<Vec<u32>>, TopologyError> {
    let mut draws = Draws::new(seed, Concern::Nat);
    let public: Vec<u32> = (0..nat.len() as u32).filter(|node| !nat[*node as usize]).collect();
    for node in (0..nat.len()).filter(|node| nat[*node]) {
        let wanted = graph[node].len();
        graph[node].retain(|other| !nat[*other as usize]);
        let mut others: Vec<u32> =
            public.iter().copied().filter(|other| !graph[node].contains(other)).collect();
        while graph[node].len() < wanted && !others.is_empty() {
            let chosen = others.swap_remove(draws.below(others.len() as u64) as usize);
            graph[node].push(chosen);
            graph[chosen as usize].push(node as u32);
        }
    }
    graph.iter_mut().for_each(|list| list.sort_unstable());
    if connected(&graph) { Ok(graph) } else { Err(TopologyError::Split { public: public.len() }) }
}
