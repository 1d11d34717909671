//! What a neighbour is sent of one message: the rules are in `docs/spec/coded-mode.md`, section 5.

use braidcast_coding::{Encoder, Pool, ShardId};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

use super::exchange::Exchange;
use super::generation::{Body, Collecting, Generation};
use super::hashes::Hashes;
use super::spread::{IndexSet, Spread};
use super::terms::{Next, Terms, Trust};
use crate::rpc::{HashList, Shard};
use crate::{LinkId, Time};

impl Generation {
    /// The list that goes ahead of a canonical shard: to a neighbour that needs it or, if it is short, to any that does not
    /// have it.
    pub(crate) fn list_for(&mut self, link: LinkId, trust: Trust, id: &ShardId) -> Option<HashList> {
        let exchange = self.exchanges.get_mut(&link)?;
        let hashes = self.hashes.list()?;
        let goes =
            self.header.hashed_shards() <= UNASKED_MAX || trust == Trust::Verified || exchange.needs_list;
        let named = matches!(id, ShardId::Canonical(_));
        if !named || !goes || core::mem::replace(&mut exchange.has_list, true) {
            return None;
        }
        Some(HashList { message: self.header.id(), hashes: hashes.clone() })
    }

    /// Whether there is anything to send to this neighbour.
    pub(crate) fn can_send(&self, link: LinkId, terms: Terms) -> bool {
        self.exchanges.get(&link).is_some_and(|exchange| self.next(exchange, terms).is_some())
    }

    /// Makes the next shard for this neighbour, if there is one.
    pub(crate) fn send(
        &mut self,
        (now, link): (Time, LinkId),
        terms: Terms,
        rng: &mut ChaCha8Rng,
        pool: &mut Pool,
    ) -> Option<Shard> {
        let exchange = self.exchanges.get(&link)?;
        let (next, told) = (self.next(exchange, terms)?, exchange.mixed);
        let mut usable = self.k();
        let ((id, body), vouched) = match &self.body {
            Body::Collecting(collecting) => {
                usable = collecting.usable(terms.trust);
                (
                    collecting.make(next, (terms.trust, told), rng, pool)?,
                    collecting.vouches(next, terms.trust),
                )
            }
            Body::Whole { encoder, .. } => (make(encoder, &mut self.hashes, next, rng, pool)?, true),
        };
        let vouched = vouched && matches!(id, ShardId::Dense(_));
        let exchange = self.exchanges.get_mut(&link)?;
        match next {
            Next::Canonical(index) => {
                exchange.holds.insert(index);
                exchange.wanted_indices.retain(|wanted| u16::from(*wanted) != index);
                if let Body::Whole { next: first_push, .. } = &mut self.body {
                    *first_push += u16::from(*first_push == index);
                }
            }
            Next::Direct(position) => {
                exchange.passed |= 1 << position;
                if let Body::Collecting(collecting) = &mut self.body {
                    collecting.on_passed(position);
                }
            }
            Next::Mixed => exchange.mixed = usable,
        }
        exchange.on_sent(now);
        self.sent = self.sent.saturating_add(1);
        Some(Shard { message: self.header.id(), id, body, vouched })
    }

    /// What this neighbour would be sent. The rules are in `docs/spec/coded-mode.md`, "Which shard goes to whom".
    fn next(&self, exchange: &Exchange, terms: Terms) -> Option<Next> {
        let asked = exchange.wanted > 0;
        if (exchange.done && exchange.wanted_indices.is_empty()) || !(asked || exchange.is_pushed_to(terms)) {
            return None;
        }
        match &self.body {
            Body::Whole { next, .. } => match exchange.wanted_indices.first() {
                Some(index) => Some(Next::Canonical(u16::from(*index))),
                None if !asked && !exchange.can_use(self.k()) => None,
                None if self.own && *next < self.header.hashed_shards() => Some(Next::Canonical(*next)),
                None if self.own && terms.alarmed => Some(self.seed(exchange, terms)),
                None => Some(Next::Mixed),
            },
            Body::Collecting(collecting) => {
                if !exchange.wanted_indices.is_empty() {
                    let mut wanted = exchange.wanted_indices.iter().map(|index| u16::from(*index));
                    return wanted.find(|index| collecting.verified.contains(*index)).map(Next::Canonical);
                }
                let usable = collecting.usable(terms.trust);
                let may_push = usable >= terms.threshold && self.may_spread(collecting, usable, terms);
                if usable > 0 && (asked || (may_push && exchange.can_use(usable))) {
                    return Some(match terms.trust {
                        // What they ask for is what all else did not give them.
                        Trust::All if asked => Next::Mixed,
                        Trust::All => collecting.direct(exchange, terms).unwrap_or(Next::Mixed),
                        Trust::Verified => {
                            collecting.verified_for(exchange, &self.spread(), self.pushed(), terms.lot)
                        }
                    });
                }
                exchange.can_use(self.rank()).then(|| collecting.direct(exchange, terms)).flatten()
            }
        }
    }

    /// What our own message goes on with while many take only what they can check: canonical shards, which can be passed
    /// on at once.
    fn seed(&self, exchange: &Exchange, terms: Terms) -> Next {
        let all: IndexSet = (0..self.header.hashed_shards()).collect();
        let lacking = all.without(&exchange.holds);
        self.spread().rarest(&lacking, SEED_HOLDERS, terms.lot).map_or(Next::Mixed, Next::Canonical)
    }

    /// How far canonical shards have spread among our neighbours.
    fn spread(&self) -> Spread {
        self.exchanges.values().map(|exchange| &exchange.holds).collect()
    }

    /// The bound on a relay's fan-out. Each shard reaches a node by many ways at once, so a relay that passed on
    /// all it has to all its neighbours would send most of them what they get from others. In a large mesh it may do
    /// more: there the first shards of a message go to many who have nothing yet.
    fn may_spread(&self, collecting: &Collecting, usable: u16, terms: Terms) -> bool {
        let twentieths = match terms.trust {
            Trust::All => FANOUT_MIN.max(FANOUT_PART * self.pushed()),
            Trust::Verified => FANOUT_MIN,
        };
        let free = !terms.bounded || collecting.is_next_to_publisher();
        free || 20 * (self.sent as usize) < twentieths * usize::from(usable)
    }
}

/// Shards that a relay sends in all for each one that it holds, in twentieths. Fewer slow the spread down, more are
/// duplicates.
const FANOUT_MIN: usize = 100;

/// The same for each neighbour to which it pushes, if that is more.
const FANOUT_PART: usize = 9;

/// A canonical shard that so many neighbours are known to have is seeded no further.
const SEED_HOLDERS: usize = 4;

/// A list of at most so many hashes goes with canonical shards unasked: 768 bytes, *k* = 16 with the default multiplier.
const UNASKED_MAX: u16 = 24;

/// Source shards that a combination of a complete message takes.
const WHOLE_ROWS: usize = 24;

/// A shard of a message that is complete. A canonical one whose hash is wrong in the list that the header means would be
/// blamed on us: in its place goes a combination.
fn make(
    encoder: &Encoder,
    hashes: &mut Hashes,
    next: Next,
    rng: &mut ChaCha8Rng,
    pool: &mut Pool,
) -> Option<(ShardId, Bytes)> {
    if let Next::Canonical(index) = next {
        let body = encoder.canonical(index, pool).ok()?;
        hashes.complete(encoder, pool);
        if hashes.list().is_some_and(|list| list.matches(index, &body)) {
            return Some((ShardId::Canonical(index), body));
        }
    }
    let coded = encoder.coded_of(WHOLE_ROWS, rng, pool);
    Some((ShardId::Dense(coded.coefficients), coded.payload))
}
