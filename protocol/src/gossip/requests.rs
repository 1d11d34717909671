//! Messages that we asked for, because a peer advertised them.
//!
//! Spec: gossipsub v1.0 "IHAVE", "IWANT"; v1.1 "Spam Protection Measures". A message is asked of one peer at a time.

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
    of: LinkId,
    until: Time,
    /// Whether that peer is to blame if the message does not come.
    promised: bool,
    alternatives: SmallVec<[LinkId; 4]>,
}

impl Requests {
    /// Takes the ids of one frame that we do not have and asks for those that nobody was asked for, up to `allowed`.
    /// Gives how many.
    pub(super) fn on_offered(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        ids: &BTreeSet<MessageId>,
        allowed: usize,
    ) -> usize {
        let room = allowed.min(cx.config.gossip.iwant_max.saturating_sub(self.0.len()));
        let mut new = Vec::new();
        for id in ids {
            match self.0.get_mut(id) {
                Some(asked) => asked.add_alternative(link),
                None => new.push(id.clone()),
            }
        }
        // By lot, so that peers are asked for different ones when not all can be asked for.
        let new = select::sample(&mut cx.rng.gossip, new, room);
        for (number, id) in new.iter().enumerate() {
            // One of them, and by lot: the first.
            self.ask(cx, link, id, number == 0);
        }
        new.len()
    }

    fn ask(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: &MessageId, promised: bool) {
        let Some(rpc) = cx.links.control(link) else { return };
        rpc.control.iwant.push(id.clone());
        let until = cx.now + cx.config.gossip.iwant_followup;
        let alternatives = self.0.remove(id).map_or_else(SmallVec::new, |asked| asked.alternatives);
        self.0.insert(id.clone(), Asked { of: link, until, promised, alternatives });
    }

    /// The message is here, or on its way as shards; or what came for it was bad, which has its own blame.
    pub(super) fn on_kept(&mut self, id: &MessageId) {
        if let Some(asked) = self.0.get_mut(id) {
            asked.promised = false;
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

    /// Blames who broke a promise, and asks another for what did not come; without another the request is forgotten.
    pub(super) fn heartbeat(&mut self, cx: &mut Ctx<'_>) {
        let overdue: Vec<MessageId> =
            self.0.iter().filter(|(_, asked)| asked.until <= cx.now).map(|(id, _)| id.clone()).collect();
        let mut asked_again = BTreeSet::new();
        for id in overdue {
            let Some(asked) = self.0.get_mut(&id) else { continue };
            let next = asked.alternatives.pop();
            if asked.promised {
                let of = asked.of;
                cx.misbehaved(of, Misdeed::BrokenPromise, None);
            }
            match next {
                Some(link) => self.ask(cx, link, &id, asked_again.insert(link)),
                None => {
                    self.0.remove(&id);
                }
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Asked {
    fn add_alternative(&mut self, link: LinkId) {
        if self.alternatives.len() < ALTERNATIVES_MAX && link != self.of && !self.alternatives.contains(&link)
        {
            self.alternatives.push(link);
        }
    }
}

/// Peers remembered as alternatives for one requested message.
const ALTERNATIVES_MAX: usize = 8;
