//! Links come up and go down; each end learns of it in its own time.

use std::time::Duration;

use braidcast_protocol::{Agent, DownCause, Event, Origin, Protocol};

use crate::Network;
use crate::drive::Happening;
use crate::host::{Link, link_id};
use crate::rng::nanos;

/// The connections of a pair of nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) generation: u32,
    pub(crate) up: bool,
}

impl Network {
    /// Opens a link between two nodes that are up and have none.
    pub(crate) fn link(&mut self, dialer: u32, other: u32) {
        if dialer == other || self.host_mut(dialer).node.is_none() || self.host_mut(other).node.is_none() {
            return;
        }
        let pair = self
            .pairs
            .entry((dialer.min(other), dialer.max(other)))
            .and_modify(|pair| pair.generation += u32::from(!pair.up))
            .or_insert(Pair { generation: 0, up: false });
        if std::mem::replace(&mut pair.up, true) {
            return;
        }
        let generation = pair.generation;
        for (node, peer, origin) in [(dialer, other, Origin::Outbound), (other, dialer, Origin::Inbound)] {
            self.queue.push(self.now, Happening::LinkUp { node, peer, generation, origin });
        }
    }

    /// Ends the link between two nodes: at once for the one that closes, a latency later for the other.
    pub(crate) fn unlink(&mut self, closer: u32, other: u32) {
        let Some(pair) = self.pairs.get_mut(&(closer.min(other), closer.max(other))).filter(|pair| pair.up)
        else {
            return;
        };
        pair.up = false;
        let generation = pair.generation;
        if let Some(link) = self.host_mut(closer).link_mut(other, generation).copied() {
            let cause = DownCause::Closed;
            self.queue.push(self.now, Happening::LinkDown { node: closer, peer: other, generation, cause });
            self.tell_lost(closer, link);
        }
    }

    /// The other end learns of a lost link after what was on the way to it.
    pub(crate) fn tell_lost(&mut self, from: u32, link: Link) {
        let at = link.last_arrival.max(self.now + Duration::from_nanos(link.latency_nanos));
        let (node, generation, cause) = (link.peer, link.generation, DownCause::Lost);
        self.queue.push(at, Happening::LinkDown { node, peer: from, generation, cause });
    }

    pub(crate) fn on_link_up(&mut self, index: u32, peer: u32, generation: u32, origin: Origin) {
        let pair = self.pairs.get(&(index.min(peer), index.max(peer)));
        let current = pair.is_some_and(|pair| pair.up && pair.generation == generation);
        if !current || self.host_mut(index).node.is_none() {
            return;
        }
        let nodes = self.hosts.len();
        // It may not have heard yet that the peer's earlier life is over.
        if let Some(old) = self.host_mut(index).remove_link(peer, None) {
            let link = link_id(peer, old.generation, nodes);
            self.input(index, Event::LinkDown { link, cause: DownCause::Lost });
        }
        let latency = self.world.latency.of_pair(&self.seed, index, peer);
        let (latency_nanos, last_arrival) = (nanos(latency), self.now);
        self.host_mut(index).add_link(Link {
            peer,
            generation,
            latency_nanos,
            queued_bytes: 0,
            last_arrival,
        });
        let link = link_id(peer, generation, nodes);
        let agent = Agent { protocol: Protocol::Meshsub13 };
        self.input(index, Event::LinkUp { link, peer: self.hosts[peer as usize].peer, origin, agent });
        self.input(index, Event::LinkStats { link, rtt: latency * 2, lost: 0 });
        self.offer_room(index, peer, generation);
    }

    pub(crate) fn on_link_down(&mut self, index: u32, peer: u32, generation: u32, cause: DownCause) {
        if self.host_mut(index).remove_link(peer, Some(generation)).is_some() {
            let link = link_id(peer, generation, self.hosts.len());
            self.input(index, Event::LinkDown { link, cause });
        }
    }
}
