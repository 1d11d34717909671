//! Who is blamed for wrong shards, and what follows.
//!
//! A canonical shard that does not match its hash, or a wrong dense one that its sender vouched for, proves a lie: an
//! honest node checks what it passes on and vouches only for what it made of that. Who sent a wrong dense shard without
//! vouching may have been deceived: it is believed only what it vouches for, and nothing else happens to it.

use alloc::vec::Vec;

use braidcast_coding::ShardId;
use smallvec::SmallVec;

use super::evidence::{Kept, culprits, is_consistent};
use super::exchange::Exchange;
use super::generation::Body;
use super::{Shards, tell_rank};
use crate::ctx::Ctx;
use crate::rpc::{Have, Shard, Want};
use crate::{CodingId, LinkId, Misdeed, RejectReason, Trace, select};

impl Shards {
    /// A message is verified: now each shard that was kept can be. `wary`: a decode of it had failed.
    pub(super) fn judge(&mut self, cx: &mut Ctx<'_>, id: CodingId, evidence: &[Kept], wary: bool) {
        let Some(generation) = self.live.get(&id).filter(|_| !evidence.is_empty()) else { return };
        let Body::Whole { encoder, .. } = &generation.body else { return };
        let header = &generation.header;
        // The rest of a message that decoded at once on a topic without trouble is not worth a look.
        if !wary && !self.distrust.is_polluted(cx.now, &header.topic) {
            return;
        }
        let culprits = culprits(evidence, encoder, &mut self.pool);
        if culprits.is_empty() || !is_consistent(header, encoder, &mut self.pool) {
            return;
        }
        for culprit in culprits {
            match culprit.vouched {
                true => self.convict(cx, culprit.link, id),
                false => self.suspect(cx, culprit.link, id),
            }
        }
    }

    /// A neighbour sent a wrong shard, perhaps deceived itself. It hears that from now on it has to vouch: else what it
    /// sends would be in vain.
    fn suspect(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: CodingId) {
        self.distrust.suspect(&cx.config.coded, cx.now, link);
        if let Some(generation) = self.live.get(&id)
            && let Some(rpc) = cx.links.control(link)
        {
            rpc.coded.haves.push(Have { doubts: true, ..generation.have() });
        }
    }

    /// A shard of a message that is complete. While its topic is polluted, who still sends wrong ones is found out.
    pub(super) fn check_late(&mut self, cx: &mut Ctx<'_>, link: LinkId, shard: &Shard) {
        let Some(generation) = self.live.get_mut(&shard.message) else { return };
        if self.probation.owed(cx.now, link) == 0
            && !self.distrust.is_polluted(cx.now, &generation.header.topic)
        {
            return;
        }
        match &shard.id {
            ShardId::Canonical(index) => match generation.check(*index, &shard.body, &mut self.pool) {
                Some(true) => self.probation.on_right(link),
                Some(false) => self.convict(cx, link, shard.message),
                None => {}
            },
            // Making it anew costs as much as a pass over the message, so only what may tell something new is.
            ShardId::Dense(_) if !shard.vouched && self.distrust.is_suspect(cx.now, link) => {}
            ShardId::Dense(_)
                if shard.id.coefficients(generation.header.params).is_ok() && generation.examines(link) =>
            {
                let evidence = Kept::new(link, shard.id.clone(), &shard.body, shard.vouched);
                self.judge(cx, shard.message, &[evidence], false);
            }
            ShardId::Dense(_) => {}
        }
    }

    /// Something was wrong: from now on members owe right shards.
    pub(super) fn alarm(&mut self, cx: &mut Ctx<'_>) {
        self.live.rouse();
        if self.probation.alarm(cx.now, cx.config.coded.distrust) {
            let ids: Vec<CodingId> = self.live.iter().map(|(id, _)| id).collect();
            ids.into_iter().for_each(|id| self.audit_all(cx, id));
        }
    }

    /// A message is complete here: those who have it, too, and owe right shards, are asked for some.
    pub(super) fn audit_all(&mut self, cx: &mut Ctx<'_>, id: CodingId) {
        let Some(generation) = self.live.get(&id) else { return };
        let publisher = generation.header.publisher;
        let has = |link: LinkId, exchange: &Exchange| exchange.done || cx.links.peer(link) == Some(publisher);
        let done = generation.exchanges.iter().filter(|(link, exchange)| has(**link, exchange));
        let done: SmallVec<[LinkId; 16]> = done.map(|(link, _)| *link).collect();
        done.into_iter().for_each(|link| self.audit(cx, link, id));
    }

    /// Asks a member that has a message, as we do, for some of the shards that it owes.
    pub(super) fn audit(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: CodingId) {
        let owed = usize::from(self.probation.owed(cx.now, link));
        let Some(generation) = self.live.get_mut(&id).filter(|generation| generation.is_whole()) else {
            return;
        };
        let indices: Vec<u16> = (0..generation.header.hashed_shards()).collect();
        let Some(exchange) = generation.exchanges.get_mut(&link) else { return };
        if owed == 0 || !exchange.pushes() || core::mem::replace(&mut exchange.audited, true) {
            return;
        }
        if let Some(rpc) = cx.links.control(link) {
            let indices = select::sample(&mut cx.rng.gossip, indices, owed);
            let indices: SmallVec<[u8; 16]> = indices.into_iter().map(|index| index as u8).collect();
            rpc.coded.wants.push(Want { message: id, count: indices.len() as u16, indices });
        }
    }

    /// A neighbour lied about a shard: it is not listened to any more, and nothing unverified that it sent is used.
    pub(super) fn convict(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: CodingId) {
        let Some(generation) = self.live.get(&id) else { return };
        let (message, topic) = (generation.message.clone(), generation.header.topic.clone());
        cx.misbehaved(link, Misdeed::InvalidShard, Some(&topic));
        cx.convicted(link);
        let reason = RejectReason::InvalidShard;
        cx.trace_peer(link, |from| Trace::RejectMessage { message, from, topic, reason });
        self.live.on_link_down(link);
        self.alarm(cx);
        for (_, generation) in self.live.iter_mut() {
            if generation.throw_out_liar(link, &mut self.pool) {
                tell_rank(cx, generation);
            }
            if generation.is_wary() {
                generation.pull_at_once(cx.now);
                self.next_repair = Some(cx.now);
            }
        }
    }
}
