//! Whether a network has formed: judged by what the nodes say of themselves.

use std::collections::BTreeMap;
use std::fmt;

use braidcast_runtime_tokio::{PeerId, Snapshot, TopicSnapshot};

/// How far the meshes of one topic have come.
#[derive(Debug)]
pub(crate) struct Formation {
    nodes: usize,
    /// Nodes in the part of the network that the meshes connect with the first node.
    reached: usize,
    /// Nodes whose mesh has room and knows of peers to fill it, by index.
    growing: Vec<usize>,
}

impl Formation {
    /// Judges snapshots that were taken at about the same time.
    pub(crate) fn of(snapshots: &[Snapshot], topic: &str) -> Self {
        let index: BTreeMap<PeerId, usize> =
            snapshots.iter().enumerate().map(|(index, snapshot)| (snapshot.peer_id, index)).collect();
        let topics: Vec<_> = snapshots.iter().map(|snapshot| joined(snapshot, topic)).collect();
        let is_growing = |node: &usize| {
            let links = snapshots[*node].peers.len();
            // Peers that have not said yet what they subscribe to may still be grafted.
            topics[*node].is_none_or(|it| it.mesh.len() < MESH_MIN.min(links) || it.peers.len() < links)
        };
        let growing = (0..snapshots.len()).filter(is_growing).collect();
        let mut seen = vec![false; snapshots.len()];
        let mut open = vec![0];
        while let Some(node) = open.pop() {
            if std::mem::replace(&mut seen[node], true) {
                continue;
            }
            let mesh = topics[node].map_or(&[][..], |it| &it.mesh);
            // An edge counts when both ends have it: a GRAFT on its way may be refused.
            let is_mutual =
                |other: &usize| topics[*other].is_some_and(|it| it.mesh.contains(&snapshots[node].peer_id));
            open.extend(mesh.iter().filter_map(|peer| index.get(peer).copied()).filter(is_mutual));
        }
        Self { nodes: snapshots.len(), reached: seen.iter().filter(|it| **it).count(), growing }
    }

    /// Whether a message would reach everyone by the meshes alone.
    pub(crate) fn is_complete(&self) -> bool {
        self.reached == self.nodes && self.growing.is_empty()
    }
}

fn joined<'a>(snapshot: &'a Snapshot, topic: &str) -> Option<&'a TopicSnapshot> {
    snapshot.topics.iter().find(|it| it.topic.as_str() == topic)
}

impl fmt::Display for Formation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} nodes connected, still growing: {:?}", self.reached, self.nodes, self.growing)
    }
}

/// A mesh with this many members is good enough to start with; those of fewer links need all of them.
const MESH_MIN: usize = 2;
