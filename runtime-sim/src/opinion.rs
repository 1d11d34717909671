//! What nodes think of each other, and who is honest.

use std::net::{IpAddr, Ipv6Addr};

use braidcast_protocol::PeerScore;

use crate::Network;

impl Network {
    /// Whether a node is an adversary now.
    pub fn is_adversary(&self, node: usize) -> bool {
        self.hosts[node].attack.is_some()
    }

    /// What a node thinks of others: their numbers, and its core's view. Empty unless it scores its peers.
    pub fn scores(&self, node: usize) -> Vec<(usize, PeerScore)> {
        let scores = self.hosts[node].node.iter().flat_map(|core| core.scores());
        scores.filter_map(|known| Some((*self.peers.get(&known.peer)? as usize, known))).collect()
    }

    /// Keeps the lowest score that each node was given by one that is honest.
    pub(crate) fn note_scores(&mut self, index: u32) {
        if self.is_adversary(index as usize) {
            return;
        }
        for (node, known) in self.scores(index as usize) {
            let lowest = &mut self.hosts[node].stats.score_min;
            *lowest = known.score.min(*lowest);
        }
    }

    /// The address of a node, which is its own, or the first one's of those that share it.
    pub(crate) fn address(&self, node: u32) -> IpAddr {
        let host = self.hosts[node as usize].shares_with.unwrap_or(node);
        // RFC 3849: addresses for documentation. One /64 for each host.
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, (host >> 16) as u16, host as u16, 0, 0, 0, 1))
    }
}
