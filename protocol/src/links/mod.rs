//! The live links: who is at the other end, what they subscribed to, and what waits for them.
//!
//! Invariants. L1: a peer has at most one link. L2: what waits for a link is within its bounds.

mod budget;
mod outbox;
mod turns;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use self::budget::{Budget, UNWANTED_TICKS, Unwanted};
pub(crate) use self::budget::{Kind, allow, left};
use self::outbox::Outbox;
pub(crate) use self::outbox::{Class, Waiting};
use self::turns::Turns;
use crate::invariants::{Broken, Rule, ensure};
use crate::rpc::{Extensions, Rpc, Subscription};
use crate::{Agent, Config, LinkId, MessageId, Origin, PeerId, Protocol, Time, Topic};

/// All live links, by id, with what changes at nearly every input kept apart: so that an input costs what it
/// touches, not what all links hold.
#[derive(Debug, Default)]
pub(crate) struct Links {
    links: BTreeMap<LinkId, Link>,
    by_peer: BTreeMap<PeerId, LinkId>,
    /// Control that goes out at the end of this input, in one frame for each link.
    control: BTreeMap<LinkId, Rpc>,
    /// Bulk bytes that a link can take now, once the driver has said so.
    room: BTreeMap<LinkId, usize>,
    /// Links for which whole messages wait, and perhaps some for which none do any more.
    waiting: BTreeSet<LinkId>,
    turns: Turns,
}

/// What became of a change of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Noted {
    Changed,
    /// It was so before, or is none of our business.
    Same,
    /// The peer is in as many topics as are remembered.
    NoRoom,
}

/// One live link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: PeerId,
    pub(crate) origin: Origin,
    pub(crate) agent: Agent,
    /// Whether there is a peering agreement with it (gossipsub v1.1, "Explicit Peering Agreements").
    pub(crate) direct: bool,
    /// Whether its first frame has come.
    pub(crate) greeted: bool,
    /// What that said of extensions.
    pub(crate) extensions: Option<Extensions>,
    /// Whether the peer announced our extension (and we did).
    pub(crate) coded: bool,
    /// The peer's signed record, if the driver has it: not read here, only passed on.
    pub(crate) record: Option<Bytes>,
    pub(crate) rtt: Option<Duration>,
    /// Packets lost, as the transport counts.
    pub(crate) lost: u64,
    /// What the peer subscribed to.
    pub(crate) topics: BTreeSet<Topic>,
    outbox: Outbox,
    /// What it may still ask of us before the next heartbeat.
    budget: Budget,
    unwanted: Unwanted,
    /// Heartbeats for which it is taken for a peer whose mesh does not serve it, since it asked for a message.
    pulling: u8,
    /// Frames with IDONTWANT sent to it since the last heartbeat.
    declined: u8,
    /// Ids that wait for one of the next of these frames.
    declining: Vec<MessageId>,
}

impl Link {
    /// Whether the peer takes part in meshes.
    pub(crate) fn meshes(&self) -> bool {
        self.agent.protocol > Protocol::Floodsub
    }

    /// Whether it knows IDONTWANT (gossipsub v1.2).
    pub(crate) fn knows_idontwant(&self) -> bool {
        self.agent.protocol >= Protocol::Meshsub12
    }

    /// Whether it asked for a message lately.
    pub(crate) const fn is_pulling(&self) -> bool {
        self.pulling > 0
    }

    /// Whether it has not declined the message.
    pub(crate) fn wants(&self, id: &MessageId) -> bool {
        !self.unwanted.contains(id)
    }

    /// Whole messages that wait for room, if another one would make one of them leave.
    pub(crate) fn backlog(&self, config: &Config) -> Option<usize> {
        self.outbox.is_full(&config.outbox).then(|| self.outbox.len())
    }
}

impl Links {
    /// Takes a new link. A peer's earlier link, which the driver should have taken down, is given back.
    pub(crate) fn up(
        &mut self,
        config: &Config,
        id: LinkId,
        peer: PeerId,
        origin: Origin,
        agent: Agent,
    ) -> Option<LinkId> {
        let link = Link {
            peer,
            origin,
            agent,
            direct: config.direct_peers.contains(&peer),
            greeted: false,
            extensions: None,
            coded: false,
            record: None,
            rtt: None,
            lost: 0,
            topics: BTreeSet::new(),
            outbox: Outbox::default(),
            budget: Budget::default(),
            unwanted: Unwanted::default(),
            pulling: 0,
            declined: 0,
            declining: Vec::new(),
        };
        self.links.insert(id, link);
        self.by_peer.insert(peer, id).filter(|earlier| *earlier != id)
    }

    pub(crate) fn down(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.remove(&id)?;
        self.control.remove(&id);
        self.room.remove(&id);
        self.waiting.remove(&id);
        self.turns.give_back(id);
        if self.by_peer.get(&link.peer) == Some(&id) {
            self.by_peer.remove(&link.peer);
        }
        Some(link)
    }

    pub(crate) fn get(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(&id)
    }

    pub(crate) fn is_live(&self, id: LinkId) -> bool {
        self.links.contains_key(&id)
    }

    pub(crate) fn peer(&self, id: LinkId) -> Option<PeerId> {
        self.links.get(&id).map(|link| link.peer)
    }

    /// Whether there is a link to the peer.
    pub(crate) fn is_linked(&self, peer: &PeerId) -> bool {
        self.by_peer.contains_key(peer)
    }

    /// Keeps a peer's signed record, unless it is longer than one needs to be.
    pub(crate) fn set_record(&mut self, id: LinkId, record: Bytes) {
        if let Some(link) = self.links.get_mut(&id) {
            link.record = Some(record).filter(|record| record.len() <= RECORD_BYTES_MAX);
        }
    }

    pub(crate) fn is_coded(&self, id: LinkId) -> bool {
        self.links.get(&id).is_some_and(|link| link.coded)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (LinkId, &Link)> {
        self.links.iter().map(|(id, link)| (*id, link))
    }

    /// Links whose peer subscribed to the topic.
    pub(crate) fn subscribers<'a>(&'a self, topic: &'a Topic) -> impl Iterator<Item = (LinkId, &'a Link)> {
        self.iter().filter(|(_, link)| link.topics.contains(topic))
    }

    /// The control frame that is being gathered for a link; `None` when it is gone.
    pub(crate) fn control(&mut self, id: LinkId) -> Option<&mut Rpc> {
        self.is_live(id).then(|| self.control.entry(id).or_default())
    }

    /// The control frames that were gathered, by link.
    pub(crate) fn take_control(&mut self) -> BTreeMap<LinkId, Rpc> {
        core::mem::take(&mut self.control)
    }

    /// Takes a driver's report of how much a link can take.
    pub(crate) fn set_room(&mut self, id: LinkId, bytes: usize) {
        if let Some(room) = self.room.get_mut(&id) {
            *room = bytes;
        } else if self.is_live(id) {
            self.room.insert(id, bytes);
        }
        if bytes > 0 {
            self.turns.give_back(id);
        }
    }

    /// Counts what was sent; the last frame may overshoot.
    pub(crate) fn spend_room(&mut self, id: LinkId, bytes: usize) {
        if let Some(room) = self.room.get_mut(&id) {
            *room = room.saturating_sub(bytes);
        }
    }

    pub(crate) fn has_room(&self, id: LinkId) -> bool {
        self.room.get(&id).is_some_and(|room| *room > 0)
    }

    /// Queues a message for a link; gives back those that had to leave for it.
    pub(crate) fn enqueue(
        &mut self,
        config: &Config,
        id: LinkId,
        class: Class,
        waiting: Waiting,
    ) -> SmallVec<[Waiting; 1]> {
        let Some(link) = self.links.get_mut(&id) else { return SmallVec::new() };
        self.waiting.insert(id);
        link.outbox.push(class, waiting, &config.outbox)
    }

    /// Takes the next message that waits for a link, if it has room and it is its turn.
    pub(crate) fn dequeue(&mut self, config: &Config, id: LinkId) -> Option<Waiting> {
        let room = self.room.get(&id).copied().filter(|room| *room > 0)?;
        let outbox = &mut self.links.get_mut(&id)?.outbox;
        let Some(bytes) = outbox.next_bytes() else {
            self.waiting.remove(&id);
            return None;
        };
        if bytes > room && !self.turns.is_free(id, &config.outbox) {
            return None;
        }
        outbox.pop()
    }

    /// A whole message of so many bytes is about to be sent on a link: if it is longer than the room, that is a turn.
    pub(crate) fn take_turn(&mut self, now: Time, config: &Config, id: LinkId, bytes: usize) {
        if self.room.get(&id).is_some_and(|room| bytes > *room) {
            self.turns.take(now, id, bytes, &config.outbox);
        }
    }

    /// When links that take a message too long lose their turn, if others wait.
    pub(crate) fn next_turn(&self) -> Option<Time> {
        self.turns.next_deadline().filter(|_| !self.waiting.is_empty())
    }

    /// Those who took too long lose their turn.
    pub(crate) fn expire_turns(&mut self, now: Time) {
        self.turns.expire(now);
    }

    /// Takes the messages that waited too long for a link.
    pub(crate) fn take_expired(&mut self, now: Time, id: LinkId) -> SmallVec<[Waiting; 1]> {
        self.links.get_mut(&id).map_or_else(SmallVec::new, |link| link.outbox.take_expired(now))
    }

    /// Links for which messages may wait.
    pub(crate) fn with_waiting(&self) -> Vec<LinkId> {
        self.waiting.iter().copied().collect()
    }

    /// The peer does not want a message: neither what waits nor what comes in the next heartbeats.
    pub(crate) fn on_idontwant(&mut self, id: LinkId, message: &MessageId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.outbox.remove(message);
            link.unwanted.insert(message.clone());
        }
    }

    /// The peer asks for a message: it does want it, now or when it is here.
    pub(crate) fn forget_unwanted(&mut self, id: LinkId, message: &MessageId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.unwanted.remove(message);
        }
    }

    /// The peer gets what it asked for.
    pub(crate) fn on_served(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.pulling = PULLING_TICKS;
        }
    }

    /// Declines a message at a peer: at once or, if the peer also `gossips` and after the first few frames of a
    /// heartbeat, ten at a time.
    ///
    /// go takes ten frames with control in a heartbeat, of whatever kind, before it ignores our IHAVE. A peer that is
    /// in the mesh of all our topics gets none.
    pub(crate) fn send_idontwant(&mut self, id: LinkId, message: MessageId, gossips: bool) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.declining.push(message);
        if !gossips || link.declined < DECLINED_MAX || link.declining.len() >= Rpc::IDONTWANT_IDS_MAX {
            link.declined = link.declined.saturating_add(1);
            let ids = core::mem::take(&mut link.declining);
            self.control.entry(id).or_default().control.idontwant.extend(ids);
        }
    }

    /// A new count for each peer; what was held back goes out.
    pub(crate) fn heartbeat(&mut self) {
        for (id, link) in &mut self.links {
            link.budget = Budget::default();
            link.unwanted.heartbeat();
            link.pulling = link.pulling.saturating_sub(1);
            link.declined = 0;
            let ids = core::mem::take(&mut link.declining);
            if !ids.is_empty() {
                self.control.entry(*id).or_default().control.idontwant.extend(ids);
            }
        }
    }

    /// Links with room for which messages may wait.
    pub(crate) fn ready(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.waiting.iter().copied().filter(|id| self.has_room(*id))
    }

    /// Whether messages wait for more than half of these links: then it is this node that is slow.
    pub(crate) fn is_congested(&self, links: &[LinkId]) -> bool {
        let waits = |id: &&LinkId| self.links.get(id).is_some_and(|link| link.outbox.len() > 0);
        2 * links.iter().filter(waits).count() > links.len()
    }

    /// Notes a subscription.
    pub(crate) fn on_subscription(&mut self, id: LinkId, change: &Subscription, config: &Config) -> Noted {
        let Some(link) = self.links.get_mut(&id) else { return Noted::Same };
        let full = link.topics.len() >= config.topics_max;
        let changed = match change.subscribe {
            true if full && !link.topics.contains(&change.topic) => return Noted::NoRoom,
            true => config.topic_filter.allows(&change.topic) && link.topics.insert(change.topic.clone()),
            false => link.topics.remove(&change.topic),
        };
        if changed { Noted::Changed } else { Noted::Same }
    }

    pub(crate) fn check(&self, config: &Config) -> Result<(), Broken> {
        ensure(self.turns.links().all(|id| self.is_live(id)), Rule::L2, || "turn without a link".into())?;
        for (id, link) in &self.links {
            ensure(self.by_peer.get(&link.peer) == Some(id), Rule::L1, || alloc::format!("{id:?}"))?;
            let bounded = link.outbox.is_sound(&config.outbox)
                && link.topics.len() <= config.topics_max
                && link.unwanted.len() <= usize::from(UNWANTED_TICKS) * config.gossip.idontwant_ids_max
                && link.declining.len() < Rpc::IDONTWANT_IDS_MAX;
            ensure(bounded, Rule::L2, || alloc::format!("{id:?}"))?;
        }
        Ok(())
    }
}

/// Frames with IDONTWANT sent to one peer at once between two heartbeats.
const DECLINED_MAX: u8 = 5;

/// Heartbeats for which a peer that asked for a message hears of all others: as long as one is advertised.
const PULLING_TICKS: u8 = 4;

/// Longest signed peer record that is kept, bytes: a key, a signature and some twenty addresses.
const RECORD_BYTES_MAX: usize = 2048;
