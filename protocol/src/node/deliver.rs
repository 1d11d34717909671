//! From a complete message to the application and to those who get it whole.

use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Node, Parts};
use crate::ctx::Ctx;
use crate::gossip::{Cached, Credits};
use crate::links::{Class, Link, Waiting};
use crate::rpc::{Message, Rpc};
use crate::{
    Action, Actions, CodingId, ContentId, Dedup, LinkId, MessageId, MessageRef, Misdeed, Mode, RejectReason,
    Signatures, Time, Topic, Trace, Validation, Verdict,
};

impl Node {
    /// Publishes what was checked.
    pub(super) fn publish_checked(
        &mut self,
        now: Time,
        topic: &Topic,
        payload: Bytes,
        content: Option<ContentId>,
        out: &mut Actions,
    ) -> MessageRef {
        let message = self.sign(topic, payload);
        let (publisher, seqno) = (message.publisher, message.seqno);
        let hashed = || content.unwrap_or_else(|| ContentId::of(&message.data));
        out.trace(|| Trace::PublishMessage { content: hashed(), topic: topic.clone() });
        let coded = self.config.mode == Mode::Optimum
            && message.data.len() >= self.config.coded.small_message_bytes.max(1);
        let (mut parts, mut cx) = self.split(now, out);
        let mut coding = None;
        if coded {
            let receivers = parts.mesh.receivers(cx.links, topic);
            coding = parts.shards.publish(&mut cx, &receivers, &message, hashed());
        }
        let id = message.id(cx.config.message_ids);
        parts.on_complete(&mut cx, None, Arc::new(message), Names { id: id.clone(), content, coding });
        MessageRef { id, content, publisher, seqno }
    }

    /// Makes a message of ours: pubsub specification, "Signature Policy Options".
    fn sign(&mut self, topic: &Topic, data: Bytes) -> Message {
        let topic = topic.clone();
        let mut message =
            Message { publisher: None, seqno: None, topic, data, signature: Bytes::new(), key: Bytes::new() };
        if self.config.signatures == Signatures::StrictSign {
            message.publisher = Some(self.me);
            message.seqno = Some(self.seqno);
            self.seqno += 1;
            message.sign(&*self.keys);
        }
        message
    }

    /// The application's verdict on a message that waits for it.
    pub(super) fn on_judged(&mut self, now: Time, id: &MessageId, verdict: Verdict, out: &mut Actions) {
        let (mut parts, mut cx) = self.split(now, out);
        let reason = match verdict {
            Verdict::Accept => {
                if let Some(cached) = parts.gossip.accept(id) {
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

/// What a message is called.
pub(super) struct Names {
    pub(super) id: MessageId,
    /// If it was computed.
    pub(super) content: Option<ContentId>,
    /// If it travels as shards.
    pub(super) coding: Option<CodingId>,
}

impl Parts<'_> {
    /// A message is complete and verified: deliver it once, keep it, pass it on. `from`: who completed it and what
    /// each link brought of it; `None` for our own.
    pub(super) fn on_complete(
        &mut self,
        cx: &mut Ctx<'_>,
        from: Option<(LinkId, Credits)>,
        message: Arc<Message>,
        Names { id, content, coding }: Names,
    ) {
        if !self.gossip.mark_seen(cx.now, &id, content) {
            return;
        }
        let (from, credits) = from.map_or((None, Credits::new()), |(link, credits)| (Some(link), credits));
        let topic = message.topic.clone();
        // A message of ours for a topic that we are not in is not for this application.
        if self.mesh.is_joined(&topic) {
            let known = content.filter(|_| cx.config.dedup == Dedup::Content);
            if known.is_none_or(|content| self.gossip.mark_delivered(cx.now, &topic, content)) {
                deliver(cx, from, &message, &id, content);
            }
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

    /// Queues a message, by reference, for those who get it whole and are not known to have it: mesh or fanout, direct
    /// peers, peers that know no mesh, and with flood publishing everyone (gossipsub v1.1 "Flood Publishing").
    fn forward(&mut self, cx: &mut Ctx<'_>, id: &MessageId) {
        let Some(cached) = self.gossip.get(id) else { return };
        let topic = &cached.message.topic;
        let flood = cached.from.is_none() && cx.config.mesh.flood_publish;
        let flooded = |link: LinkId, held: &Link| {
            (flood || !held.meshes()) && cx.score(link) >= cx.config.score.thresholds.publish
        };
        let targets: Vec<LinkId> = cx
            .links
            .subscribers(topic)
            .filter(|(link, held)| self.mesh.receives(cx.links, topic, *link) || flooded(*link, held))
            .filter(|(link, held)| !cached.is_holder(*link) && held.wants(id))
            .filter(|(_, held)| Some(held.peer) != cached.message.publisher)
            .filter(|(_, held)| cached.coding.is_none() || !held.coded)
            .map(|(link, _)| link)
            .collect();
        let class = if cached.from.is_none() { Class::Urgent } else { Class::Forward };
        let message = cached.message.clone();
        for link in targets {
            self.send_whole(cx, link, class, id, message.clone());
        }
    }

    /// Sends a message that was asked for, as long as it is in the cache.
    pub(super) fn send_cached(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: &MessageId) {
        if let Some(message) = self.gossip.get(id).map(|cached| cached.message.clone()) {
            self.send_whole(cx, link, Class::Urgent, id, message);
        }
    }

    /// Queues a whole message for one link; others that no longer fit there are dropped.
    pub(super) fn send_whole(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        class: Class,
        id: &MessageId,
        message: Arc<Message>,
    ) {
        let outbox = &cx.config.outbox;
        let wait = match class {
            Class::Urgent => outbox.publish_wait,
            Class::Forward => outbox.forward_wait,
        };
        let waiting = Waiting { id: id.clone(), message, until: cx.now + wait };
        for dropped in cx.links.enqueue(cx.config, link, class, waiting) {
            self.on_dropped(cx, link, dropped);
        }
    }

    /// Drops what waited too long.
    pub(super) fn drop_expired(&mut self, cx: &mut Ctx<'_>) {
        for link in cx.links.with_waiting() {
            for dropped in cx.links.take_expired(cx.now, link) {
                self.on_dropped(cx, link, dropped);
            }
        }
    }

    /// A message will not be sent to a link: never in silence.
    fn on_dropped(&mut self, cx: &mut Ctx<'_>, link: LinkId, dropped: Waiting) {
        cx.out.tally.dropped_messages = cx.out.tally.dropped_messages.wrapping_add(1);
        // When most links are that slow, it is this node that is.
        if !cx.links.is_congested(self.mesh.members(&dropped.message.topic)) {
            cx.unread(link);
        }
        if cx.out.tracing() {
            let rpc = Rpc { publish: alloc::vec![dropped.message], ..Rpc::default() };
            let meta = super::meta::meta(cx.config, self.gossip, self.shards, &rpc);
            cx.trace_peer(link, |to| Trace::DropRpc { to, meta });
        }
    }
}

/// The application refused a message. Coded ones are relayed before anybody can judge them, so only a publisher is
/// to blame for those.
fn blame(cx: &mut Ctx<'_>, cached: &Cached) {
    let guilty = match cached.coding {
        Some(_) => cached.from.filter(|from| cx.links.peer(*from) == cached.message.publisher),
        None => cached.from,
    };
    if let Some(link) = guilty {
        cx.misbehaved(link, Misdeed::InvalidMessage, Some(&cached.message.topic));
    }
}

fn deliver(
    cx: &mut Ctx<'_>,
    from: Option<LinkId>,
    message: &Message,
    id: &MessageId,
    content: Option<ContentId>,
) {
    let via = from.and_then(|link| cx.links.peer(link)).unwrap_or(cx.me);
    let topic = message.topic.clone();
    let names = MessageRef { id: id.clone(), content, publisher: message.publisher, seqno: message.seqno };
    let content = || names.content_of(&message.data);
    cx.out.trace(|| Trace::DeliverMessage { content: content(), topic: topic.clone(), from: via });
    cx.out.push(Action::Deliver { topic, message: names, payload: message.data.clone(), via });
}
