//! The table of contents of a received frame: which feature handles what, in which order.

use alloc::sync::Arc;

use smallvec::smallvec;

use super::deliver::Names;
use super::{Node, Parts};
use crate::ctx::Ctx;
use crate::gossip::Serve;
use crate::links::{Class, Kind, Link, Noted, allow};
use crate::mesh::GraftOutcome;
use crate::rpc::{Coded, Control, Header, Message, Rpc, Subscription};
use crate::score::ONE;
use crate::shards::ShardVerdict;
use crate::{
    Actions, ContentId, LinkId, MessageId, Misdeed, Mode, Protocol, RejectReason, Signatures, Time, Topic,
    Trace, Validation,
};

impl Node {
    /// Control before data, so that a PRUNE or a report in a frame stops what we would send for its data.
    pub(super) fn on_rpc(&mut self, now: Time, link: LinkId, rpc: Rpc, out: &mut Actions) {
        if !self.links.is_live(link) {
            return;
        }
        if out.tracing() {
            let meta = self.meta(&rpc);
            let (_, mut cx) = self.split(now, out);
            cx.trace_peer(link, |from| Trace::RecvRpc { from, meta });
        }
        let (mut parts, mut cx) = self.split(now, out);
        parts.on_extensions(&mut cx, link, &rpc.control);
        for change in &rpc.subscriptions {
            parts.on_subscription(&mut cx, link, change);
        }
        // gossipsub v1.1 "Score Thresholds": a graylisted peer is only known to be there; a direct one never is.
        let direct = cx.links.get(link).is_some_and(|held| held.direct);
        if cx.score(link) < cx.config.score.thresholds.graylist && !direct {
            return;
        }
        parts.on_control(&mut cx, link, &rpc.control);
        parts.on_reports(&mut cx, link, &rpc.coded);
        for message in rpc.publish {
            parts.on_message(&mut cx, link, message);
        }
        parts.on_shards(&mut cx, link, rpc.coded);
    }
}

impl Parts<'_> {
    /// They stand in the first frame and never again (gossipsub v1.3 "The Extensions Control Message").
    ///
    /// Deviation: the same once more is no misdeed. A peer greets anew when its stream was replaced.
    fn on_extensions(&mut self, cx: &mut Ctx<'_>, link: LinkId, control: &Control) {
        let offered = cx.config.mode == Mode::Optimum;
        let Some(held) = cx.links.get_mut(link) else { return };
        let first = !core::mem::replace(&mut held.greeted, true);
        let Some(extensions) = control.extensions else { return };
        if first {
            held.extensions = Some(extensions);
            held.coded = offered && extensions.coded && held.agent.protocol >= Protocol::Meshsub13;
        } else if held.extensions != Some(extensions) {
            cx.misbehaved(link, Misdeed::LateExtensions, None);
        }
    }

    fn on_subscription(&mut self, cx: &mut Ctx<'_>, link: LinkId, change: &Subscription) {
        match cx.links.on_subscription(link, change, cx.config) {
            Noted::Changed => {}
            Noted::Same => return,
            Noted::NoRoom => {
                allow(cx, link, Kind::Subscription, 1);
                return;
            }
        }
        if let Some(link) = self.mesh.on_subscription(cx, link, &change.topic, change.subscribe) {
            self.on_new_member(cx, link, &change.topic);
        }
    }

    /// Peers of `/floodsub/1.0.0` have no part in meshes and gossip.
    fn on_control(&mut self, cx: &mut Ctx<'_>, link: LinkId, control: &Control) {
        if !cx.links.get(link).is_some_and(Link::meshes) {
            return;
        }
        let prunes = allow(cx, link, Kind::Prune, control.prune.len());
        for prune in &control.prune[..prunes] {
            self.mesh.on_prune(cx, link, prune);
        }
        let grafts = allow(cx, link, Kind::Graft, control.graft.len());
        for topic in &control.graft[..grafts] {
            match self.mesh.on_graft(cx, link, topic) {
                GraftOutcome::Accepted => {
                    cx.grafted(link, topic);
                    self.on_new_member(cx, link, topic);
                }
                GraftOutcome::Member => cx.grafted(link, topic),
                GraftOutcome::Ignored | GraftOutcome::Refused => {}
            }
        }
        self.gossip.on_ihave(cx, link, &control.ihave, self.mesh);
        let declined = allow(cx, link, Kind::IDontWant, control.idontwant.len());
        for id in &control.idontwant[..declined] {
            self.gossip.on_holder(id, link);
            cx.links.on_idontwant(link, id);
        }
        self.on_iwant(cx, link, &control.iwant);
    }

    /// v1.1 "Score Thresholds": gossip of peers below the threshold is ignored.
    fn on_iwant(&mut self, cx: &mut Ctx<'_>, link: LinkId, ids: &[MessageId]) {
        if !cx.gossips_with(link) {
            return;
        }
        let allowed = allow(cx, link, Kind::IWant, ids.len());
        for id in &ids[..allowed] {
            match self.gossip.on_iwant(cx, link, id) {
                Serve::Shards(coding) => {
                    if !self.shards.on_iwant(cx, link, coding) {
                        self.send_cached(cx, link, id);
                    }
                }
                Serve::Whole(message) => self.send_whole(cx, link, Class::Urgent, id, message),
                Serve::TooOften => {
                    allow(cx, link, Kind::Repeated, 1);
                }
                Serve::Nothing => {}
            }
        }
    }

    fn on_reports(&mut self, cx: &mut Ctx<'_>, link: LinkId, coded: &Coded) {
        let any = !coded.haves.is_empty() || !coded.wants.is_empty();
        if !any || !cx.links.is_coded(link) || !cx.gossips_with(link) {
            return;
        }
        coded.haves.iter().for_each(|have| self.shards.on_have(cx, link, have));
        coded.wants.iter().for_each(|want| self.shards.on_want(cx, link, want));
    }

    fn on_shards(&mut self, cx: &mut Ctx<'_>, link: LinkId, coded: Coded) {
        if coded.is_empty() || !cx.links.is_coded(link) {
            return;
        }
        for header in coded.headers {
            self.on_header(cx, link, &header);
        }
        coded.lists.iter().for_each(|list| self.shards.on_hashes(cx, link, list));
        for shard in coded.shards {
            match self.shards.on_shard(cx, link, shard) {
                ShardVerdict::Completed { header, payload, credits } => {
                    let message = Arc::new(header.message(payload));
                    let names = Names {
                        id: header.message_id(cx.config.message_ids),
                        content: Some(header.content),
                        coding: Some(header.id()),
                    };
                    self.on_complete(cx, Some((link, credits)), message, names);
                }
                ShardVerdict::Handled => {}
            }
        }
    }

    fn on_header(&mut self, cx: &mut Ctx<'_>, link: LinkId, header: &Arc<Header>) {
        if self.mesh.is_joined(&header.topic) {
            let message = header.message_id(cx.config.message_ids);
            let seen = self.gossip.is_seen(&message);
            let known = seen || self.shards.content_of(&header.id()).is_some();
            let spent = !known && self.gossip.is_spent(cx.config, &header.publisher);
            self.gossip.on_started(&message);
            let receivers = self.mesh.receivers(cx.links, &header.topic);
            self.shards.on_header(cx, &receivers, link, header, (&message, seen || spent));
            if !known && self.shards.content_of(&header.id()).is_some() {
                self.on_verified_header(cx, link, header, message);
            }
        }
    }

    /// A new header turned out to be its publisher's: counts it. What is too much was answered as if it were here, so
    /// that nobody goes on to send it.
    fn on_verified_header(&mut self, cx: &mut Ctx<'_>, link: LinkId, header: &Header, id: MessageId) {
        if !self.gossip.may_say(cx, link, &header.publisher, header.params.message_len()) {
            self.refuse_excess(cx, link, id, Some(header.content), &header.topic);
        }
    }

    /// Its publisher says too much. It counts as seen, so that it is not fetched from those who took it.
    fn refuse_excess(
        &mut self,
        cx: &mut Ctx<'_>,
        link: LinkId,
        message: MessageId,
        content: Option<ContentId>,
        topic: &Topic,
    ) {
        self.gossip.mark_seen(cx.now, &message, content);
        let (topic, reason) = (topic.clone(), RejectReason::PublisherLimit);
        cx.trace_peer(link, |from| Trace::RejectMessage { message, from, topic, reason });
    }

    /// A whole message: known, refused, or complete.
    fn on_message(&mut self, cx: &mut Ctx<'_>, link: LinkId, message: Arc<Message>) {
        if !self.mesh.is_joined(&message.topic) {
            return;
        }
        let id = message.id(cx.config.message_ids);
        let announced = self.gossip.finish_arrival(link, &id);
        if self.gossip.is_seen(&id) {
            self.gossip.on_holder(&id, link);
            cx.out.tally.duplicate_messages = cx.out.tally.duplicate_messages.wrapping_add(1);
            cx.duplicate(link, &id, &message.topic);
            let (content, topic) = (self.gossip.content_of(&id), message.topic.clone());
            let content = || content.unwrap_or_else(|| ContentId::of(&message.data));
            return cx.trace_peer(link, |from| Trace::DuplicateMessage { content: content(), from, topic });
        }
        self.gossip.on_answer(&id);
        if let Err(reason) = self.check_message(cx, link, &message) {
            let topic = message.topic.clone();
            if announced {
                self.on_not_arrived(cx, link, &topic, &id);
            }
            return cx.trace_peer(link, |from| Trace::RejectMessage { message: id, from, topic, reason });
        }
        let content = cx.content(&id, &message.data);
        if let Some(publisher) = &message.publisher
            && !self.gossip.may_say(cx, link, publisher, message.data.len())
        {
            return self.refuse_excess(cx, link, id, content, &message.topic);
        }
        let told = announced || self.gossip.is_arriving(&id);
        // Deviation: after its signature was checked, which takes microseconds, so that a forged copy cannot keep the
        // real one away.
        if !told && message.data.len() >= cx.config.gossip.idontwant_bytes_min {
            self.decline(cx, link, &message.topic, &id);
        }
        self.shards.on_whole(cx, &id, &message.data, content);
        let credits = smallvec![(link, ONE)];
        self.on_complete(cx, Some((link, credits)), message, Names { id, content, coding: None });
    }

    /// What can be said of a message before the application sees it.
    fn check_message(&self, cx: &mut Ctx<'_>, link: LinkId, message: &Message) -> Result<(), RejectReason> {
        if let Err(reason) = check_signature(cx, message) {
            cx.misbehaved(link, Misdeed::InvalidMessage, Some(&message.topic));
            return Err(reason);
        }
        // Not marked as seen: it may come again when there is room.
        let full = self.gossip.judging() >= cx.config.judging_max;
        match cx.config.validation == Validation::Application && full {
            true => Err(RejectReason::ValidationQueueFull),
            false => Ok(()),
        }
    }
}

/// Spec: pubsub, "Signature Policy Options".
fn check_signature(cx: &mut Ctx<'_>, message: &Message) -> Result<(), RejectReason> {
    let Message { publisher, seqno, signature, key, .. } = message;
    match (cx.config.signatures, publisher, seqno) {
        (Signatures::StrictSign, Some(publisher), Some(_)) if !signature.is_empty() => {
            if message.verify(publisher, cx.keys) { Ok(()) } else { Err(RejectReason::InvalidSignature) }
        }
        (Signatures::StrictNoSign, None, None) if signature.is_empty() && key.is_empty() => Ok(()),
        (Signatures::StrictSign | Signatures::StrictNoSign, _, _) => Err(RejectReason::SignaturePolicy),
    }
}
