//! The meshes: who receives our messages of a topic at once.
//!
//! Spec: gossipsub v1.0 "Topic Membership", "Control Messages"; v1.1 "Explicit Peering Agreements".
//! Invariant M1: every mesh member is a live link. M2: no mesh member is under backoff, and backoffs are bounded.
//! M3: every mesh member subscribed to the topic. M4: members are distinct, and at most *D_hi* after a heartbeat.
//! M5: no direct peer is a member.

mod backoff;
mod control;
mod fanout;
mod px;
mod upkeep;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use smallvec::SmallVec;

use self::backoff::Backoffs;
use self::fanout::Fanout;
use crate::ctx::Ctx;
use crate::invariants::{Broken, Rule, ensure};
use crate::links::Links;
use crate::{LinkId, Time, Topic, Trace};

/// The meshes of the topics that this node is in.
#[derive(Debug, Default)]
pub(crate) struct Mesh {
    topics: BTreeMap<Topic, Members>,
    fanout: BTreeMap<Topic, Fanout>,
    backoffs: Backoffs,
    /// Heartbeats so far.
    ticks: u64,
    dialled: px::Dialled,
}

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

    /// Who is sent our messages of a topic at once: its mesh or, when we are not in it, its fanout.
    fn eager(&self, topic: &Topic) -> &[LinkId] {
        let members = self.topics.get(topic).or_else(|| self.fanout.get(topic).map(|fanout| &fanout.members));
        members.map_or(&[], |members| members.as_slice())
    }

    /// Whether messages of the topic go to the link at once: see [`Self::receivers`].
    pub(crate) fn receives(&self, links: &Links, topic: &Topic, link: LinkId) -> bool {
        self.eager(topic).binary_search(&link).is_ok()
            || links.get(link).is_some_and(|link| link.direct && link.topics.contains(topic))
    }

    /// Mesh or fanout, and direct peers: v1.1 "Explicit Peering Agreements".
    pub(crate) fn receivers(&self, links: &Links, topic: &Topic) -> Vec<LinkId> {
        let direct = links.iter().filter(|(_, link)| link.direct && link.topics.contains(topic));
        self.eager(topic).iter().copied().chain(direct.map(|(link, _)| link)).collect()
    }

    /// Joins a topic: grafts up to *D* of those who are in it, first of all those whom we publish to already.
    pub(crate) fn join(&mut self, cx: &mut Ctx<'_>, topic: &Topic) -> Vec<LinkId> {
        self.topics.insert(topic.clone(), Members::new());
        cx.out.trace(|| Trace::Join { topic: topic.clone() });
        let mut grafted = self.graft_fanout(cx, topic);
        grafted.extend(self.fill(cx, topic));
        grafted
    }

    /// Leaves a topic: prunes everyone, with the shorter backoff.
    pub(crate) fn leave(&mut self, cx: &mut Ctx<'_>, topic: &Topic) {
        for link in self.topics.remove(topic).unwrap_or_default() {
            self.send_prune(cx, link, topic, cx.config.mesh.unsubscribe_backoff, Vec::new());
        }
        cx.out.trace(|| Trace::Leave { topic: topic.clone() });
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        for members in self.topics.values_mut() {
            members.retain(|member| *member != link);
        }
        for fanout in self.fanout.values_mut() {
            fanout.members.retain(|member| *member != link);
        }
    }

    /// Whether we may graft the link: v1.1 "Heartbeat Maintenance", "Explicit Peering Agreements".
    fn eligible(&self, cx: &Ctx<'_>, link: LinkId, topic: &Topic) -> bool {
        let Some(held) = cx.links.get(link) else { return false };
        held.meshes()
            && !held.direct
            && held.topics.contains(topic)
            && !self.contains(topic, link)
            && !self.backoffs.holds(cx.now, cx.config.mesh.backoff_slack, topic, &held.peer)
            && !cx.score(link).is_negative()
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

    pub(crate) fn check(&self, now: Time, links: &Links) -> Result<(), Broken> {
        ensure(self.backoffs.is_bounded(), Rule::M2, || format!("{} backoffs", self.backoffs.len()))?;
        for (topic, members) in &self.topics {
            ensure(members.is_sorted_by(|a, b| a < b), Rule::M4, || format!("{topic}: {members:?}"))?;
            for member in members {
                let Some(link) = links.get(*member) else {
                    return ensure(false, Rule::M1, || format!("{topic}: {member:?}"));
                };
                let backoff = self.backoffs.running(now, topic, &link.peer);
                ensure(backoff.is_none(), Rule::M2, || format!("{topic}: {member:?} until {backoff:?}"))?;
                ensure(link.topics.contains(topic), Rule::M3, || format!("{topic}: {member:?}"))?;
                ensure(!link.direct, Rule::M5, || format!("{topic}: {member:?}"))?;
            }
        }
        self.check_fanout(links)
    }

    pub(crate) fn fold_into(&self, hash: &mut crate::TraceHash) {
        use crate::Fold;
        self.topics.fold_into(hash);
        self.fanout.fold_into(hash);
        self.backoffs.fold_into(hash);
    }
}
