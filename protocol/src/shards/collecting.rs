//! The shards of a message that is not decoded yet.

use alloc::vec::Vec;

use braidcast_coding::{Decoder, Offer, Pool, Shard as HeldShard, ShardId, Tag};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

use super::exchange::{Exchange, IndexSet};
use super::terms::{Next, Trust};
use crate::LinkId;
use crate::rpc::Header;

/// The shards of a message that is not decoded yet.
///
/// Every canonical shard in the decoder matched its hash in the signed header; dense ones cannot be checked.
#[derive(Debug)]
pub(crate) struct Collecting {
    pub(crate) decoder: Decoder,
    /// The canonical shards in the decoder.
    pub(crate) verified: IndexSet,
    /// Shards that came straight from the publisher, by position in the decoder.
    direct: Vec<usize>,
    /// A decode failed: only canonical shards are taken from now on.
    pub(crate) strict: bool,
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
        Self { decoder, verified: IndexSet::default(), direct: Vec::new(), strict: false }
    }

    pub(crate) fn take(
        &mut self,
        header: &Header,
        link: LinkId,
        id: ShardId,
        payload: Bytes,
        from_publisher: bool,
        pool: &mut Pool,
    ) -> Taken {
        match &id {
            ShardId::Canonical(index) if self.verified.contains(*index) => return Taken::Duplicate,
            ShardId::Canonical(index) if header.matches(*index, &payload) == Some(true) => {}
            ShardId::Canonical(_) => return Taken::Invalid,
            ShardId::Dense(_) if self.strict => return Taken::Unhelpful,
            ShardId::Dense(_) => {}
        }
        match self.decoder.offer(HeldShard { id, payload, tag: Tag::new(link.number()) }, pool) {
            Err(_) => Taken::Invalid,
            Ok(Offer::Redundant) => Taken::Unhelpful,
            Ok(Offer::Innovative { rank }) => {
                self.verified = verified(&self.decoder);
                if from_publisher {
                    self.direct.push(rank - 1);
                }
                Taken::Innovative
            }
        }
    }

    /// What may be combined for others: a rank.
    pub(crate) fn usable(&self, trust: Trust) -> u16 {
        match trust {
            Trust::All => self.decoder.rank() as u16,
            Trust::Verified => self.verified.len(),
        }
    }

    /// What a neighbour gets from a relay that has reached the threshold.
    ///
    /// Where only verified shards count, one that the neighbour lacks goes as it is, since it can pass it on at
    /// once; else a fresh combination.
    pub(crate) fn mixed(&self, exchange: &Exchange, trust: Trust) -> Next {
        let lacking = self.canonical().find(|index| !exchange.holds.contains(*index));
        match (trust, lacking) {
            (Trust::Verified, Some(index)) => Next::Canonical(index),
            (Trust::Verified | Trust::All, _) => Next::Mixed,
        }
    }

    /// Whether the publisher itself sends to us.
    pub(crate) fn is_next_to_publisher(&self) -> bool {
        !self.direct.is_empty()
    }

    /// What it gets below the threshold: only what came straight from the publisher.
    pub(crate) fn direct(&self, exchange: &Exchange) -> Option<Next> {
        let lacks = |position: &usize| match self.held_direct(*position).map(|shard| &shard.id) {
            Some(ShardId::Canonical(index)) => !exchange.holds.contains(*index),
            Some(ShardId::Dense(_)) => true,
            None => false,
        };
        (exchange.relayed..self.direct.len()).find(lacks).map(Next::Direct)
    }

    /// Makes that shard.
    pub(crate) fn make(
        &self,
        next: Next,
        trust: Trust,
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
                let coded = self.decoder.recoder(usable)?.recode(1, rng, pool).into_iter().next()?;
                Some((ShardId::Dense(coded.coefficients), coded.payload))
            }
        }
    }

    /// Throws away what is not verified and takes nothing of the kind any more. Whether anything was thrown away.
    pub(crate) fn purge(&mut self, pool: &mut Pool) -> bool {
        self.strict = true;
        self.direct.clear();
        let removed = self.decoder.remove_where(|shard| canonical_index(shard).is_none(), pool);
        // Canonical shards that only looked redundant have moved up.
        self.verified = verified(&self.decoder);
        removed > 0
    }

    /// Who brought the shards held.
    pub(crate) fn origins(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.decoder.shards().iter().map(|shard| LinkId::new(shard.tag.value()))
    }

    fn held_direct(&self, position: usize) -> Option<&HeldShard> {
        self.direct.get(position).and_then(|slot| self.decoder.shards().get(*slot))
    }

    fn canonical(&self) -> impl Iterator<Item = u16> + '_ {
        self.decoder.shards().iter().filter_map(canonical_index)
    }
}

fn canonical_index(shard: &HeldShard) -> Option<u16> {
    match shard.id {
        ShardId::Canonical(index) => Some(index),
        ShardId::Dense(_) => None,
    }
}

fn verified(decoder: &Decoder) -> IndexSet {
    decoder.shards().iter().filter_map(canonical_index).collect()
}
