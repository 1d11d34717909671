//! Ways that are cut: what is sent on them waits until they are mended, or until its link is given up.

use braidcast_protocol::DownCause;

use crate::Network;
use crate::drive::Happening;
use crate::uplink::Piece;

/// Nothing passes from some nodes to others.
#[derive(Debug)]
pub(crate) struct Cut {
    from: Vec<bool>,
    to: Vec<bool>,
}

impl Cut {
    pub(crate) fn new(nodes: usize, from: &[usize], to: &[usize]) -> Self {
        let set = |members: &[usize]| {
            let mut set = vec![false; nodes];
            members.iter().for_each(|node| set[*node] = true);
            set
        };
        Self { from: set(from), to: set(to) }
    }

    fn separates(&self, from: u32, to: u32) -> bool {
        self.from[from as usize] && self.to[to as usize]
    }
}

/// Pieces that did not get through on one way, in order, and whether each is its frame's last.
pub(crate) type Stalled = Vec<(Piece, bool)>;

impl Network {
    /// Whether nothing passes from one node to another.
    pub(crate) fn is_cut(&self, from: u32, to: u32) -> bool {
        self.cuts.iter().any(|cut| cut.separates(from, to))
    }

    pub(crate) fn cut(&mut self, cut: Cut) {
        self.cuts.push(cut);
        let at = self.now + self.world.link_timeout;
        self.queue.push(at, Happening::CutNoticed { heals: self.heals });
    }

    /// Links on which nothing has come through for too long are given up by both ends.
    pub(crate) fn on_cut_noticed(&mut self, heals: u32) {
        if heals != self.heals {
            return;
        }
        let broken = |(a, b): (u32, u32)| self.is_cut(a, b) || self.is_cut(b, a);
        let lost: Vec<(u32, u32, u32)> = self
            .pairs
            .iter()
            .filter(|(ends, pair)| pair.up && broken(**ends))
            .map(|((a, b), pair)| (*a, *b, pair.generation))
            .collect();
        for (a, b, generation) in lost {
            if let Some(pair) = self.pairs.get_mut(&(a, b)) {
                pair.up = false;
            }
            for (node, peer) in [(a, b), (b, a)] {
                self.drop_stalled(node, peer);
                let cause = DownCause::Lost;
                self.queue.push(self.now, Happening::LinkDown { node, peer, generation, cause });
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        self.heals += 1;
        for ((from, _), pieces) in std::mem::take(&mut self.stalled) {
            for (piece, last) in pieces {
                self.transmit(from, piece, last, self.world.loss.timeout);
            }
        }
        for node in 0..self.hosts.len() as u32 {
            for neighbour in self.hosts[node as usize].neighbours.clone() {
                self.link_neighbours(node, neighbour);
            }
        }
    }

    /// What waits on a way whose link is gone is lost.
    pub(crate) fn drop_stalled(&mut self, from: u32, to: u32) {
        for (piece, last) in self.stalled.remove(&(from, to)).unwrap_or_default() {
            if last {
                self.frames.take(piece.of.frame);
            }
        }
    }
}
