//! What comes in: headers, shards, reports, requests.

use alloc::sync::Arc;

use braidcast_coding::ShardId;
use bytes::Bytes;

use super::generation::{Generation, Sender, Taken};
use super::terms::Trust;
use super::{Finished, Shards};
use crate::config::Schedule;
use crate::ctx::Ctx;
use crate::gossip::Credits;
use crate::rpc::{HashList, Have, Header, Shard, Want};
use crate::{CodingId, LinkId, MessageId, Misdeed, RejectReason, ShardTrace, Trace};

/// What became of a shard, for those features that care.
#[derive(Debug)]
pub(crate) enum ShardVerdict {
    /// It completed the message, which is verified.
    Completed { header: Arc<Header>, payload: Bytes, credits: Credits },
    /// Nothing for others to do.
    Handled,
}

impl Shards {
    /// A neighbour announced a message of a topic that we are in, by its GossipSub id. `seen`: we have it from
    /// elsewhere.
    pub(crate) fn on_header(
        &mut self,
        cx: &mut Ctx<'_>,
        receivers: &[LinkId],
        link: LinkId,
        header: &Arc<Header>,
        (message, seen): (&MessageId, bool),
    ) {
        let id = header.id();
        let reports = self.rumours.take(&id);
        let published = cx.links.peer(link) == Some(header.publisher);
        if let Some(generation) = self.live.get_mut(&id) {
            generation.exchanges.entry(link).or_default().on_header(published);
            generation.push_back(cx, link);
            return self.live.schedule_on(link, &id);
        }
        let k = header.params.k() as u16;
        if self.finished.contains(&id) {
            return tell_done(cx, link, id, k);
        }
        if !header.verify(cx.keys) {
            cx.misbehaved(link, Misdeed::InvalidMessage, Some(&header.topic));
            let (message, topic) = (message.clone(), header.topic.clone());
            let reason = RejectReason::InvalidSignature;
            return cx.trace_peer(link, |from| Trace::RejectMessage { message, from, topic, reason });
        }
        if seen {
            self.finished.insert(cx.now, id, Finished { k, content: header.content });
            return tell_done(cx, link, id, k);
        }
        let repair_at = cx.now + cx.config.coded.repair_after;
        let mut generation = Generation::collecting(header.clone(), message.clone(), cx.now, repair_at);
        generation.push_to(cx, self, receivers);
        generation.exchanges.entry(link).or_default().on_header(published);
        generation.push_back(cx, link);
        generation.announcer = Some(link);
        for (link, have) in reports {
            generation.exchanges.entry(link).or_default().on_have(cx.now, &have, k);
        }
        self.wake_by(repair_at);
        self.live.insert(generation);
        self.make_room(cx, Some(link));
    }

    /// The hashes of a message's canonical shards came: an honest neighbour checked them.
    pub(crate) fn on_hashes(&mut self, cx: &mut Ctx<'_>, link: LinkId, list: &HashList) {
        if let Some(generation) = self.live.get_mut(&list.message)
            && !generation.learn(link, &list.hashes)
        {
            self.convict(cx, link, list.message);
        }
    }

    /// A shard came.
    pub(crate) fn on_shard(&mut self, cx: &mut Ctx<'_>, link: LinkId, shard: Shard) -> ShardVerdict {
        let id = shard.message;
        let Some(generation) = self.live.get_mut(&id) else {
            // Its header was refused or forgotten, or the message is complete and no longer served.
            count(&mut cx.out.tally.useless_shards);
            if let Some(finished) = self.finished.get(&id).copied() {
                self.trace(cx, link, &shard, Trace::UnnecessaryShard);
                tell_done(cx, link, id, finished.k);
            }
            return ShardVerdict::Handled;
        };
        if generation.is_whole() {
            count(&mut cx.out.tally.useless_shards);
            self.trace(cx, link, &shard, Trace::UnnecessaryShard);
            self.report_useless(cx, link, id);
            self.check_late(cx, link, &shard);
            return ShardVerdict::Handled;
        }
        let is_publisher = cx.links.peer(link) == Some(generation.header.publisher);
        let sender = Sender { link, is_publisher, suspect: self.distrust.is_suspect(cx.now, link) };
        let checks =
            self.distrust.trust(&cx.config.coded, cx.now, &generation.header.topic) == Trust::Verified;
        if let (ShardId::Canonical(_), true) = (&shard.id, checks)
            && let Some(have) = generation.need_list(link)
            && let Some(rpc) = cx.links.control(link)
        {
            rpc.coded.haves.push(have);
        }
        let taken = generation.take(sender, &shard, &mut self.pool);
        let verified = generation.has_verified(&shard.id);
        match taken {
            Taken::Innovative => {
                count(&mut cx.out.tally.new_shards);
                self.trace(cx, link, &shard, Trace::NewShard);
                if verified {
                    self.probation.on_right(link);
                }
                return self.on_progress(cx, id);
            }
            Taken::Duplicate => {
                count(&mut cx.out.tally.useless_shards);
                self.trace(cx, link, &shard, Trace::DuplicateShard);
                self.report_useless(cx, link, id);
            }
            Taken::Unhelpful => {
                count(&mut cx.out.tally.useless_shards);
                self.trace(cx, link, &shard, Trace::UnhelpfulShard);
                self.report_useless(cx, link, id);
            }
            Taken::Invalid => {
                count(&mut cx.out.tally.invalid_shards);
                self.convict(cx, link, id);
            }
        }
        ShardVerdict::Handled
    }

    /// The rank rose: perhaps the message can be decoded.
    fn on_progress(&mut self, cx: &mut Ctx<'_>, id: CodingId) -> ShardVerdict {
        if let Some(generation) = self.live.get_mut(&id) {
            generation.on_progress(cx.now, cx.config.coded.repair_after);
        }
        self.live.schedule(&id);
        // What is left after a purge may be complete, too: good shards that only looked redundant have moved up.
        loop {
            let Some(generation) = self.live.get_mut(&id) else { return ShardVerdict::Handled };
            if generation.rank() < generation.k() {
                let trust = self.distrust.trust(&cx.config.coded, cx.now, &generation.header.topic);
                report_progress(cx, generation, trust);
                return ShardVerdict::Handled;
            }
            let header = generation.header.clone();
            if let Some(payload) = generation.decode(&mut self.pool) {
                let credits = generation.credits();
                self.complete(cx, id, payload.clone(), true);
                return ShardVerdict::Completed { header, payload, credits };
            }
            self.on_polluted(cx, id, &header);
        }
    }

    /// The shards held make another message than the header says.
    fn on_polluted(&mut self, cx: &mut Ctx<'_>, id: CodingId, header: &Header) {
        let (content, topic) = (header.content, header.topic.clone());
        cx.out.trace(|| Trace::PollutedMessage { content, topic: topic.clone() });
        if let Some(generation) = self.live.get_mut(&id)
            && generation.retreat(&mut self.pool)
        {
            self.distrust.on_pollution(&cx.config.coded, cx.now, &topic);
            if generation.rank() < generation.k() {
                // The rest is pulled by index at once; who believes that we have it is told.
                tell_rank(cx, generation);
                generation.pull_at_once(cx.now);
                self.wake_by(cx.now);
            }
            self.alarm(cx);
        } else {
            // Verified shards alone are wrong: the publisher is to blame.
            self.finished.insert(cx.now, id, Finished { k: header.params.k() as u16, content });
            self.drop_generation(cx, id);
        }
    }

    /// A neighbour that sends what we cannot use believes our rank to be lower than it is: tell it, once a rank.
    fn report_useless(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: CodingId) {
        let Some(generation) = self.live.get_mut(&id) else { return };
        let have = generation.have();
        let Some(exchange) = generation.exchanges.get_mut(&link) else { return };
        if exchange.told != Some(have.rank)
            && let Some(rpc) = cx.links.control(link)
        {
            rpc.coded.haves.push(have);
            exchange.told = Some(have.rank);
        }
    }

    /// A neighbour's report.
    pub(crate) fn on_have(&mut self, cx: &mut Ctx<'_>, link: LinkId, have: &Have) {
        if have.doubts {
            self.distrust.on_doubt(&cx.config.coded, cx.now, link);
        }
        if let Some(generation) = self.live.get_mut(&have.message) {
            let k = generation.k();
            generation.exchanges.entry(link).or_default().on_have(cx.now, have, k);
            let pulls = generation.is_wary() && !generation.pulled_from_whole && have.rank >= k;
            if pulls {
                generation.pull_at_once(cx.now);
            }
            self.live.schedule_on(link, &have.message);
            self.live.on_sent(&have.message);
            match have.rank >= k {
                true if pulls => self.wake_by(cx.now),
                true => self.audit(cx, link, have.message),
                false => {}
            }
        } else if have.rank > 0
            && !self.finished.contains(&have.message)
            && let Some(due) = self.rumours.on_have(link, have, cx.now + cx.config.coded.repair_after)
        {
            self.wake_by(due);
        }
    }

    /// A neighbour's request.
    pub(crate) fn on_want(&mut self, cx: &mut Ctx<'_>, link: LinkId, want: &Want) {
        if let Some(generation) = self.live.get_mut(&want.message)
            && cx.links.is_coded(link)
        {
            let k = generation.k();
            let exchange = generation.exchanges.entry(link).or_default();
            let (done, topic) = (exchange.done, &generation.header.topic);
            exchange.on_want(want, k);
            let by_name = !want.indices.is_empty();
            // What it lacks it asks for by name when a decode failed there: the next may fail here.
            if by_name && !done {
                self.distrust.on_pollution(&cx.config.coded, cx.now, topic);
            }
            if by_name && (!done || self.probation.believes_hearsay(cx.now)) {
                self.alarm(cx);
            }
            self.live.schedule_on(link, &want.message);
        }
    }

    /// An IWANT for a message that travels as shards.
    pub(crate) fn on_iwant(&mut self, cx: &mut Ctx<'_>, link: LinkId, id: CodingId) -> bool {
        let Some(k) = self.live.get(&id).map(Generation::k) else { return false };
        self.on_want(cx, link, &Want { message: id, count: k, indices: Default::default() });
        true
    }

    fn trace(&self, cx: &mut Ctx<'_>, link: LinkId, shard: &Shard, event: fn(ShardTrace) -> Trace) {
        if !cx.out.tracing() {
            return;
        }
        let Some(content) = self.content_of(&shard.message) else { return };
        let params = self.live.get(&shard.message).map(|generation| generation.header.params);
        cx.trace_peer(link, |from| {
            let coefficients = match (&shard.id, params) {
                (ShardId::Dense(coefficients), _) => Bytes::copy_from_slice(coefficients),
                (ShardId::Canonical(_), Some(params)) => shard
                    .id
                    .coefficients(params)
                    .map_or_else(|_| Bytes::new(), |c| Bytes::copy_from_slice(&c)),
                (ShardId::Canonical(_), None) => Bytes::new(),
            };
            event(ShardTrace { content, from, coefficients })
        });
    }
}

/// Tells those that push to us how far we are: at the first shard, and then some times on the way to *k*. Where they
/// are many, each time only some of them, in turn.
fn report_progress(cx: &mut Ctx<'_>, generation: &mut Generation, trust: Trust) {
    let reports = match trust {
        Trust::All => REPORTS,
        Trust::Verified => REPORTS_VERIFIED,
    };
    let (rank, step) = (generation.rank(), generation.k().div_ceil(reports));
    let due = rank == 1 || rank.is_multiple_of(step);
    if cx.config.coded.schedule == Schedule::Exchange || !due || !generation.is_reported() {
        return;
    }
    let rounds = if rank == 1 { 1 } else { generation.pushed() / REPORTED_TO };
    tell_some(cx, generation, (usize::from(rank / step), rounds.max(1)));
}

/// Reports the rank to those that push to us.
pub(super) fn tell_rank(cx: &mut Ctx<'_>, generation: &mut Generation) {
    tell_some(cx, generation, (0, 1));
}

/// The same to every `rounds`-th of them, others in each `turn`.
fn tell_some(cx: &mut Ctx<'_>, generation: &mut Generation, (turn, rounds): (usize, usize)) {
    let have = generation.have();
    let pushing = generation.exchanges.iter_mut().filter(|(_, exchange)| exchange.pushes()).enumerate();
    for (place, (link, exchange)) in pushing {
        if (place + turn).is_multiple_of(rounds)
            && !exchange.done
            && exchange.told != Some(have.rank)
            && let Some(rpc) = cx.links.control(*link)
        {
            rpc.coded.haves.push(have);
            exchange.told = Some(have.rank);
        }
    }
}

/// "Decoded, send nothing more", of a message that is no longer served.
fn tell_done(cx: &mut Ctx<'_>, link: LinkId, message: CodingId, k: u16) {
    if let Some(rpc) = cx.links.control(link) {
        rpc.coded.haves.push(Have {
            message,
            rank: k,
            verified: 0,
            sources: 0,
            checks: false,
            doubts: false,
        });
    }
}

/// Reports on the way to *k*. Each is a frame to every neighbour, and most often a packet of its own, so that sixteen were
/// half of the packets of 128 KiB; nobody gets a message sooner by them, and some wait longer.
const REPORTS: u16 = 8;

/// The same where only verified shards are mixed: less of what comes is new, so what a neighbour lacks is harder to guess.
const REPORTS_VERIFIED: u16 = 16;

/// Twice as many neighbours and more are told in turn, at least so many at a time.
const REPORTED_TO: usize = 10;

const fn count(counter: &mut u32) {
    *counter = counter.wrapping_add(1);
}
