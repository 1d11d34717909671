//! The table of contents of a received frame: which feature handles what, in which order.

use alloc::sync::Arc;

use smallvec::smallvec;

use super::{Node, Parts};
use crate::ctx::Ctx;
use crate::gossip::Serve;
use crate::mesh::GraftOutcome;
use crate::rpc::{Coded, Control, Header, Message, Rpc, Subscription};
use crate::score::ONE;
use crate::shards::ShardVerdict;
use crate::{Actions, ContentId, LinkId, Misdeed, Mode, Protocol, RejectReason, Time, Trace};

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
        // gossipsub v1.1 "Score Thresholds": a graylisted peer is only known to be there.
        if cx.score(link) < cx.config.score.thresholds.graylist {
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
    fn on_extensions(&mut self, cx: &mut Ctx<'_>, link: LinkId, control: &Control) {
        let offered = cx.config.mode == Mode::Optimum;
        if let Some(extensions) = control.extensions
            && let Some(link) = cx.links.get_mut(link)
        {
            link.coded = offered && extensions.coded && link.agent.protocol >= Protocol::Meshsub13;
        }
    }

    fn on_subscription(&mut self, cx: &mut Ctx<'_>, link: LinkId, change: &Subscription) {
        if !cx.links.on_subscription(link, change, cx.config) {
            return;
        }
        if let Some(link) = self.mesh.on_subscription(cx, link, &change.topic, change.subscribe) {
            self.on_new_member(cx, link, &change.topic);
        }
    }

    fn on_control(&mut self, cx: &mut Ctx<'_>, link: LinkId, control: &Control) {
        for prune in &control.prune {
            self.mesh.on_prune(cx, link, prune);
        }
        for topic in &control.graft {
            match self.mesh.on_graft(cx, link, topic) {
                GraftOutcome::Accepted => {
                    cx.grafted(link, topic);
                    self.on_new_member(cx, link, topic);
                }
                GraftOutcome::Member => cx.grafted(link, topic),
                GraftOutcome::Ignored | GraftOutcome::Refused => {}
            }
        }
        let gossips = cx.gossips_with(link);
        for ihave in control.ihave.iter().filter(|ihave| gossips && self.mesh.is_joined(&ihave.topic)) {
            self.gossip.on_ihave(cx, link, ihave);
        }
        for id in &control.idontwant {
            self.gossip.on_holder(id, link);
        }
        for id in control.iwant.iter().filter(|_| gossips) {
            let coded = cx.links.is_coded(link);
            match self.gossip.on_iwant(cx.config, link, coded, id) {
                Serve::Shards(coding) => {
                    if !self.shards.on_iwant(cx, link, coding) {
                        self.send_cached(cx, link, id);
                    }
                }
                Serve::Whole(message) => self.send_whole(cx, link, message),
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
        for shard in coded.shards {
            match self.shards.on_shard(cx, link, shard) {
                ShardVerdict::Completed { header, payload, credits } => {
                    let message = Arc::new(header.message(payload));
                    let from = Some((link, credits));
                    self.on_complete(cx, from, message, header.content, Some(header.id()));
                }
                ShardVerdict::Handled => {}
            }
        }
    }

    fn on_header(&mut self, cx: &mut Ctx<'_>, link: LinkId, header: &Arc<Header>) {
        if self.mesh.is_joined(&header.topic) {
            let seen = self.gossip.is_seen(&header.message_id());
            self.shards.on_header(cx, self.mesh.members(&header.topic), link, header, seen);
        }
    }

    /// A whole message: known, refused, or complete.
    fn on_message(&mut self, cx: &mut Ctx<'_>, link: LinkId, message: Arc<Message>) {
        if !self.mesh.is_joined(&message.topic) {
            return;
        }
        let id = message.id();
        if let Some(content) = self.gossip.content_of(&id) {
            self.gossip.on_holder(&id, link);
            cx.out.tally.duplicate_messages = cx.out.tally.duplicate_messages.wrapping_add(1);
            cx.duplicate(link, &id, &message.topic);
            let topic = message.topic.clone();
            return cx.trace_peer(link, |from| Trace::DuplicateMessage { content, from, topic });
        }
        let key = (!message.key.is_empty()).then_some(&*message.key);
        if !cx.keys.verify(&message.publisher, key, &message.signed_bytes(), &message.signature) {
            cx.misbehaved(link, Misdeed::InvalidMessage, Some(&message.topic));
            let (topic, reason) = (message.topic.clone(), RejectReason::InvalidSignature);
            return cx.trace_peer(link, |from| Trace::RejectMessage { message: id, from, topic, reason });
        }
        let content = ContentId::of(&message.data);
        self.shards.on_whole(cx, &id, &message.data, content);
        let credits = smallvec![(link, ONE)];
        self.on_complete(cx, Some((link, credits)), message, content, None);
    }
}
