//! A long message is declined at others as soon as it begins to come in, not when it is here.
//!
//! Source: the idea of gossipsub's "IMRECEIVING" proposals. Deviation from gossipsub v1.2, "IDONTWANT", which speaks of
//! messages that were received. Nothing new is on the wire: our messages have their id ahead of the payload. If the
//! rest does not come, the others are asked for it.

use super::Parts;
use crate::ctx::Ctx;
use crate::gossip::Arrival;
use crate::rpc::MessageHead;
use crate::{LinkId, MessageId, Misdeed, Score, Topic};

impl Parts<'_> {
    /// Only members of the mesh in good standing are believed.
    pub(super) fn on_arriving(&mut self, cx: &mut Ctx<'_>, link: LinkId, head: MessageHead) {
        let gossip = &cx.config.gossip;
        let worth_it = gossip.idontwant_early && head.data_bytes >= gossip.idontwant_bytes_min;
        let member = self.mesh.members(&head.topic).contains(&link);
        if !worth_it || !member || cx.score(link) < Score::ZERO {
            return;
        }
        let Some(id) = head.id(cx.config.message_ids).filter(|id| !self.gossip.is_seen(id)) else { return };
        let known = self.gossip.is_arriving(&id);
        let until = cx.now + cx.config.gossip.iwant_followup + cx.config.outbox.patience(head.data_bytes);
        let arrival = Arrival { id, topic: head.topic, until };
        if !known {
            self.decline(cx, link, &arrival.topic, &arrival.id);
        }
        if let Some(before) = self.gossip.begin_arrival(link, arrival) {
            self.on_broken(cx, link, &before);
        }
    }

    /// Blames those whose messages should have ended by now.
    pub(super) fn check_arrivals(&mut self, cx: &mut Ctx<'_>) {
        for (link, arrival) in self.gossip.take_overdue(cx.now) {
            self.on_broken(cx, link, &arrival);
        }
    }

    /// A link that is up did not bring what it began with. Of a topic that we left nothing was taken.
    fn on_broken(&mut self, cx: &mut Ctx<'_>, link: LinkId, Arrival { id, topic, .. }: &Arrival) {
        if self.mesh.is_joined(topic) && !self.gossip.is_seen(id) {
            cx.misbehaved(link, Misdeed::BrokenPromise, Some(topic));
        }
        self.on_not_arrived(cx, link, topic, id);
    }

    /// What began to come in did not come, or is not what it said: those who were told not to send it are asked for it.
    pub(super) fn on_not_arrived(&mut self, cx: &mut Ctx<'_>, from: LinkId, topic: &Topic, id: &MessageId) {
        if self.gossip.is_seen(id) || self.gossip.is_arriving(id) {
            return;
        }
        for link in self.mesh.members(topic).iter().filter(|link| **link != from) {
            if let Some(rpc) = cx.links.control(*link) {
                rpc.control.iwant.push(id.clone());
            }
        }
    }

    /// Tells the mesh that a large message need not be sent here any more, before the application has judged it.
    ///
    /// Spec: gossipsub v1.2 "Basic scenario". Coded messages have reports of their own for that.
    pub(super) fn decline(&self, cx: &mut Ctx<'_>, from: LinkId, topic: &Topic, id: &MessageId) {
        for link in self.mesh.members(topic).iter().filter(|link| **link != from) {
            let Some(held) = cx.links.get(*link).filter(|held| held.knows_idontwant()) else { continue };
            let outside = |topic| self.mesh.is_joined(topic) && !self.mesh.members(topic).contains(link);
            let gossips = held.topics.iter().any(outside);
            cx.links.send_idontwant(*link, id.clone(), gossips);
        }
    }
}
