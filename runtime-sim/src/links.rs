//! Links come up and go down; each end learns of it in its own time.

use std::time::Duration;

use braidcast_protocol::{Agent, DownCause, Event, Origin, Protocol, Time};

use crate::Network;
use crate::congestion::Window;
use crate::drive::{Happening, Input};
use crate::host::{Link, link_id};

/// The connections of a pair of nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) generation: u32,
    pub(crate) up: bool,
}

impl Network {
    /// Opens a link between two nodes that are up and have none. Nobody can dial a node behind NAT, nor across a cut.
    pub(crate) fn link(&mut self, dialer: u32, other: u32) {
        let reachable =
            !self.host_mut(other).nat && !self.is_cut(dialer, other) && !self.is_cut(other, dialer);
        let up = self.host_mut(dialer).node.is_some() && self.host_mut(other).node.is_some();
        if dialer == other || !up || !reachable {
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

    /// Opens a link to one of a node's first neighbours; the one behind NAT dials.
    pub(crate) fn link_neighbours(&mut self, node: u32, neighbour: u32) {
        let inward = self.host_mut(neighbour).nat;
        let (dialer, other) = if inward { (neighbour, node) } else { (node, neighbour) };
        self.link(dialer, other);
    }

    /// Ends the link between two nodes: at once for the one that closes, a latency later for the other.
    pub(crate) fn close(&mut self, closer: u32, other: u32, cause: DownCause) {
        let Some(pair) = self.pairs.get_mut(&(closer.min(other), closer.max(other))).filter(|pair| pair.up)
        else {
            return;
        };
        pair.up = false;
        let generation = pair.generation;
        let now = self.now;
        if let Some(link) = self.host_mut(closer).link_mut(other, generation) {
            let noticed = link.noticed(now);
            self.queue.push(now, Happening::LinkDown { node: closer, peer: other, generation, cause });
            self.tell_lost(closer, other, generation, noticed);
        }
    }

    /// The other end learns of a lost link after what was on the way to it.
    pub(crate) fn tell_lost(&mut self, from: u32, to: u32, generation: u32, noticed: Time) {
        self.drop_stalled(from, to);
        self.drop_stalled(to, from);
        let cause = DownCause::Lost;
        let silent = self.is_cut(from, to);
        let noticed = if silent { self.now + self.world.link_timeout } else { noticed };
        self.queue.push(noticed, Happening::LinkDown { node: to, peer: from, generation, cause });
    }

    pub(crate) fn on_link_up(&mut self, index: u32, peer: u32, generation: u32, origin: Origin) {
        let pair = self.pairs.get(&(index.min(peer), index.max(peer)));
        let current = pair.is_some_and(|pair| pair.up && pair.generation == generation);
        if !current || self.host_mut(index).node.is_none() {
            return;
        }
        // The node may not have heard yet that the peer's earlier life is over.
        let replaced = self.host_mut(index).remove_link(peer, None).map(|old| old.generation);
        self.drop_stalled(index, peer);
        let latency = self.world.latencies.of_pair(&self.seed, index, peer);
        let now = self.now;
        let window = self.world.congestion.map(|rules| Box::new(Window::new(&rules, now)));
        self.host_mut(index).add_link(Link::new(peer, generation, latency, now, window));
        self.tell(index, Input::LinkUp { peer, generation, origin, replaced }, Duration::ZERO);
    }

    pub(crate) fn tell_link_up(
        &mut self,
        index: u32,
        peer: u32,
        generation: u32,
        origin: Origin,
        replaced: Option<u32>,
    ) {
        let nodes = self.hosts.len();
        if let Some(old) = replaced {
            let link = link_id(peer, old, nodes);
            self.input(index, Event::LinkDown { link, cause: DownCause::Lost }, 0);
        }
        let Some(link) = self.host_mut(index).link_mut(peer, generation) else { return };
        let rtt = Duration::from_nanos(link.latency_nanos) * 2;
        let link = link_id(peer, generation, nodes);
        let agent = Agent { protocol: Protocol::Meshsub13, ip: Some(self.address(peer)) };
        self.input(index, Event::LinkUp { link, peer: self.hosts[peer as usize].peer, origin, agent }, 0);
        self.input(index, Event::LinkStats { link, rtt, lost: 0 }, 0);
        self.offer_room(index, peer, generation);
    }

    pub(crate) fn on_link_down(&mut self, index: u32, peer: u32, generation: u32, cause: DownCause) {
        if self.host_mut(index).remove_link(peer, Some(generation)).is_some() {
            self.drop_stalled(index, peer);
            let link = link_id(peer, generation, self.hosts.len());
            self.input(index, Event::LinkDown { link, cause }, 0);
        }
    }
}
