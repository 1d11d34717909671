//! Messages that we asked for, because a peer advertised them.
//!
//! Spec: gossipsub v1.0 "IHAVE", "IWANT"; v1.1 "Spam Protection Measures". Deviation: a message is asked of one peer,
//! and of another only when it does not come within [`crate::GossipSettings::iwant_retry`]; the specification asks
//! everyone who advertises it. So nothing comes twice where lines are fast enough, and whoever promises and does not
//! send cannot hold a message back until the others have dropped it from their caches.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use smallvec::SmallVec;

use crate::ctx::Ctx;
use crate::{LinkId, MessageId, Misdeed, Time, select};

/// Messages asked for, at most [`crate::GossipSettings::iwant_max`].
#[derive(Debug, Default)]
pub(super) struct Requests(BTreeMap<MessageId, Asked>);

/// A message asked for.
#[derive(Debug)]
struct Asked {
    of: SmallVec<[Request; 2]>,
    /// When another peer is asked, too.
    again_at: Time,
    alternatives: SmallVec<[LinkId; 4]>,
}

/// One peer that was asked.
#[derive(Clone, Copy, Debug)]
struct Request {
    link: LinkId,
    until: Time,
    /// Whether it is to blame if the message does not come.
    promised: bool,
}

impl Requests {
    /// Takes the ids of one frame that we do not have and asks for those that nobody was asked for of late, up to
    /// `allowed`. Gives how many.
    pub(super) fn on_offered(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        ids: &BTreeSet<MessageId>,
        allowed: usize,
    ) -> usize {
        let room = allowed.min(cx.config.gossip.iwant_max.saturating_sub(self.0.len()));
        let mut due = Vec::new();
        for id in ids {
            match self.0.get_mut(id) {
                Some(asked) if asked.was_asked(link) => {}
                Some(asked) if asked.again_at > cx.now || asked.of.len() >= ASKED_MAX => {
                    asked.add_alternative(link);
                }
                Some(_) | None => due.push(id.clone()),
            }
        }
        // By lot, so that peers are asked for different ones when not all can be asked for.
        let due = select::sample(&mut cx.rng.gossip, due, room);
        for (number, id) in due.iter().enumerate() {
            // One of them, and by lot: the first.
            self.ask(cx, link, id, number == 0);
        }
        due.len()
    }

    fn ask(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: &MessageId, promised: bool) {
        let Some(rpc) = cx.links.control(link) else { return };
        rpc.control.iwant.push(id.clone());
        let (until, again_at) =
            (cx.now + cx.config.gossip.iwant_followup, cx.now + cx.config.gossip.iwant_retry);
        let nobody = Asked { of: SmallVec::new(), again_at, alternatives: SmallVec::new() };
        let asked = self.0.entry(id.clone()).or_insert(nobody);
        asked.of.push(Request { link, until, promised });
        asked.again_at = again_at;
    }

    /// What came for it was bad, which has its own blame.
    pub(super) fn on_answer(&mut self, id: &MessageId) {
        if let Some(asked) = self.0.get_mut(id) {
            asked.of.iter_mut().for_each(|request| request.promised = false);
        }
    }

    /// The message is on its way as shards: nobody else is asked before the time is up.
    pub(super) fn on_started(&mut self, id: &MessageId) {
        self.on_answer(id);
        if let Some(asked) = self.0.get_mut(id) {
            let last = asked.of.iter().map(|request| request.until).max();
            asked.again_at = last.unwrap_or(asked.again_at);
        }
    }

    pub(super) fn remove(&mut self, id: &MessageId) {
        self.0.remove(id);
    }

    pub(super) fn on_link_down(&mut self, link: LinkId) {
        for asked in self.0.values_mut() {
            asked.alternatives.retain(|other| *other != link);
        }
    }

    /// Blames who broke a promise, and asks another for what did not come; when nobody is left to wait for the request
    /// is forgotten.
    pub(super) fn heartbeat(&mut self, cx: &mut Ctx<'_>) {
        let ids: Vec<MessageId> = self.0.keys().cloned().collect();
        let mut asked_again = BTreeSet::new();
        for id in ids {
            let Some(asked) = self.0.get_mut(&id) else { continue };
            let more = if asked.again_at <= cx.now { asked.take_alternatives(cx) } else { SmallVec::new() };
            let broken = asked.take_overdue(cx.now);
            if asked.of.is_empty() && more.is_empty() {
                self.0.remove(&id);
            }
            broken.into_iter().for_each(|link| cx.misbehaved(link, Misdeed::BrokenPromise, None));
            more.into_iter().for_each(|link| self.ask(cx, link, &id, asked_again.insert(link)));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_bounded(&self, iwant_max: usize) -> bool {
        let few = |asked: &Asked| asked.of.len() <= ASKED_MAX && asked.alternatives.len() <= ALTERNATIVES_MAX;
        self.0.len() <= iwant_max && self.0.values().all(few)
    }
}

impl Asked {
    fn was_asked(&self, link: LinkId) -> bool {
        self.of.iter().any(|request| request.link == link)
    }

    fn add_alternative(&mut self, link: LinkId) {
        if self.alternatives.len() < ALTERNATIVES_MAX && !self.alternatives.contains(&link) {
            self.alternatives.push(link);
        }
    }

    /// As many more as were asked already, so that the chance to have asked only such as do not send falls fast: the
    /// best of those who have it, too, and of equals the last, who will keep it longest.
    fn take_alternatives(&mut self, cx: &Ctx<'_>) -> SmallVec<[LinkId; 2]> {
        let count = self.of.len().max(1).min(ASKED_MAX - self.of.len());
        self.alternatives.sort_by_key(|link| cx.score(*link));
        self.alternatives.drain(self.alternatives.len().saturating_sub(count)..).rev().collect()
    }

    /// Stops waiting for those whose time is up; gives who had promised.
    fn take_overdue(&mut self, now: Time) -> SmallVec<[LinkId; 2]> {
        let overdue = self.of.iter().filter(|request| request.until <= now && request.promised);
        let broken = overdue.map(|request| request.link).collect();
        self.of.retain(|request| request.until > now);
        broken
    }
}

/// Peers remembered as alternatives for one requested message.
const ALTERNATIVES_MAX: usize = 8;

/// Peers asked for one message at a time.
const ASKED_MAX: usize = 8;
