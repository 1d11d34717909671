//! One machine of the network: a node, or the place of one that is down, and what surrounds it.

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::rpc::Rpc;
use braidcast_protocol::{Config, HashKeys, LinkId, Node, PeerId, Seed, SendClass, Time, Topic};

use crate::adversary::Attack;
use crate::clock::Clock;
use crate::congestion::Window;
use crate::processor::Processor;
use crate::rng::{Concern, Draws, nanos};
use crate::stats::NodeStats;
use crate::uplink::Uplink;
use crate::world::{Rates, Streams};

/// A node and what surrounds it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) peer: PeerId,
    pub(crate) config: Arc<Config>,
    /// `None` before the start and after a crash.
    pub(crate) node: Option<Node>,
    /// How often it was restarted; part of its seed, since a second life must not repeat sequence numbers.
    pub(crate) life: u32,
    /// What the application wants, kept across restarts.
    pub(crate) topics: Vec<Topic>,
    /// Who it connects to at the start.
    pub(crate) neighbours: Vec<u32>,
    /// Links that the node knows, by neighbour.
    pub(crate) links: Vec<Link>,
    pub(crate) uplink: Uplink,
    /// Of the uplink.
    pub(crate) bytes_per_s: Option<u64>,
    pub(crate) downlink: Downlink,
    /// The fastest that its lines ever were.
    pub(crate) fastest: Rates,
    pub(crate) processor: Processor,
    pub(crate) clock: Clock,
    /// Added to the network's loss on all frames from and to this node, parts per million.
    pub(crate) loss_ppm: u32,
    /// The wake-up that counts; others in the queue are stale.
    pub(crate) armed: Option<Time>,
    /// Wake-ups in a row at one instant.
    pub(crate) wakes: (Time, u32),
    pub(crate) tamper: Option<fn(&mut Rpc)>,
    pub(crate) attack: Option<Box<Attack>>,
    /// Nobody can dial it.
    pub(crate) nat: bool,
    /// The node whose IP address it has, when that is not its own.
    pub(crate) shares_with: Option<u32>,
    pub(crate) stats: NodeStats,
}

/// The line by which frames arrive at a node, one after another. Shared lines are kept elsewhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Downlink {
    /// `None` is a line without limit.
    pub(crate) bytes_per_s: Option<u64>,
    /// When it has received what arrived so far.
    pub(crate) free_at: Time,
    pub(crate) queued_bytes: u64,
}

/// One end of a live link.
#[derive(Debug)]
pub(crate) struct Link {
    /// The node at the other end.
    pub(crate) peer: u32,
    /// Which connection of the two.
    pub(crate) generation: u32,
    pub(crate) latency_nanos: u64,
    /// Frames of this link in the uplink, bytes as charged.
    pub(crate) queued_bytes: u64,
    /// When all that was sent has arrived.
    pub(crate) last_arrival: Time,
    /// When the last frame of the first stream arrives: the next does not overtake it.
    pub(crate) last_in_order: Time,
    /// When all data has arrived that is not only shards.
    pub(crate) last_data: Time,
    /// Frames of the first stream that arrive before this wait for one that is sent again.
    pub(crate) held_until: Time,
    /// `None` where congestion is not modelled.
    pub(crate) window: Option<Box<Window>>,
}

impl Link {
    /// A link of which nothing is on its way.
    pub(crate) fn new(
        peer: u32,
        generation: u32,
        latency: Duration,
        now: Time,
        window: Option<Box<Window>>,
    ) -> Self {
        Self {
            peer,
            generation,
            latency_nanos: nanos(latency),
            queued_bytes: 0,
            last_arrival: now,
            last_in_order: now,
            last_data: now,
            held_until: now,
            window,
        }
    }

    /// When a frame comes in that could arrive at `earliest`: after those that it waits for.
    pub(crate) fn arrival(&mut self, class: SendClass, streams: Streams, earliest: Time) -> Time {
        let at = match (class, streams) {
            (SendClass::Shards, Streams::PerShard) => earliest.max(self.last_data),
            (SendClass::Control | SendClass::Data | SendClass::Shards, _) => {
                self.last_in_order = earliest.max(self.last_in_order);
                self.last_in_order
            }
        };
        if class == SendClass::Data {
            self.last_data = at;
        }
        self.last_arrival = self.last_arrival.max(at);
        at
    }

    /// When the other end learns that the link is gone: after what was on the way to it.
    pub(crate) fn noticed(&self, now: Time) -> Time {
        self.last_arrival.max(now + Duration::from_nanos(self.latency_nanos))
    }
}

impl Host {
    pub(crate) fn new(peer: PeerId, config: Arc<Config>, neighbours: Vec<u32>) -> Self {
        Self {
            peer,
            config,
            node: None,
            life: 0,
            topics: Vec::new(),
            neighbours,
            links: Vec::new(),
            uplink: Uplink::default(),
            bytes_per_s: None,
            downlink: Downlink { bytes_per_s: None, free_at: Time::EPOCH, queued_bytes: 0 },
            fastest: Rates::default(),
            processor: Processor::default(),
            clock: Clock::default(),
            loss_ppm: 0,
            armed: None,
            wakes: (Time::EPOCH, 0),
            tamper: None,
            attack: None,
            nat: false,
            shares_with: None,
            stats: NodeStats::default(),
        }
    }

    /// A fresh node in this place; its seed.
    pub(crate) fn boot(&mut self, index: u32, seed: &Seed, now: Time) -> Seed {
        let seed = Draws::new(seed, Concern::Life { node: index, life: self.life }).seed();
        let keys = Arc::new(HashKeys::new(self.peer));
        let local = self.clock.shows(now);
        self.node = Some(Node::new(Arc::clone(&self.config), self.peer, keys, seed.clone(), local));
        seed
    }

    /// Takes the node away, with all that it had in memory; the links and the queues it had.
    pub(crate) fn crash(&mut self) -> (Vec<Link>, Uplink, Processor) {
        self.node = None;
        self.armed = None;
        self.life += 1;
        let (links, uplink) = (std::mem::take(&mut self.links), std::mem::take(&mut self.uplink));
        (links, uplink, std::mem::take(&mut self.processor))
    }

    pub(crate) fn link_mut(&mut self, peer: u32, generation: u32) -> Option<&mut Link> {
        let at = self.links.binary_search_by_key(&peer, |link| link.peer).ok()?;
        Some(&mut self.links[at]).filter(|link| link.generation == generation)
    }

    pub(crate) fn add_link(&mut self, link: Link) {
        let at = self.links.partition_point(|other| other.peer < link.peer);
        self.links.insert(at, link);
    }

    /// Forgets the link to a neighbour: this connection of the two, or any when `generation` is `None`.
    pub(crate) fn remove_link(&mut self, peer: u32, generation: Option<u32>) -> Option<Link> {
        let at = self.links.binary_search_by_key(&peer, |link| link.peer).ok()?;
        let wanted = generation.is_none_or(|generation| self.links[at].generation == generation);
        wanted.then(|| self.links.remove(at))
    }
}

/// The name that a node has for its link to `peer`: never the same for two connections.
pub(crate) fn link_id(peer: u32, generation: u32, nodes: usize) -> LinkId {
    let number = u64::from(generation) * nodes as u64 + u64::from(peer);
    LinkId::new(u32::try_from(number).expect("fewer than 2^32 connections of one node"))
}

/// The neighbour and the connection that a link's name stands for.
pub(crate) const fn link_parts(link: LinkId, nodes: usize) -> (u32, u32) {
    (link.number() % nodes as u32, link.number() / nodes as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_with_streams_of_their_own_wait_for_data_alone() {
        let arrivals = |streams| {
            let mut link = Link::new(0, 0, Duration::ZERO, Time::EPOCH, None);
            use SendClass::{Control, Data, Shards};
            let frames =
                [(Data, 5), (Control, 9), (Shards, 3), (Shards, 7), (Shards, 6), (Data, 8), (Shards, 1)];
            frames.map(|(class, secs)| {
                let at = link.arrival(class, streams, Time::EPOCH + Duration::from_secs(secs));
                at.since(Time::EPOCH).as_secs()
            })
        };
        assert_eq!(arrivals(Streams::One), [5, 9, 9, 9, 9, 9, 9]);
        assert_eq!(arrivals(Streams::PerShard), [5, 9, 5, 7, 6, 9, 9]);
    }

    #[test]
    fn link_names_tell_connections_apart() {
        for (peer, generation) in [(0, 0), (35, 0), (0, 1), (7, 1000)] {
            assert_eq!(link_parts(link_id(peer, generation, 36), 36), (peer, generation));
        }
    }
}
