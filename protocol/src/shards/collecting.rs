//! The shards of a message that is not decoded yet.

use alloc::vec::Vec;

use braidcast_coding::{Decoder, Offer, Pool, Shard as HeldShard, ShardId, Tag};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

use super::evidence::Kept;
use super::exchange::Exchange;
use super::hashes::Hashes;
use super::spread::{HOLDERS_MAX, IndexSet, Spread, scattered};
use super::terms::{Next, Terms, Trust};
use crate::LinkId;
use crate::rpc::Shard;

/// The shards of a message that is not decoded yet.
///
/// Every canonical shard in the decoder matched the hash that the signed header means; dense ones cannot be checked.
#[derive(Debug)]
pub(crate) struct Collecting {
    pub(crate) decoder: Decoder,
    /// The canonical shards in the decoder.
    pub(crate) verified: IndexSet,
    /// The first that came straight from the publisher: nobody else has them before.
    direct: Vec<Direct>,
    /// Which dense shards are taken, after decodes that failed.
    taking: Taking,
    /// Dense shards held for which their senders did not vouch.
    unvouched: Vec<ShardId>,
    /// Decodes that failed.
    attempts: u8,
    /// Dense shards that were thrown away or not taken. Each neighbour's are bounded by what is looked at.
    evidence: Vec<Kept>,
}

/// A shard that came straight from the publisher.
#[derive(Clone, Copy, Debug)]
struct Direct {
    /// Its position in the decoder.
    slot: usize,
    /// Neighbours to which it was passed on.
    passed: u16,
}

/// Which shards are taken besides canonical ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Taking {
    Dense,
    /// Those for which the sender vouches.
    Vouched,
    Nothing,
}

/// Who sends a shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) link: LinkId,
    pub(crate) is_publisher: bool,
    /// It is believed only what it vouches for.
    pub(crate) suspect: bool,
}

/// What became of a shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    Innovative,
    /// The same shard was held.
    Duplicate,
    /// It depends on those held, or may not be used.
    Unhelpful,
    /// It is not what its name says, or does not fit its message.
    Invalid,
}

impl Collecting {
    pub(crate) fn new(decoder: Decoder) -> Self {
        Self {
            decoder,
            verified: IndexSet::default(),
            direct: Vec::new(),
            taking: Taking::Dense,
            unvouched: Vec::new(),
            attempts: 0,
            evidence: Vec::new(),
        }
    }

    pub(crate) fn take(&mut self, hashes: &Hashes, sender: Sender, shard: &Shard, pool: &mut Pool) -> Taken {
        let (id, vouched) = match &shard.id {
            ShardId::Canonical(index) if self.verified.contains(*index) => return Taken::Duplicate,
            ShardId::Canonical(index) => match hashes.matches(*index, &shard.body) {
                Some(true) => (shard.id.clone(), true),
                Some(false) => return Taken::Invalid,
                // It counts as the combination that it is. Who sends it has checked it.
                None => match shard.id.coefficients(self.decoder.params()) {
                    Ok(row) => (ShardId::Dense(row), true),
                    Err(_) => return Taken::Invalid,
                },
            },
            ShardId::Dense(_) => (shard.id.clone(), shard.vouched),
        };
        if canonical_of(&id).is_none() && !self.believes(sender, vouched) {
            return self.set_aside(sender, id, &shard.body, vouched);
        }
        let held =
            HeldShard { id: id.clone(), payload: shard.body.clone(), tag: Tag::new(sender.link.number()) };
        match self.decoder.offer(held, pool) {
            Err(_) => Taken::Invalid,
            Ok(Offer::Redundant) => {
                self.note_unvouched(&id, vouched);
                Taken::Unhelpful
            }
            Ok(Offer::Innovative { rank }) => {
                self.note_unvouched(&id, vouched);
                self.verified = verified(&self.decoder);
                if sender.is_publisher && self.direct.len() < DIRECT_MAX {
                    self.direct.push(Direct { slot: rank - 1, passed: 0 });
                }
                Taken::Innovative
            }
        }
    }

    fn believes(&self, sender: Sender, vouched: bool) -> bool {
        match self.taking {
            Taking::Dense => vouched || !sender.suspect,
            Taking::Vouched => vouched,
            Taking::Nothing => false,
        }
    }

    /// A dense shard that is not taken is evidence all the same.
    fn set_aside(&mut self, sender: Sender, id: ShardId, body: &[u8], vouched: bool) -> Taken {
        let params = self.decoder.params();
        if id.coefficients(params).is_err() || body.len() != params.shard_len() {
            return Taken::Invalid;
        }
        if self.evidence.len() < EVIDENCE_MAX {
            self.evidence.push(Kept::new(sender.link, id, body, vouched));
        }
        Taken::Unhelpful
    }

    /// A shard was taken, if only as a spare: then it is the last.
    fn note_unvouched(&mut self, id: &ShardId, vouched: bool) {
        let last = |shards: &[HeldShard]| shards.last().is_some_and(|held| held.id == *id);
        if !vouched && (last(self.decoder.shards()) || last(self.decoder.spares())) {
            self.unvouched.push(id.clone());
        }
    }

    /// What may be combined for others: a rank.
    pub(crate) fn usable(&self, trust: Trust) -> u16 {
        match trust {
            Trust::All => self.decoder.rank() as u16,
            Trust::Verified => self.verified.len(),
        }
    }

    /// What a neighbour gets where only verified shards are mixed.
    ///
    /// A canonical one it can pass on at once, but others send it the same before they hear that it has it; a
    /// combination is always new, but goes no further. So it gets canonical ones until it has enough to combine, those
    /// that fewest of our neighbours have, and none that is about everywhere. Of those that hardly anybody has it gets
    /// more: else all nodes of a region lack the same few, and wait until one of them is complete.
    pub(crate) fn verified_for(&self, exchange: &Exchange, spread: &Spread, pushed: usize, lot: u64) -> Next {
        let (k, held) = (self.decoder.params().k(), usize::from(exchange.holds.len()));
        let holders = match held {
            _ if held < k.div_ceil(SEEDED_PART) => (3 * pushed / 4).clamp(HOLDERS_MIN, HOLDERS_MAX),
            _ if held < k / RARE_PART => RARE_HOLDERS,
            _ => return Next::Mixed,
        };
        let lacking = self.verified.without(&exchange.holds);
        spread.rarest(&lacking, holders, lot).map_or(Next::Mixed, Next::Canonical)
    }

    /// Whether the publisher itself sends to us.
    pub(crate) fn is_next_to_publisher(&self) -> bool {
        !self.direct.is_empty()
    }

    /// A shard straight from the publisher that a neighbour was not sent yet: one that went to fewest, so that they have
    /// different ones to tell each other.
    pub(crate) fn direct(&self, exchange: &Exchange, terms: Terms) -> Option<Next> {
        let lacks = |shard: &HeldShard| match &shard.id {
            ShardId::Canonical(index) => !exchange.holds.contains(*index),
            ShardId::Dense(_) => !terms.doubted,
        };
        let positions = (0..).zip(&self.direct).filter(|(position, direct)| {
            exchange.passed >> position & 1 == 0 && self.decoder.shards().get(direct.slot).is_some_and(lacks)
        });
        let rarest = positions
            .min_by_key(|(position, direct)| (direct.passed, scattered(terms.lot ^ u64::from(*position))));
        rarest.map(|(position, _)| Next::Direct(position))
    }

    /// Counts that such a shard was passed on.
    pub(crate) fn on_passed(&mut self, position: u16) {
        if let Some(direct) = self.direct.get_mut(usize::from(position)) {
            direct.passed = direct.passed.saturating_add(1);
        }
    }

    /// Makes that shard. `told`: usable shards when this neighbour was sent a combination last.
    pub(crate) fn make(
        &self,
        next: Next,
        (trust, told): (Trust, u16),
        rng: &mut ChaCha8Rng,
        pool: &mut Pool,
    ) -> Option<(ShardId, Bytes)> {
        let copy = |shard: &HeldShard| (shard.id.clone(), shard.payload.clone());
        match next {
            Next::Canonical(index) => {
                let is_it = |shard: &&HeldShard| shard.id == ShardId::Canonical(index);
                self.decoder.shards().iter().find(is_it).map(copy)
            }
            Next::Direct(position) => self.held_direct(position).map(copy),
            Next::Mixed => {
                let usable = |shard: &HeldShard| trust == Trust::All || canonical_index(shard).is_some();
                let recoder = self.decoder.recoder(usable)?;
                let newest = recoder.rank().saturating_sub(usize::from(told)).min(NEWEST_MAX);
                let coded = recoder.thinned(newest, OTHERS, rng).recode(1, rng, pool).into_iter().next()?;
                Some((ShardId::Dense(coded.coefficients), coded.payload))
            }
        }
    }

    /// Whether we know that what [`Self::make`] makes is right: it is made of nothing but verified shards.
    pub(crate) fn vouches(&self, next: Next, trust: Trust) -> bool {
        match next {
            Next::Canonical(_) => true,
            Next::Direct(_) => false,
            Next::Mixed => {
                trust == Trust::Verified || usize::from(self.verified.len()) == self.decoder.rank()
            }
        }
    }

    /// After a decode that failed: throws away what is wrong, as far as that can be told. Whether it could be.
    ///
    /// First the dense shards of one neighbour, if the message is right without them; else those for which nobody
    /// vouches; else all. After the third time only canonical shards are taken.
    pub(crate) fn retreat(&mut self, hashes: &Hashes, pool: &mut Pool) -> bool {
        self.attempts = self.attempts.saturating_add(1);
        let last = self.attempts >= ATTEMPTS_MAX;
        if !last
            && let Some(polluter) = self.find_polluter(hashes, pool)
            && self.throw_out(|shard, _| shard.tag == polluter, pool)
        {
            return true;
        }
        self.taking = if last { Taking::Nothing } else { Taking::Vouched };
        (!last && self.throw_out(|_, vouched| !vouched, pool)) || self.throw_out(|_, _| true, pool)
    }

    /// Whose shards left out give a source shard that is right: tried with one that is not held.
    fn find_polluter(&self, hashes: &Hashes, pool: &mut Pool) -> Option<Tag> {
        let row = (0..self.decoder.params().k() as u16).find(|index| !self.verified.contains(*index))?;
        let is_right = |body: &[u8]| hashes.matches(row, body) == Some(true);
        self.decoder.find_polluter(usize::from(row), is_right, pool)
    }

    /// Throws away the dense shards of a neighbour that lied. Whether there were any.
    pub(crate) fn throw_out_liar(&mut self, link: LinkId, pool: &mut Pool) -> bool {
        let tag = Tag::new(link.number());
        self.throw_out(|shard, _| shard.tag == tag, pool)
    }

    /// Throws away dense shards; whether one vouches for a shard comes with it.
    fn throw_out(&mut self, which: impl Fn(&HeldShard, bool) -> bool, pool: &mut Pool) -> bool {
        let Self { decoder, unvouched, evidence, .. } = self;
        let removed = decoder.remove_where(
            |shard| {
                let vouched = !unvouched.contains(&shard.id);
                let goes = canonical_index(shard).is_none() && which(shard, vouched);
                if goes {
                    evidence.push(Kept::of(shard, vouched));
                }
                goes
            },
            pool,
        );
        if removed > 0 {
            unvouched.retain(|id| decoder.shards().iter().chain(decoder.spares()).any(|held| held.id == *id));
            // Positions have changed, and canonical shards that only looked redundant have moved up.
            self.direct.clear();
            self.verified = verified(&self.decoder);
        }
        removed > 0
    }

    /// Whether a decode failed, so that shards are asked for by name.
    pub(crate) fn is_wary(&self) -> bool {
        self.attempts > 0
    }

    /// What can be compared with the message now that it is verified. `decoded` says that it was made of the shards
    /// held, so that these are right.
    pub(crate) fn into_evidence(mut self, decoded: bool, pool: &mut Pool) -> Vec<Kept> {
        let unvouched = core::mem::take(&mut self.unvouched);
        let shards = self.decoder.shards().iter().filter(|_| !decoded);
        let unchecked = shards.chain(self.decoder.spares()).filter(|held| canonical_index(held).is_none());
        self.evidence.extend(unchecked.map(|held| Kept::of(held, !unvouched.contains(&held.id))));
        self.decoder.discard(pool);
        self.evidence
    }

    /// Who brought the shards held.
    pub(crate) fn origins(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.decoder.shards().iter().map(|shard| LinkId::new(shard.tag.value()))
    }

    fn held_direct(&self, position: u16) -> Option<&HeldShard> {
        self.direct.get(usize::from(position)).and_then(|direct| self.decoder.shards().get(direct.slot))
    }
}

fn canonical_index(shard: &HeldShard) -> Option<u16> {
    canonical_of(&shard.id)
}

const fn canonical_of(id: &ShardId) -> Option<u16> {
    match id {
        ShardId::Canonical(index) => Some(*index),
        ShardId::Dense(_) => None,
    }
}

fn verified(decoder: &Decoder) -> IndexSet {
    decoder.shards().iter().filter_map(canonical_index).collect()
}

/// A combination takes all shards that came since the last one for the same neighbour, but so many at most.
const NEWEST_MAX: usize = 48;

/// And so many of those before. With all of them nobody has a message sooner, and a processor without GFNI spends a third
/// of its time on products. With 8 those who wait for what was sent before wait longer: with a fifth of all frames lost
/// 3 %, where only verified shards are mixed 1.5 %.
const OTHERS: usize = 24;

/// Shards straight from the publisher that are passed on as they are. Who gets so many is one of few that do, and mixes
/// them soon.
const DIRECT_MAX: usize = u64::BITS as usize;

/// Of its *k* a neighbour gets one part in so many as canonical shards. With more of them, more are duplicates; with
/// fewer, what neighbours combine is not new to each other.
const SEEDED_PART: usize = 6;

/// A shard that three quarters of the neighbours have comes to the others from them, and is not passed on as it is; nor
/// is one that [`HOLDERS_MAX`] have. So many must have it at least.
const HOLDERS_MIN: usize = 7;

/// The same part for those that are rare.
const RARE_PART: usize = 2;

/// A shard that so many neighbours are known to have is not rare.
const RARE_HOLDERS: usize = 2;

/// Shards of which something is kept before none is that was not even taken: more than are held of any message.
const EVIDENCE_MAX: usize = 512;

/// Decodes of a message that may fail before only canonical shards are taken.
const ATTEMPTS_MAX: u8 = 3;
