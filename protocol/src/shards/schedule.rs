//! Which message and which neighbour are next, now that a link can take something.

use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use super::Shards;
use super::exchange::Exchange;
use super::generation::{Age, Generation};
use super::terms::{Terms, Trust};
use super::wide::WIDE_LINKS;
use crate::config::Schedule;
use crate::ctx::Ctx;
use crate::links::Links;
use crate::mesh::Mesh;
use crate::rpc::{Coded, Rpc};
use crate::{CodingId, Config, LinkId, Time};

/// A shard that can be made now for a link with room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) link: LinkId,
    message: CodingId,
    terms: Terms,
}

/// How a link orders messages: those that the neighbour lacks, own first, of these the ones of which not every shard is
/// out yet, then the one nearest to completion at the neighbour, then the oldest. What it asks for though it has the
/// message can wait: it wants to see whether we are honest.
type Urgency = (bool, bool, bool, u16, Age);

/// How links take turns: the one that has got the smallest share, then the one that sent fewest, where that counts.
/// Those that have the message already come last.
type Turn = (bool, u32, u16);

/// Messages that are compared for one shard. Beyond them the order is the agenda's, so that a long backlog does not
/// make each shard dearer.
const COMPARED_MAX: usize = 32;

/// Shards that a neighbour is sent without a new report, whatever it lacked.
const UNANSWERED_MIN: u32 = 2;

/// How long a neighbour is believed that reports nothing: a lost packet is sent again sooner. Then it may have heard
/// nothing of what we sent.
const UNANSWERED_ROUND_TRIPS: u32 = 8;

/// How long a neighbour waits that has not reported yet, after its last shard.
const SILENT_ROUND_TRIPS: u32 = 2;

/// Spreads link numbers over all of 64 bits: 2^64 divided by the golden ratio, made odd.
const ODD_PHI: u64 = 0x9e37_79b9_7f4a_7c15;

impl Shards {
    /// The next shard to make; `None` when no link with room can use one now.
    ///
    /// Each link takes its most urgent message; between links it goes by [`turn`], then by lot: were it by number, all
    /// nodes would serve the same neighbours first.
    pub(crate) fn next(&mut self, cx: &Ctx<'_>, mesh: &Mesh) -> Option<Ready> {
        if let Some(until) = self.filling.wait(cx.now, cx.links) {
            self.wake_by(until);
            return None;
        }
        let mut held_until = None;
        let mut links = SmallVec::<[LinkId; 16]>::new();
        for (link, quiet_until) in self.live.scheduled(cx.now) {
            if !cx.links.has_room(link) || !cx.links.is_coded(link) {
                continue;
            }
            match quiet_until {
                None => links.push(link),
                Some(until) => sooner(&mut held_until, until),
            }
        }
        let ready: SmallVec<[(Turn, Ready); 16]> =
            links.into_iter().filter_map(|link| self.next_on(cx, mesh, link, &mut held_until)).collect();
        let next = ready
            .into_iter()
            .min_by_key(|(turn, ready)| (*turn, self.lot(&ready.message, ready.link), ready.link))
            .map(|(_, ready)| ready);
        if next.is_none()
            && let Some(until) = held_until
        {
            self.wake_by(until);
        }
        next
    }

    /// Differs from node to node and from message to message, so that nobody is always served last.
    pub(super) fn lot(&self, message: &CodingId, link: LinkId) -> u64 {
        let message = message.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        (u64::from(link.number()) ^ self.salt ^ message).wrapping_mul(ODD_PHI)
    }

    /// The most urgent message for one link, and the link's turn. `held_until` becomes the time when a neighbour that
    /// is held back is looked at again, if that is sooner.
    fn next_on(
        &mut self,
        cx: &Ctx<'_>,
        mesh: &Mesh,
        link: LinkId,
        held_until: &mut Option<Time>,
    ) -> Option<(Turn, Ready)> {
        let (mut idle, mut compared, mut quiet_until) = (Vec::new(), 0, None);
        let mut best: Option<(Urgency, Turn, Ready)> = None;
        for (entry, generation) in self.live.agenda(link) {
            let terms = self.terms(cx.config, cx.now, (mesh, cx.links), generation, link);
            let Some(exchange) = generation.exchanges.get(&link).filter(|_| generation.can_send(link, terms))
            else {
                idle.push(entry);
                continue;
            };
            let missing = generation.k().saturating_sub(exchange.estimate());
            let urgency = (exchange.done, !generation.own, !generation.is_unsent(), missing, generation.age);
            if let Some(until) =
                self.held_back((cx.config, cx.now, cx.links), generation, (link, exchange), terms.trust)
            {
                sooner(&mut quiet_until, until);
            } else if best.as_ref().is_none_or(|held| urgency < held.0) {
                let turn = turn(cx.config, generation, exchange);
                best = Some((urgency, turn, Ready { link, message: generation.header.id(), terms }));
            }
            compared += 1;
            if compared == COMPARED_MAX {
                break;
            }
        }
        if let Some(until) = quiet_until {
            sooner(held_until, until);
        }
        self.live.tidy(link, &idle, quiet_until.filter(|_| best.is_none()));
        best.map(|(_, turn, ready)| (turn, ready))
    }

    /// Until when nothing is sent to a neighbour to which enough is on its way already, by its own reports. What it
    /// asked for it gets.
    pub(super) fn held_back(
        &self,
        (config, now, links): (&Config, Time, &Links),
        generation: &Generation,
        (link, exchange): (LinkId, &Exchange),
        trust: Trust,
    ) -> Option<Time> {
        if config.coded.schedule == Schedule::Exchange || exchange.wanted > 0 {
            return None;
        }
        let rtt = links.get(link)?.rtt?;
        let sources = sources(config, exchange, config.mesh.max.max(WIDE_LINKS));
        // Where nodes send garbage, or what is not new, who gets enough does not gain by it, and reports nothing.
        let gains = trust == Trust::All && !self.probation.is_alarmed(now);
        let unanswered = gains
            .then(|| unanswered_until(generation, exchange, rtt, sources).or(exchange.silent_until))
            .flatten();
        unanswered.filter(|until| *until > now).or_else(|| {
            let forecast = exchange.trend.forecast(now, rtt, sources)?;
            (forecast.rank >= enough(generation, trust)).then_some(forecast.until)
        })
    }

    /// Makes that shard: a frame with the message's header in front if the neighbour does not have it, and with the
    /// hashes if it needs them.
    pub(crate) fn make(&mut self, cx: &mut Ctx<'_>, ready: Ready) -> Option<Rpc> {
        let generation = self.live.get_mut(&ready.message)?;
        let shard = generation.send((cx.now, ready.link), ready.terms, &mut cx.rng.coding, &mut self.pool)?;
        let list = generation.list_for(ready.link, ready.terms.trust, &shard.id);
        let (header, bytes) = (generation.header.clone(), shard.body.len());
        let rtt = cx.links.get(ready.link).and_then(|link| link.rtt);
        let silent = rtt.and_then(|rtt| silent_until(generation, ready.link, cx.now, rtt));
        let exchange = generation.exchanges.get_mut(&ready.link)?;
        exchange.silent_until = silent;
        let mut coded = Coded::default();
        if !exchange.header_sent && !exchange.known {
            coded.headers.push(header);
            exchange.header_sent = true;
        }
        coded.lists.extend(list);
        coded.shards.push(shard);
        self.live.on_sent(&ready.message);
        if cx.config.coded.schedule == Schedule::Informed {
            self.filling.start(cx.now, ready.link, bytes);
        }
        Some(Rpc { coded, ..Rpc::default() })
    }

    /// How this node may send a message to a neighbour now.
    pub(super) fn terms(
        &self,
        config: &Config,
        now: Time,
        (mesh, links): (&Mesh, &Links),
        generation: &Generation,
        link: LinkId,
    ) -> Terms {
        let config = &config.coded;
        let doubted = self.distrust.is_doubted_by(link);
        let trust = self.distrust.trust(config, now, &generation.header.topic);
        Terms {
            trust: if doubted { Trust::Verified } else { trust },
            doubted,
            alarmed: self.probation.is_alarmed(now),
            threshold: config.threshold.rank(generation.k(), config.threshold_rule),
            lot: u64::from(link.number()).wrapping_mul(ODD_PHI) ^ self.salt,
            bounded: config.schedule == Schedule::Informed,
            eager: mesh.receives(links, &generation.header.topic, link),
            wide: generation.wide
                && links.get(link).is_some_and(|held| held.topics.contains(&generation.header.topic)),
        }
    }
}

/// Makes `at` the time `until`, unless it is sooner.
fn sooner(at: &mut Option<Time>, until: Time) {
    *at = Some(at.map_or(until, |earlier| earlier.min(until)));
}

/// The rank at which a neighbour needs nothing more of us, if it is forecast. Of what nodes send that lack parts of the
/// message themselves not all is new to it; where only verified shards are mixed most is not, in the end.
fn enough(generation: &Generation, trust: Trust) -> u64 {
    let k = u64::from(generation.k());
    match (trust, generation.is_whole()) {
        (Trust::All, false) => k + k / 32,
        (Trust::Verified, true) => k + k / 8,
        (Trust::All, true) | (Trust::Verified, false) => k,
    }
}

/// Until when a neighbour gets nothing more that has not reported since it was sent twice our part of what it lacked
/// then: its reports are held up, by a lost packet for one, and others serve it meanwhile.
fn unanswered_until(
    generation: &Generation,
    exchange: &Exchange,
    rtt: Duration,
    sources: u32,
) -> Option<Time> {
    let report = exchange.reported.filter(|_| generation.is_reported())?;
    let lacked = u32::from(generation.k().saturating_sub(report.rank));
    let sent = u32::from(report.sent_since);
    let enough = sent >= UNANSWERED_MIN && sent * sources >= 2 * lacked;
    let reported_at = exchange.trend.last_reported().filter(|_| enough)?;
    Some(reported_at + UNANSWERED_ROUND_TRIPS * rtt)
}

/// Until when a neighbour gets nothing more that has not reported yet and was sent a good deal more than the others of
/// those that were sent anything: it is far from the publisher, and all its neighbours, who are through with theirs,
/// would fill its line at once. How many serve it is not known, so it is judged by what the others took. That is said
/// once, when a shard goes out: what is held back depends on nothing that happens on other links.
fn silent_until(generation: &Generation, link: LinkId, now: Time, rtt: Duration) -> Option<Time> {
    let exchange = generation.exchanges.get(&link)?;
    if generation.own || !generation.is_reported() || exchange.reported.is_some() {
        return None;
    }
    let served = generation.exchanges.values().map(|other| u32::from(other.sent)).filter(|sent| *sent > 0);
    let (sum, count) = served.fold((0, 0), |(sum, count), sent| (sum + sent, count + 1));
    let much = 2 * u32::from(exchange.sent) * count > 3 * sum + 4 * count;
    much.then(|| now + SILENT_ROUND_TRIPS * rtt)
}

/// A neighbour's turn. Where ranks are not reported, what it sent is all we know of its own, and who sent less goes
/// first. Elsewhere that does not count: the publisher's neighbours send before all others, and would be served last by
/// all.
fn turn(config: &Config, generation: &Generation, exchange: &Exchange) -> Turn {
    let reported = config.coded.schedule == Schedule::Informed && generation.is_reported();
    (exchange.done, share(config, exchange), if reported { 0 } else { exchange.received })
}

/// What a neighbour was sent, weighted by how many serve it: one that has few sources needs more from each of them. It
/// could say that it has fewer than it has, so half of the smallest mesh is the least that counts; more than the largest
/// are enough.
fn share(config: &Config, exchange: &Exchange) -> u32 {
    let sources = match config.coded.schedule {
        Schedule::Exchange => 1,
        Schedule::Informed => {
            sources(config, exchange, config.mesh.max).max(config.mesh.min.div_ceil(2) as u32)
        }
    };
    u32::from(exchange.sent) * sources
}

/// How many serve a neighbour, as it says, and at most so many.
fn sources(config: &Config, exchange: &Exchange, most: usize) -> u32 {
    match usize::from(exchange.sources) {
        0 => config.mesh.target as u32,
        sources => sources.min(most) as u32,
    }
}
