//! Whole messages: the message cache, and the lazy gossip that mends what the mesh lost.
//!
//! Spec: gossipsub v1.0 "Message cache", "IHAVE", "IWANT"; v1.1 "Adaptive Gossip Dissemination".
//! Invariant G1: the cache is within its bounds and its sums are right. G2: so are the seen caches.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rand_core::Rng;
use smallvec::SmallVec;

use crate::ctx::Ctx;
use crate::invariants::{Broken, Rule, ensure};
use crate::mesh::Mesh;
use crate::rpc::{IHave, Message};
use crate::seed::Streams;
use crate::seen::Seen;
use crate::{CodingId, Config, ContentId, LinkId, MessageId, Time, Topic, select};

/// Ids in one IHAVE; keeps a frame's control below the 16 KB that rust-libp2p takes.
const IHAVE_IDS_MAX: usize = 300;

/// Peers remembered as having one message.
const HOLDERS_MAX: usize = 64;

/// Peers remembered as alternatives for one requested message.
const ALTERNATIVES_MAX: usize = 8;

/// The caches.
#[derive(Debug)]
pub(crate) struct Gossip {
    /// Ids of all messages met, ours too.
    seen: Seen<MessageId, ContentId>,
    /// What was delivered to the application.
    delivered: Seen<(Topic, ContentId), ()>,
    cache: BTreeMap<MessageId, Cached>,
    /// Ids by the heartbeat in which they came, newest first.
    windows: VecDeque<VecDeque<MessageId>>,
    cache_bytes: usize,
    /// Messages asked for with IWANT.
    asked: BTreeMap<MessageId, Asked>,
}

/// A whole message in the cache.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) message: Arc<Message>,
    /// Set when it travels as shards between those who can.
    pub(crate) coding: Option<CodingId>,
    /// Whether it may be forwarded and advertised.
    pub(crate) accepted: bool,
    /// The neighbour it came from, unless it is our own.
    pub(crate) from: Option<LinkId>,
    /// What each neighbour brought of it, in millionths; counted once it is accepted.
    pub(crate) credits: Credits,
    /// Links that are known to have it.
    holders: SmallVec<[LinkId; 8]>,
    /// How often each link was sent it on request.
    sent: SmallVec<[(LinkId, u8); 2]>,
}

/// Shares of one message, in millionths, by who brought them.
pub(crate) type Credits = SmallVec<[(LinkId, u64); 1]>;

/// A message asked for.
#[derive(Debug)]
struct Asked {
    until: Time,
    alternatives: SmallVec<[LinkId; 4]>,
}

impl Asked {
    fn add_alternative(&mut self, link: LinkId) {
        if self.alternatives.len() < ALTERNATIVES_MAX && !self.alternatives.contains(&link) {
            self.alternatives.push(link);
        }
    }
}

/// What to do for an IWANT.
#[derive(Debug)]
pub(crate) enum Serve {
    /// Send the whole message.
    Whole(Arc<Message>),
    /// Send shards.
    Shards(CodingId),
    /// Unknown, not accepted, or asked for too often.
    Nothing,
}

impl Gossip {
    pub(crate) fn new(config: &Config, rng: &mut Streams) -> Self {
        let (ttl, max) = (config.gossip.seen_ttl, config.gossip.seen_max);
        Self {
            seen: Seen::new(rng.hashing.next_u64(), ttl, max),
            delivered: Seen::new(rng.hashing.next_u64(), ttl, max),
            cache: BTreeMap::new(),
            windows: VecDeque::from([VecDeque::new()]),
            cache_bytes: 0,
            asked: BTreeMap::new(),
        }
    }

    pub(crate) fn is_seen(&self, id: &MessageId) -> bool {
        self.seen.contains(id)
    }

    /// The content of a message met before.
    pub(crate) fn content_of(&self, id: &MessageId) -> Option<ContentId> {
        self.seen.get(id).copied()
    }

    /// Remembers that a message was met; `false` when it was before.
    pub(crate) fn mark_seen(&mut self, now: Time, id: &MessageId, content: ContentId) -> bool {
        self.asked.remove(id);
        self.seen.insert(now, id.clone(), content)
    }

    /// Remembers that content was delivered; `false` when it was before.
    pub(crate) fn mark_delivered(&mut self, now: Time, topic: &Topic, content: ContentId) -> bool {
        self.delivered.insert(now, (topic.clone(), content), ())
    }

    /// Contents delivered within the seen-cache time, oldest first.
    pub(crate) fn delivered(&self) -> impl Iterator<Item = ContentId> + '_ {
        self.delivered.keys().map(|(_, content)| *content)
    }

    /// Puts a message into the newest window; the oldest leave when there is no room.
    pub(crate) fn store(&mut self, config: &Config, id: MessageId, cached: Cached) {
        let bytes_max = config.gossip.cache_bytes_max;
        let bytes = cached.message.data.len();
        if bytes > bytes_max || self.cache.contains_key(&id) {
            return;
        }
        while self.cache_bytes + bytes > bytes_max {
            let Some(oldest) = self.pop_oldest() else { break };
            self.forget(&oldest);
        }
        self.cache_bytes += bytes;
        self.cache.insert(id.clone(), cached);
        self.windows.front_mut().expect("there is always a newest window").push_back(id);
    }

    fn pop_oldest(&mut self) -> Option<MessageId> {
        let window = self.windows.iter_mut().rev().find(|window| !window.is_empty())?;
        window.pop_front()
    }

    fn forget(&mut self, id: &MessageId) {
        if let Some(cached) = self.cache.remove(id) {
            self.cache_bytes -= cached.message.data.len();
        }
    }

    pub(crate) fn get(&self, id: &MessageId) -> Option<&Cached> {
        self.cache.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &MessageId) -> Option<&mut Cached> {
        self.cache.get_mut(id)
    }

    /// Drops a message that the application refused.
    pub(crate) fn reject(&mut self, id: &MessageId) -> Option<Cached> {
        let cached = self.cache.remove(id)?;
        self.cache_bytes -= cached.message.data.len();
        self.windows.iter_mut().for_each(|window| window.retain(|held| held != id));
        Some(cached)
    }

    /// A peer showed that it has a message: it need not be sent it.
    pub(crate) fn on_holder(&mut self, id: &MessageId, link: LinkId) {
        if let Some(cached) = self.cache.get_mut(id) {
            cached.add_holder(link);
        }
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        for cached in self.cache.values_mut() {
            cached.holders.retain(|holder| *holder != link);
        }
        for asked in self.asked.values_mut() {
            asked.alternatives.retain(|other| *other != link);
        }
    }

    /// A peer advertises messages: those unknown are asked for, from one peer at a time.
    pub(crate) fn on_ihave(&mut self, cx: &mut Ctx<'_>, link: LinkId, ihave: &IHave) {
        let config = &cx.config.gossip;
        for id in &ihave.ids {
            if self.is_seen(id) {
                self.on_holder(id, link);
                continue;
            }
            let room = self.asked.len() < config.iwant_max;
            match self.asked.get_mut(id) {
                Some(asked) => asked.add_alternative(link),
                None if room => self.ask(cx, link, id),
                None => {}
            }
        }
    }

    fn ask(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: &MessageId) {
        let Some(rpc) = cx.links.control(link) else { return };
        rpc.control.iwant.push(id.clone());
        let until = cx.now + cx.config.gossip.iwant_followup;
        self.asked
            .entry(id.clone())
            .and_modify(|asked| asked.until = until)
            .or_insert(Asked { until, alternatives: SmallVec::new() });
    }

    /// What a peer gets for its IWANT.
    pub(crate) fn on_iwant(&mut self, config: &Config, link: LinkId, coded: bool, id: &MessageId) -> Serve {
        let Some(cached) = self.cache.get_mut(id).filter(|cached| cached.accepted) else {
            return Serve::Nothing;
        };
        if !cached.may_retransmit(link, config.gossip.retransmissions_max) {
            return Serve::Nothing;
        }
        // It asks, so it does not have it, whatever it said before.
        cached.holders.retain(|holder| *holder != link);
        match cached.coding {
            Some(coding) if coded => Serve::Shards(coding),
            Some(_) | None => Serve::Whole(cached.message.clone()),
        }
    }

    /// Advertises the last windows, asks elsewhere for what did not come, and starts a new window.
    pub(crate) fn heartbeat(&mut self, cx: &mut Ctx<'_>, mesh: &Mesh) {
        for topic in mesh.topics() {
            self.advertise(cx, mesh, topic);
        }
        self.ask_again(cx);
        self.windows.push_front(VecDeque::new());
        while self.windows.len() > cx.config.gossip.history_length {
            for id in self.windows.pop_back().unwrap_or_default() {
                self.forget(&id);
            }
        }
        self.seen.expire(cx.now);
        self.delivered.expire(cx.now);
    }

    /// IHAVE to peers outside the mesh.
    fn advertise(&self, cx: &mut Ctx<'_>, mesh: &Mesh, topic: &Topic) {
        let ids = self.recent(cx.config, topic);
        if ids.is_empty() {
            return;
        }
        let outside: Vec<LinkId> = cx
            .links
            .subscribers(topic)
            .filter(|(id, link)| link.meshes() && !mesh.contains(topic, *id))
            .filter(|(id, _)| cx.gossips_with(*id))
            .map(|(id, _)| id)
            .collect();
        let share = outside.len() * cx.config.gossip.factor_percent / 100;
        let count = share.max(cx.config.gossip.lazy);
        for link in select::sample(&mut cx.rng.gossip, outside, count) {
            self.send_ihave(cx, link, topic, ids.clone());
        }
    }

    /// IHAVE of the recent messages to a peer that just entered the mesh: it may have missed them.
    ///
    /// Who takes shards is told of coded messages by a report instead.
    pub(crate) fn greet(&self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) {
        let mut ids = self.recent(cx.config, topic);
        if cx.links.is_coded(link) {
            ids.retain(|id| self.cache.get(id).is_some_and(|cached| cached.coding.is_none()));
        }
        if !ids.is_empty() {
            self.send_ihave(cx, link, topic, ids);
        }
    }

    fn send_ihave(&self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic, ids: Vec<MessageId>) {
        let lacks = |id: &MessageId| !self.cache.get(id).is_some_and(|cached| cached.is_holder(link));
        let ids: Vec<MessageId> = ids.into_iter().filter(lacks).collect();
        let ids = select::sample(&mut cx.rng.gossip, ids, IHAVE_IDS_MAX);
        if let (false, Some(rpc)) = (ids.is_empty(), cx.links.control(link)) {
            rpc.control.ihave.push(IHave { topic: topic.clone(), ids });
        }
    }

    /// Accepted messages of a topic in the windows that are advertised, newest first.
    fn recent(&self, config: &Config, topic: &Topic) -> Vec<MessageId> {
        let windows = self.windows.iter().take(config.gossip.history_gossip);
        let of_topic = |id: &&MessageId| {
            self.cache.get(*id).is_some_and(|held| held.accepted && held.message.topic == *topic)
        };
        windows.flatten().filter(of_topic).cloned().collect()
    }

    /// Whom the first peer let down, another is asked; without another the request is forgotten.
    fn ask_again(&mut self, cx: &mut Ctx<'_>) {
        let overdue: Vec<MessageId> =
            self.asked.iter().filter(|(_, asked)| asked.until <= cx.now).map(|(id, _)| id.clone()).collect();
        for id in overdue {
            let next = self.asked.get_mut(&id).and_then(|asked| asked.alternatives.pop());
            match next {
                Some(link) => self.ask(cx, link, &id),
                None => {
                    self.asked.remove(&id);
                }
            }
        }
    }

    pub(crate) fn count_held(&self, held: &mut crate::Held) {
        held.cached_bytes += self.cache_bytes;
        held.ids += self.seen.len() + self.delivered.len();
    }

    pub(crate) fn check(&self, config: &Config) -> Result<(), Broken> {
        let bytes: usize = self.cache.values().map(|cached| cached.message.data.len()).sum();
        let indexed: usize = self.windows.iter().map(VecDeque::len).sum();
        let sound = bytes == self.cache_bytes
            && bytes <= config.gossip.cache_bytes_max
            && indexed == self.cache.len()
            && self.windows.len() <= config.gossip.history_length;
        ensure(sound, Rule::G1, || format!("{bytes} bytes, {indexed} of {} indexed", self.cache.len()))?;
        let bounded = self.seen.is_sound() && self.delivered.is_sound();
        ensure(bounded, Rule::G2, || format!("{} seen", self.seen.len()))
    }

    pub(crate) fn fold_into(&self, hash: &mut crate::TraceHash) {
        use crate::Fold;
        self.windows.fold_into(hash);
        self.seen.len().fold_into(hash);
        self.delivered.len().fold_into(hash);
    }
}

impl Cached {
    pub(crate) fn new(message: Arc<Message>, from: Option<LinkId>) -> Self {
        let holders = from.into_iter().collect();
        let (credits, sent) = (Credits::new(), SmallVec::new());
        Self { message, coding: None, accepted: true, from, credits, holders, sent }
    }

    pub(crate) fn is_holder(&self, link: LinkId) -> bool {
        self.holders.contains(&link)
    }

    pub(crate) fn add_holder(&mut self, link: LinkId) {
        if self.holders.len() < HOLDERS_MAX && !self.holders.contains(&link) {
            self.holders.push(link);
        }
    }

    fn may_retransmit(&mut self, link: LinkId, max: u8) -> bool {
        let room = self.sent.len() < HOLDERS_MAX;
        match self.sent.iter_mut().find(|(to, _)| *to == link) {
            Some((_, times)) => {
                *times = times.saturating_add(1);
                *times <= max
            }
            None if room => {
                self.sent.push((link, 1));
                max > 0
            }
            None => false,
        }
    }
}
