//! The live links: who is at the other end, what they subscribed to, and what waits for them.
//!
//! Invariants. L1: a peer has at most one link. L2: what waits for a link is within its bounds.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::time::Duration;

use crate::invariants::{Broken, Rule, ensure};
use crate::rpc::{Message, Rpc, Subscription};
use crate::{Agent, Config, LinkId, Origin, PeerId, Protocol, Topic};

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
}

/// One live link.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: PeerId,
    pub(crate) origin: Origin,
    pub(crate) agent: Agent,
    /// Whether the peer announced our extension (and we did).
    pub(crate) coded: bool,
    pub(crate) rtt: Option<Duration>,
    /// Packets lost, as the transport counts.
    pub(crate) lost: u64,
    /// What the peer subscribed to.
    pub(crate) topics: BTreeSet<Topic>,
    /// Whole messages that wait for room, by reference.
    outbox: VecDeque<Arc<Message>>,
}

impl Link {
    /// Whether the peer takes part in meshes.
    pub(crate) fn meshes(&self) -> bool {
        self.agent.protocol > Protocol::Floodsub
    }

    /// Whole messages that wait for room.
    pub(crate) fn waiting(&self) -> usize {
        self.outbox.len()
    }
}

impl Links {
    /// Takes a new link. A peer's earlier link, which the driver should have taken down, is given back.
    pub(crate) fn up(&mut self, id: LinkId, peer: PeerId, origin: Origin, agent: Agent) -> Option<LinkId> {
        let link = Link {
            peer,
            origin,
            agent,
            coded: false,
            rtt: None,
            lost: 0,
            topics: BTreeSet::new(),
            outbox: VecDeque::new(),
        };
        self.links.insert(id, link);
        self.by_peer.insert(peer, id).filter(|earlier| *earlier != id)
    }

    pub(crate) fn down(&mut self, id: LinkId) -> Option<Link> {
        let link = self.links.remove(&id)?;
        self.control.remove(&id);
        self.room.remove(&id);
        self.waiting.remove(&id);
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

    /// Queues a message for a link; gives back the one that had to leave for it.
    pub(crate) fn enqueue(&mut self, id: LinkId, message: Arc<Message>, max: usize) -> Option<Arc<Message>> {
        let outbox = &mut self.links.get_mut(&id)?.outbox;
        outbox.push_back(message);
        self.waiting.insert(id);
        if outbox.len() > max { outbox.pop_front() } else { None }
    }

    /// Takes the oldest message that waits for a link.
    pub(crate) fn dequeue(&mut self, id: LinkId) -> Option<Arc<Message>> {
        let message = self.links.get_mut(&id).and_then(|link| link.outbox.pop_front());
        if message.is_none() {
            self.waiting.remove(&id);
        }
        message
    }

    /// Links with room for which messages may wait.
    pub(crate) fn ready(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.waiting.iter().copied().filter(|id| self.has_room(*id))
    }

    /// Whether messages wait for more than half of these links: then it is this node that is slow.
    pub(crate) fn is_congested(&self, links: &[LinkId]) -> bool {
        let waits = |id: &&LinkId| self.links.get(id).is_some_and(|link| link.waiting() > 0);
        2 * links.iter().filter(waits).count() > links.len()
    }

    /// Notes a subscription; whether it changed anything. Topics beyond the bound are not remembered.
    pub(crate) fn on_subscription(&mut self, id: LinkId, change: &Subscription, config: &Config) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        if !change.subscribe {
            return link.topics.remove(&change.topic);
        }
        link.topics.len() < config.topics_max && link.topics.insert(change.topic.clone())
    }

    pub(crate) fn check(&self, config: &Config) -> Result<(), Broken> {
        for (id, link) in &self.links {
            ensure(self.by_peer.get(&link.peer) == Some(id), Rule::L1, || alloc::format!("{id:?}"))?;
            let bounded =
                link.outbox.len() <= config.outbox_messages_max && link.topics.len() <= config.topics_max;
            ensure(bounded, Rule::L2, || alloc::format!("{id:?}"))?;
        }
        Ok(())
    }
}
