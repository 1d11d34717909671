//! Whole messages: the message cache, and the lazy gossip that mends what the mesh lost.
//!
//! Spec: gossipsub v1.0 "Message Cache", "Gossip Emission"; v1.1 "Adaptive Gossip Dissemination", "Spam Protection
//! Measures", "Score Thresholds". Invariant G2: the seen caches and the requests are within their bounds.

mod arrivals;
mod cache;
mod quota;
mod requests;

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use rand_core::Rng;

pub(crate) use self::arrivals::Arrival;
use self::arrivals::Arrivals;
use self::cache::Cache;
pub(crate) use self::cache::{Cached, Credits};
use self::quota::Quotas;
use self::requests::Requests;
use crate::ctx::Ctx;
use crate::invariants::{Broken, Rule, ensure};
use crate::links::{Kind, Link, Links, allow, left};
use crate::mesh::Mesh;
use crate::rpc::{IHave, Message};
use crate::seed::Streams;
use crate::seen::Seen;
use crate::{CodingId, Config, ContentId, LinkId, MessageId, Misdeed, PeerId, Time, Topic, select};

/// Ids in one IHAVE; keeps a frame's control below the 16 KB that rust-libp2p takes.
const IHAVE_IDS_MAX: usize = 300;

/// The caches.
#[derive(Debug)]
pub(crate) struct Gossip {
    /// Ids of all messages met, ours too.
    seen: Seen<MessageId, Option<ContentId>>,
    /// What was delivered to the application.
    delivered: Seen<(Topic, ContentId), ()>,
    cache: Cache,
    requests: Requests,
    arrivals: Arrivals,
    quotas: Quotas,
}

/// What to do for an IWANT.
#[derive(Debug)]
pub(crate) enum Serve {
    /// Send the whole message.
    Whole(Arc<Message>),
    /// Send shards.
    Shards(CodingId),
    /// The peer was sent it as often as it may be.
    TooOften,
    /// Unknown, or not accepted.
    Nothing,
}

impl Gossip {
    pub(crate) fn new(config: &Config, rng: &mut Streams) -> Self {
        let (ttl, max) = (config.gossip.seen_ttl, config.gossip.seen_max);
        Self {
            seen: Seen::new(rng.hashing.next_u64(), ttl, max),
            delivered: Seen::new(rng.hashing.next_u64(), ttl, max),
            cache: Cache::new(),
            requests: Requests::default(),
            arrivals: Arrivals::default(),
            quotas: Quotas::default(),
        }
    }

    pub(crate) fn is_seen(&self, id: &MessageId) -> bool {
        self.seen.contains(id)
    }

    /// The content of a message met before, if it had to be computed.
    pub(crate) fn content_of(&self, id: &MessageId) -> Option<ContentId> {
        self.seen.get(id).copied().flatten()
    }

    /// Remembers that a message was met; `false` when it was before.
    pub(crate) fn mark_seen(&mut self, now: Time, id: &MessageId, content: Option<ContentId>) -> bool {
        self.requests.remove(id);
        self.seen.insert(now, id.clone(), content)
    }

    /// Counts a verified message; whether its publisher may say so much. A neighbour is blamed for its own excess, once
    /// a heartbeat; who passes on what others say is not to blame.
    pub(crate) fn may_say(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        publisher: &PeerId,
        bytes: usize,
    ) -> bool {
        let within = self.quotas.count(&cx.config.publisher, publisher, bytes);
        if !within && cx.links.peer(link) == Some(*publisher) && self.quotas.is_first_excess(publisher) {
            cx.misbehaved(link, Misdeed::PublishFlood, None);
        }
        within
    }

    /// Whether nothing more is taken of a publisher before the next heartbeat.
    pub(crate) fn is_spent(&self, config: &Config, publisher: &PeerId) -> bool {
        self.quotas.is_spent(&config.publisher, publisher)
    }

    /// Remembers that content was delivered; `false` when it was before.
    pub(crate) fn mark_delivered(&mut self, now: Time, topic: &Topic, content: ContentId) -> bool {
        self.delivered.insert(now, (topic.clone(), content), ())
    }

    /// Contents delivered within the seen-cache time, oldest first.
    pub(crate) fn delivered(&self) -> impl Iterator<Item = ContentId> + '_ {
        self.delivered.keys().map(|(_, content)| *content)
    }

    /// Contents of the messages in the cache.
    pub(crate) fn cached_contents(&self) -> impl Iterator<Item = ContentId> + '_ {
        self.cache.messages().map(|message| ContentId::of(&message.data))
    }

    /// Puts a message into the cache.
    pub(crate) fn store(&mut self, config: &Config, id: MessageId, cached: Cached) {
        self.cache.store(config, id, cached);
    }

    pub(crate) fn get(&self, id: &MessageId) -> Option<&Cached> {
        self.cache.get(id)
    }

    /// The application accepted a message; given back if it waited for that.
    pub(crate) fn accept(&mut self, id: &MessageId) -> Option<&Cached> {
        self.cache.accept(id)
    }

    /// Messages that wait for the application's verdict.
    pub(crate) fn judging(&self) -> usize {
        self.cache.judging()
    }

    /// Drops a message that the application refused.
    pub(crate) fn reject(&mut self, id: &MessageId) -> Option<Cached> {
        self.cache.remove(id)
    }

    /// Something came for a request, even if it is of no use.
    pub(crate) fn on_answer(&mut self, id: &MessageId) {
        self.requests.on_answer(id);
    }

    /// A message begins to come as shards.
    pub(crate) fn on_started(&mut self, id: &MessageId) {
        self.requests.on_started(id);
    }

    /// A peer showed that it has a message: it need not be sent it.
    pub(crate) fn on_holder(&mut self, id: &MessageId, link: LinkId) {
        if let Some(cached) = self.cache.get_mut(id) {
            cached.add_holder(link);
        }
    }

    /// A link is gone; gives what was coming in on it.
    pub(crate) fn on_link_down(&mut self, link: LinkId) -> Option<Arrival> {
        self.cache.on_link_down(link);
        self.requests.on_link_down(link);
        self.arrivals.remove(link)
    }

    /// Whether a message is coming in.
    pub(crate) fn is_arriving(&self, id: &MessageId) -> bool {
        self.arrivals.contains(id)
    }

    /// A message begins to come in on a link. Gives the one before it there, whose rest never came.
    pub(crate) fn begin_arrival(&mut self, link: LinkId, arrival: Arrival) -> Option<Arrival> {
        self.arrivals.begin(link, arrival)
    }

    /// A message came; whether its beginning was noticed on this link.
    pub(crate) fn finish_arrival(&mut self, link: LinkId, id: &MessageId) -> bool {
        self.arrivals.finish(link, id)
    }

    /// Takes the arrivals whose rest should be here by now.
    pub(crate) fn take_overdue(&mut self, now: Time) -> Vec<(LinkId, Arrival)> {
        let overdue = self.arrivals.overdue(now).into_iter();
        overdue.filter_map(|link| self.arrivals.remove(link).map(|arrival| (link, arrival))).collect()
    }

    /// A frame advertises messages: those unknown are asked for. What goes beyond the peer's budget is ignored.
    pub(crate) fn on_ihave(&mut self, cx: &mut Ctx<'_>, link: LinkId, ihaves: &[IHave], mesh: &Mesh) {
        let trusted = cx.gossips_with(link);
        if ihaves.is_empty() || !trusted || allow(cx, link, Kind::IHaveFrames, 1) == 0 {
            return;
        }
        let mut unknown = BTreeSet::new();
        for ihave in ihaves.iter().filter(|ihave| mesh.is_joined(&ihave.topic)) {
            for id in ihave.ids.iter().take(cx.config.gossip.ihave_ids_max) {
                if self.is_seen(id) {
                    self.on_holder(id, link);
                } else {
                    unknown.insert(id.clone());
                }
            }
        }
        let allowed = left(cx, link, Kind::Asked);
        let asked = self.requests.on_offered(cx, link, &unknown, allowed);
        allow(cx, link, Kind::Asked, asked);
    }

    /// What a peer gets for its IWANT.
    pub(crate) fn on_iwant(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: &MessageId) -> Serve {
        cx.links.forget_unwanted(link, id);
        let Some(cached) = self.cache.get_mut(id).filter(|cached| cached.accepted) else {
            return Serve::Nothing;
        };
        if cached.is_exhausted(link, cx.config.gossip.retransmissions_max) {
            return Serve::TooOften;
        }
        if !cached.may_retransmit(link, cx.config.gossip.retransmissions_max) {
            return Serve::Nothing;
        }
        cached.remove_holder(link);
        cx.links.on_served(link);
        match cached.coding {
            Some(coding) if cx.links.is_coded(link) => Serve::Shards(coding),
            Some(_) | None => Serve::Whole(cached.message.clone()),
        }
    }

    /// Blames who advertised and did not send, and asks elsewhere.
    pub(crate) fn check_promises(&mut self, cx: &mut Ctx<'_>) {
        self.requests.heartbeat(cx);
    }

    /// Advertises the last windows, and starts a new one.
    pub(crate) fn heartbeat(&mut self, cx: &mut Ctx<'_>, mesh: &Mesh) {
        for topic in mesh.topics().chain(mesh.fanout_topics()) {
            self.advertise(cx, mesh, topic);
        }
        self.quotas.heartbeat();
        self.cache.shift(cx.config);
        self.seen.expire(cx.now);
        self.delivered.expire(cx.now);
    }

    /// IHAVE to peers outside mesh and fanout: v1.1 "Adaptive Gossip Dissemination", "Score Thresholds".
    ///
    /// Deviation: besides those chosen by lot, all who asked for a message lately. Who pulls is in no mesh that serves
    /// it, so it depends on hearing of each message.
    fn advertise(&self, cx: &mut Ctx<'_>, mesh: &Mesh, topic: &Topic) {
        let ids = self.cache.recent(cx.config, topic);
        if ids.is_empty() {
            return;
        }
        let outside = cx
            .links
            .subscribers(topic)
            .filter(|(id, link)| link.meshes() && !mesh.receives(cx.links, topic, *id))
            .filter(|(id, _)| cx.gossips_with(*id));
        let (pulling, others): (Vec<_>, Vec<_>) = outside.partition(|(_, link)| link.is_pulling());
        let share = (pulling.len() + others.len()) * cx.config.gossip.factor_percent / 100;
        let count = share.max(cx.config.gossip.lazy);
        let links = |of: Vec<(LinkId, &Link)>| of.into_iter().map(|(link, _)| link).collect();
        let (pulling, others): (Vec<LinkId>, Vec<LinkId>) = (links(pulling), links(others));
        let by_lot = select::sample(&mut cx.rng.gossip, others, count);
        for link in pulling.into_iter().chain(by_lot) {
            self.send_ihave(cx, link, topic, ids.clone());
        }
    }

    /// IHAVE of the recent messages to a peer that just entered the mesh: it may have missed them.
    ///
    /// Who takes shards is told of coded messages by a report instead.
    pub(crate) fn greet(&self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) {
        let mut ids = self.cache.recent(cx.config, topic);
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

    pub(crate) fn count_held(&self, held: &mut crate::Held) {
        held.cached_bytes += self.cache.bytes();
        held.ids += self.seen.len() + self.delivered.len();
    }

    pub(crate) fn check(&self, config: &Config, links: &Links) -> Result<(), Broken> {
        self.cache.check(config)?;
        let bounded = self.seen.is_sound()
            && self.delivered.is_sound()
            && self.quotas.is_bounded()
            && self.requests.is_bounded(config.gossip.iwant_max)
            && self.arrivals.links().all(|link| links.is_live(link));
        ensure(bounded, Rule::G2, || format!("{} seen, {} asked for", self.seen.len(), self.requests.len()))
    }

    pub(crate) fn fold_into(&self, hash: &mut crate::TraceHash) {
        use crate::Fold;
        self.cache.fold_into(hash);
        self.seen.len().fold_into(hash);
        self.delivered.len().fold_into(hash);
    }
}
