//! The message cache.
//!
//! Spec: gossipsub v1.0 "Message Cache". Invariant G1: it is within its bounds and its sums are right.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::invariants::{Broken, Rule, ensure};
use crate::rpc::Message;
use crate::{CodingId, Config, LinkId, MessageId, Topic};

/// Whole messages by id, in windows of one heartbeat.
#[derive(Debug)]
pub(super) struct Cache {
    messages: BTreeMap<MessageId, Cached>,
    /// Ids by the heartbeat in which they came, newest first.
    windows: VecDeque<VecDeque<MessageId>>,
    bytes: usize,
    /// How many wait for the application's verdict.
    judging: usize,
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

impl Cache {
    pub(super) fn new() -> Self {
        Self { messages: BTreeMap::new(), windows: VecDeque::from([VecDeque::new()]), bytes: 0, judging: 0 }
    }

    /// Puts a message into the newest window; the oldest leave when there is no room.
    pub(super) fn store(&mut self, config: &Config, id: MessageId, cached: Cached) {
        let bytes_max = config.gossip.cache_bytes_max;
        let bytes = cached.message.data.len();
        if bytes > bytes_max || self.messages.contains_key(&id) {
            return;
        }
        while self.bytes + bytes > bytes_max {
            let Some(oldest) = self.pop_oldest() else { break };
            self.forget(&oldest);
        }
        self.bytes += bytes;
        self.judging += usize::from(!cached.accepted);
        self.messages.insert(id.clone(), cached);
        self.windows.front_mut().expect("there is always a newest window").push_back(id);
    }

    fn pop_oldest(&mut self) -> Option<MessageId> {
        let window = self.windows.iter_mut().rev().find(|window| !window.is_empty())?;
        window.pop_front()
    }

    fn forget(&mut self, id: &MessageId) -> Option<Cached> {
        let cached = self.messages.remove(id)?;
        self.bytes -= cached.message.data.len();
        self.judging -= usize::from(!cached.accepted);
        Some(cached)
    }

    /// The application accepted a message; whether it waited for that.
    pub(super) fn accept(&mut self, id: &MessageId) -> Option<&Cached> {
        let cached = self.messages.get_mut(id).filter(|cached| !cached.accepted)?;
        cached.accepted = true;
        self.judging -= 1;
        Some(cached)
    }

    pub(super) const fn judging(&self) -> usize {
        self.judging
    }

    pub(super) fn get(&self, id: &MessageId) -> Option<&Cached> {
        self.messages.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &MessageId) -> Option<&mut Cached> {
        self.messages.get_mut(id)
    }

    pub(super) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.values().map(|cached| &*cached.message)
    }

    /// Takes a message out.
    pub(super) fn remove(&mut self, id: &MessageId) -> Option<Cached> {
        let cached = self.forget(id)?;
        self.windows.iter_mut().for_each(|window| window.retain(|held| held != id));
        Some(cached)
    }

    pub(super) fn on_link_down(&mut self, link: LinkId) {
        for cached in self.messages.values_mut() {
            cached.holders.retain(|holder| *holder != link);
        }
    }

    /// Starts a new window.
    pub(super) fn shift(&mut self, config: &Config) {
        self.windows.push_front(VecDeque::new());
        while self.windows.len() > config.gossip.history_length {
            for id in self.windows.pop_back().unwrap_or_default() {
                self.forget(&id);
            }
        }
    }

    /// Accepted messages of a topic in the windows that are advertised, newest first.
    pub(super) fn recent(&self, config: &Config, topic: &Topic) -> Vec<MessageId> {
        let windows = self.windows.iter().take(config.gossip.history_gossip);
        let of_topic = |id: &&MessageId| {
            self.messages.get(*id).is_some_and(|held| held.accepted && held.message.topic == *topic)
        };
        windows.flatten().filter(of_topic).cloned().collect()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn check(&self, config: &Config) -> Result<(), Broken> {
        let bytes: usize = self.messages.values().map(|cached| cached.message.data.len()).sum();
        let indexed: usize = self.windows.iter().map(VecDeque::len).sum();
        let sound = bytes == self.bytes
            && bytes <= config.gossip.cache_bytes_max
            && self.judging == self.messages.values().filter(|cached| !cached.accepted).count()
            && indexed == self.messages.len()
            && self.windows.len() <= config.gossip.history_length;
        ensure(sound, Rule::G1, || format!("{bytes} bytes, {indexed} of {} indexed", self.messages.len()))
    }

    pub(super) fn fold_into(&self, hash: &mut crate::TraceHash) {
        use crate::Fold;
        self.windows.fold_into(hash);
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

    /// It asks, so it does not have it, whatever it said before.
    pub(super) fn remove_holder(&mut self, link: LinkId) {
        self.holders.retain(|holder| *holder != link);
    }

    /// Whether the link was sent it as often as it may be.
    pub(super) fn is_exhausted(&self, link: LinkId, max: u8) -> bool {
        self.sent.iter().any(|(to, times)| *to == link && *times >= max)
    }

    pub(super) fn may_retransmit(&mut self, link: LinkId, max: u8) -> bool {
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

/// Peers remembered as having one message.
const HOLDERS_MAX: usize = 64;
