//! Mesh upkeep: who receives our messages of a topic at once.
//!
//! Spec: gossipsub v1.0 "Topic membership", "Control messages", "Heartbeat"; v1.1 "Prune backoff".
//! Invariant M1: every mesh member is a live link. M2: no mesh member is under backoff, and backoffs are bounded.
//! M3: every mesh member subscribed to the topic. M4: members are distinct, and at most *D_hi* after a heartbeat.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use crate::ctx::Ctx;
use crate::invariants::{Broken, Rule, ensure};
use crate::links::Links;
use crate::rpc::Prune;
use crate::{LinkId, Misdeed, PeerId, Time, Topic, Trace, select};

/// The meshes of the topics that this node is in.
#[derive(Debug, Default)]
pub(crate) struct Mesh {
    topics: BTreeMap<Topic, Members>,
    /// When a peer may be grafted again. By peer, so that a reconnect does not lift it.
    backoff: BTreeMap<(Topic, PeerId), Time>,
}

/// Backoffs kept at a time: peers with ever new ids must not fill the memory.
const BACKOFFS_MAX: usize = 16_384;

/// Sorted.
type Members = SmallVec<[LinkId; 12]>;

/// What became of a peer's GRAFT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum GraftOutcome {
    Accepted,
    /// It is a member already.
    Member,
    /// We are not in the topic, or the peer is not: ignored without a word (gossipsub v1.1, spam protection).
    Ignored,
    /// Answered with PRUNE.
    Refused,
}

impl Mesh {
    pub(crate) fn is_joined(&self, topic: &Topic) -> bool {
        self.topics.contains_key(topic)
    }

    /// Topics that this node is in.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.topics.keys()
    }

    pub(crate) fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// The mesh of a topic, in order; empty when we are not in it.
    pub(crate) fn members(&self, topic: &Topic) -> &[LinkId] {
        self.topics.get(topic).map_or(&[], |members| members.as_slice())
    }

    pub(crate) fn contains(&self, topic: &Topic, link: LinkId) -> bool {
        self.members(topic).binary_search(&link).is_ok()
    }

    /// Joins a topic: grafts up to *D* of those who are in it.
    pub(crate) fn join(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        self.topics.insert(topic.clone(), Members::new());
        cx.out.trace(|| Trace::Join { topic: topic.clone() });
        self.fill(cx, topic)
    }

    /// Leaves a topic: prunes everyone, with the shorter backoff.
    pub(crate) fn leave(&mut self, cx: &mut Ctx<'_>, topic: &Topic) {
        for link in self.topics.remove(topic).unwrap_or_default() {
            self.send_prune(cx, link, topic, cx.config.mesh.unsubscribe_backoff);
        }
        cx.out.trace(|| Trace::Leave { topic: topic.clone() });
    }

    /// A peer joined or left a topic. Gives the links grafted because of it.
    ///
    /// Deviation: below *D_lo* the newcomer is grafted at once instead of at the next heartbeat, so that a fresh
    /// network does not lose its first messages.
    pub(crate) fn on_subscription(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        topic: &Topic,
        subscribed: bool,
    ) -> Option<LinkId> {
        if !subscribed {
            self.remove(cx, link, topic);
            return None;
        }
        let wanted = self.topics.get(topic).is_some_and(|members| members.len() < cx.config.mesh.min);
        if !wanted || !self.eligible(cx, link, topic) {
            return None;
        }
        self.add(cx, link, topic);
        cx.send_graft(link, topic);
        Some(link)
    }

    pub(crate) fn on_graft(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) -> GraftOutcome {
        let Some(members) = self.topics.get(topic) else { return GraftOutcome::Ignored };
        if members.contains(&link) {
            return GraftOutcome::Member;
        }
        let Some(peer) = cx.links.peer(link) else { return GraftOutcome::Ignored };
        let (full, backoff) = (members.len() >= cx.config.mesh.max, self.backoff_of(cx.now, topic, &peer));
        if backoff.is_some() {
            cx.misbehaved(link, Misdeed::GraftInBackoff, Some(topic));
        }
        if full || backoff.is_some() || cx.score(link).is_negative() {
            // v1.1: a GRAFT inside the backoff starts it anew.
            self.send_prune(cx, link, topic, cx.config.mesh.prune_backoff);
            return GraftOutcome::Refused;
        }
        if !cx.links.get(link).is_some_and(|link| link.topics.contains(topic)) {
            return GraftOutcome::Ignored;
        }
        self.add(cx, link, topic);
        GraftOutcome::Accepted
    }

    pub(crate) fn on_prune(&mut self, cx: &mut Ctx<'_>, link: LinkId, prune: &Prune) {
        let Some(peer) = cx.links.peer(link) else { return };
        if !self.is_joined(&prune.topic) {
            return;
        }
        self.remove(cx, link, &prune.topic);
        let asked = prune.backoff_s.map_or(cx.config.mesh.prune_backoff, Duration::from_secs);
        self.set_backoff(cx.now + asked.min(cx.config.mesh.backoff_max), &prune.topic, peer);
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        for members in self.topics.values_mut() {
            members.retain(|member| *member != link);
        }
    }

    /// Fills meshes below *D_lo*, cuts those above *D_hi*, forgets old backoffs. Gives who was grafted.
    pub(crate) fn heartbeat(&mut self, cx: &mut Ctx<'_>) -> Vec<(Topic, LinkId)> {
        self.backoff.retain(|_, until| *until > cx.now);
        let mut grafted = Vec::new();
        self.drop_negative(cx);
        let topics: Vec<Topic> = self.topics.keys().cloned().collect();
        for topic in topics {
            let size = self.members(&topic).len();
            if size < cx.config.mesh.min {
                grafted.extend(self.fill(cx, &topic).into_iter().map(|link| (topic.clone(), link)));
            } else if size > cx.config.mesh.max {
                let surplus = size - cx.config.mesh.target;
                let members = self.members(&topic).to_vec();
                for link in select::sample(&mut cx.rng.mesh, members, surplus) {
                    self.remove(cx, link, &topic);
                    self.send_prune(cx, link, &topic, cx.config.mesh.prune_backoff);
                }
            }
        }
        grafted
    }

    /// Nobody with a negative score stays in a mesh (gossipsub v1.1 "Heartbeat Maintenance").
    fn drop_negative(&mut self, cx: &mut Ctx<'_>) {
        let negative = |link: &LinkId| cx.score(*link).is_negative();
        let members =
            self.topics.iter().flat_map(|(topic, members)| members.iter().map(move |link| (topic, *link)));
        let out: Vec<(Topic, LinkId)> =
            members.filter(|(_, link)| negative(link)).map(|(topic, link)| (topic.clone(), link)).collect();
        for (topic, link) in out {
            self.remove(cx, link, &topic);
            self.send_prune(cx, link, &topic, cx.config.mesh.prune_backoff);
        }
    }

    /// Grafts up to *D*.
    fn fill(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        let missing = cx.config.mesh.target.saturating_sub(self.members(topic).len());
        let subscribers: Vec<LinkId> = cx.links.subscribers(topic).map(|(link, _)| link).collect();
        let eligible = subscribers.into_iter().filter(|link| self.eligible(cx, *link, topic)).collect();
        let chosen = select::sample(&mut cx.rng.mesh, eligible, missing);
        for link in &chosen {
            self.add(cx, *link, topic);
            cx.send_graft(*link, topic);
        }
        chosen
    }

    fn eligible(&self, cx: &Ctx<'_>, link: LinkId, topic: &Topic) -> bool {
        !self.contains(topic, link)
            && !cx.score(link).is_negative()
            && cx.links.get(link).is_some_and(|link| {
                link.meshes()
                    && link.topics.contains(topic)
                    && self.backoff_of(cx.now, topic, &link.peer).is_none()
            })
    }

    fn add(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) {
        let Some(members) = self.topics.get_mut(topic) else { return };
        if let Err(slot) = members.binary_search(&link) {
            members.insert(slot, link);
            cx.trace_peer(link, |peer| Trace::Graft { peer, topic: topic.clone() });
        }
    }

    fn remove(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) {
        let Some(members) = self.topics.get_mut(topic) else { return };
        if let Ok(slot) = members.binary_search(&link) {
            members.remove(slot);
            cx.trace_peer(link, |peer| Trace::Prune { peer, topic: topic.clone() });
        }
    }

    /// Sends PRUNE and keeps the backoff ourselves too.
    fn send_prune(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic, backoff: Duration) {
        let Some(peer) = cx.links.peer(link) else { return };
        if let Some(rpc) = cx.links.control(link) {
            rpc.control.prune.push(Prune { topic: topic.clone(), backoff_s: Some(backoff.as_secs().max(1)) });
        }
        self.set_backoff(cx.now + backoff, topic, peer);
    }

    /// A later end is never shortened. When too many are kept, the one that ends first makes room.
    fn set_backoff(&mut self, until: Time, topic: &Topic, peer: PeerId) {
        if self.backoff.len() >= BACKOFFS_MAX && !self.backoff.contains_key(&(topic.clone(), peer)) {
            let first = self.backoff.iter().min_by_key(|(_, until)| **until).map(|(key, _)| key.clone());
            first.and_then(|key| self.backoff.remove(&key));
        }
        let end = self.backoff.entry((topic.clone(), peer)).or_insert(until);
        *end = (*end).max(until);
    }

    fn backoff_of(&self, now: Time, topic: &Topic, peer: &PeerId) -> Option<Time> {
        self.backoff.get(&(topic.clone(), *peer)).copied().filter(|until| *until > now)
    }

    pub(crate) fn check(&self, now: Time, links: &Links) -> Result<(), Broken> {
        ensure(self.backoff.len() <= BACKOFFS_MAX, Rule::M2, || format!("{} backoffs", self.backoff.len()))?;
        for (topic, members) in &self.topics {
            ensure(members.is_sorted_by(|a, b| a < b), Rule::M4, || format!("{topic}: {members:?}"))?;
            for member in members {
                let Some(link) = links.get(*member) else {
                    return ensure(false, Rule::M1, || format!("{topic}: {member:?}"));
                };
                let backoff = self.backoff_of(now, topic, &link.peer);
                ensure(backoff.is_none(), Rule::M2, || format!("{topic}: {member:?} until {backoff:?}"))?;
                ensure(link.topics.contains(topic), Rule::M3, || format!("{topic}: {member:?}"))?;
            }
        }
        Ok(())
    }

    pub(crate) fn fold_into(&self, hash: &mut crate::TraceHash) {
        use crate::Fold;
        self.topics.fold_into(hash);
        self.backoff.fold_into(hash);
    }
}
