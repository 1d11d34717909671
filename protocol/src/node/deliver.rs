//! From a complete message to the application and to those who get it whole.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Node, Parts};
use crate::ctx::Ctx;
use crate::gossip::{Cached, Credits};
use crate::rpc::{Message, Rpc};
use crate::{
    Action, Actions, CodingId, ContentId, Dedup, LinkId, MessageId, MessageRef, Misdeed, Mode, RejectReason,
    Time, Topic, Trace, Validation, Verdict,
};

impl Node {
    /// Publishes what was checked.
    pub(super) fn publish_checked(
        &mut self,
        now: Time,
        topic: &Topic,
        payload: Bytes,
        out: &mut Actions,
    ) -> MessageRef {
        let content = ContentId::of(&payload);
        let seqno = self.seqno;
        self.seqno += 1;
        let mut message = Message {
            publisher: self.me,
            seqno,
            topic: topic.clone(),
            data: payload,
            signature: Bytes::new(),
            key: self.keys.public_key().unwrap_or_default(),
        };
        message.signature = self.keys.sign(&message.signed_bytes());
        out.trace(|| Trace::PublishMessage { content, topic: topic.clone() });
        let coded = self.config.mode == Mode::Optimum
            && message.data.len() >= self.config.coded.small_message_bytes.max(1);
        let (mut parts, mut cx) = self.split(now, out);
        let coding = coded.then(|| {
            let members = parts.mesh.members(topic);
            parts.shards.publish(&mut cx, members, &message, content)
        });
        let id = message.id();
        parts.on_complete(&mut cx, None, Arc::new(message), content, coding);
        MessageRef { id, content, publisher: self.me, seqno }
    }

    /// The application's verdict on a message that waits for it.
    pub(super) fn on_judged(&mut self, now: Time, id: &MessageId, verdict: Verdict, out: &mut Actions) {
        let (mut parts, mut cx) = self.split(now, out);
        let reason = match verdict {
            Verdict::Accept => {
                if let Some(cached) = parts.gossip.get_mut(id).filter(|cached| !cached.accepted) {
                    cached.accepted = true;
                    cx.accepted(id, &cached.message.topic, &cached.credits);
                    parts.forward(&mut cx, id);
                }
                return;
            }
            Verdict::Reject => RejectReason::Validation,
            Verdict::Ignore => RejectReason::ValidationIgnored,
        };
        let Some(cached) = parts.gossip.reject(id) else { return };
        if reason == RejectReason::Validation {
            blame(&mut cx, &cached);
        }
        if let Some(coding) = cached.coding {
            parts.shards.reject(&mut cx, coding);
        }
        let (message, topic) = (id.clone(), cached.message.topic.clone());
        let from = cached.from.and_then(|link| cx.links.peer(link)).unwrap_or(cx.me);
        cx.out.trace(|| Trace::RejectMessage { message, from, topic, reason });
    }
}

impl Parts<'_> {
    /// A message is complete and verified: deliver it once, keep it, pass it on. `from`: who completed it and what
    /// each link brought of it; `None` for our own.
    pub(super) fn on_complete(
        &mut self,
        cx: &mut Ctx<'_>,
        from: Option<(LinkId, Credits)>,
        message: Arc<Message>,
        content: ContentId,
        coding: Option<CodingId>,
    ) {
        let id = message.id();
        if !self.gossip.mark_seen(cx.now, &id, content) {
            return;
        }
        let (from, credits) = from.map_or((None, Credits::new()), |(link, credits)| (Some(link), credits));
        let topic = message.topic.clone();
        let fresh = self.gossip.mark_delivered(cx.now, &topic, content);
        if fresh || cx.config.dedup == Dedup::Origin {
            deliver(cx, from, &message, &id, content);
        }
        let mut cached = Cached::new(message, from);
        cached.coding = coding;
        cached.accepted = from.is_none() || cx.config.validation == Validation::Off;
        cached.credits = credits;
        let accepted = cached.accepted;
        if accepted {
            cx.accepted(&id, &topic, &cached.credits);
        }
        self.gossip.store(cx.config, id.clone(), cached);
        if accepted {
            self.forward(cx, &id);
        }
    }

    /// Queues a message, by reference, for those in the mesh who get it whole and are not known to have it.
    fn forward(&mut self, cx: &mut Ctx<'_>, id: &MessageId) {
        let Some(cached) = self.gossip.get(id) else { return };
        let topic = &cached.message.topic;
        let floodsub = cx.links.subscribers(topic).filter(|(_, link)| !link.meshes()).map(|(link, _)| link);
        let targets: Vec<LinkId> = floodsub
            .chain(self.mesh.members(topic).iter().copied())
            .filter(|link| !cached.is_holder(*link))
            .filter(|link| cached.coding.is_none() || !cx.links.is_coded(*link))
            .collect();
        let message = cached.message.clone();
        for link in targets {
            self.send_whole(cx, link, message.clone());
        }
    }

    /// Sends a message that was asked for, as long as it is in the cache.
    pub(super) fn send_cached(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: &MessageId) {
        if let Some(message) = self.gossip.get(id).map(|cached| cached.message.clone()) {
            self.send_whole(cx, link, message);
        }
    }

    /// Queues a whole message for one link; if too many wait there, the oldest is dropped, with a trace event.
    pub(super) fn send_whole(&mut self, cx: &mut Ctx<'_>, link: LinkId, message: Arc<Message>) {
        let max = cx.config.outbox_messages_max;
        let dropped = cx.links.enqueue(link, message, max);
        if let Some(dropped) = &dropped
            && !cx.links.is_congested(self.mesh.members(&dropped.topic))
        {
            cx.unread(link);
        }
        if let Some(dropped) = dropped.filter(|_| cx.out.tracing()) {
            let rpc = Rpc { publish: alloc::vec![dropped], ..Rpc::default() };
            let meta = super::meta::meta(self.gossip, self.shards, &rpc);
            cx.trace_peer(link, |to| Trace::DropRpc { to, meta });
        }
    }
}

/// The application refused a message. Coded ones are relayed before anybody can judge them, so only a publisher is
/// to blame for those.
fn blame(cx: &mut Ctx<'_>, cached: &Cached) {
    let guilty = match cached.coding {
        Some(_) => cached.from.filter(|from| cx.links.peer(*from) == Some(cached.message.publisher)),
        None => cached.from,
    };
    if let Some(link) = guilty {
        cx.misbehaved(link, Misdeed::InvalidMessage, Some(&cached.message.topic));
    }
}

fn deliver(cx: &mut Ctx<'_>, from: Option<LinkId>, message: &Message, id: &MessageId, content: ContentId) {
    let via = from.and_then(|link| cx.links.peer(link)).unwrap_or(cx.me);
    let topic = message.topic.clone();
    cx.out.trace(|| Trace::DeliverMessage { content, topic: topic.clone(), from: via });
    let names = MessageRef { id: id.clone(), content, publisher: message.publisher, seqno: message.seqno };
    cx.out.push(Action::Deliver { topic, message: names, payload: message.data.clone(), via });
}
