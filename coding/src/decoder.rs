//! The sink: shards in, message out.

mod assembly;

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use thiserror::Error;

use self::assembly::{Assembly, Cx};
use crate::combine::{Rows, combine};
use crate::matrix::Echelon;
use crate::{Params, Pool, Recoder, Shard, ShardError, ShardId, Tag};

/// Collects shards until they determine the message.
///
/// On arrival the k coefficients are eliminated, which tells whether the shard is innovative. A source shard is
/// copied to its place in the message; the payloads of others stay where they are, uncopied, until the rows they
/// determine are computed: see [`Strategy`]. Shards can be taken out again, by origin for instance, when the message
/// turns out to be wrong.
///
/// A few redundant shards are kept as spares: a polluted shard takes up rank, so that a good one that comes after
/// it looks redundant. When shards are removed, spares move up.
///
/// Holds at most `k` + [`SPARES_MAX`] payloads, and one block of the padded message from the first source shard on.
///
/// Invariants. D1: the ids and lengths of all shards held are valid. D2: `shards` are linearly independent, and
/// are what was inserted in `echelon`, in the same order.
pub struct Decoder {
    params: Params,
    echelon: Echelon,
    shards: Vec<Shard>,
    spares: Vec<Shard>,
    assembly: Assembly,
}

/// When a decoder computes the rows of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// All at the end, in one product: least work. O(k x padded length) byte products in [`Decoder::finish`].
    Lazy,
    /// Sixteen shards at a time while they come, so that little is left to do after the last one: about 1.3 times
    /// the work in all from k = 32 on (measured), but O(padded length) in [`Decoder::finish`].
    Batched,
}

impl Strategy {
    /// The better one for a message of this shape: [`Strategy::Lazy`] while its product takes up to about 100 us, at
    /// 200 byte products per nanosecond.
    ///
    /// The speed is that of the fastest kernel, and does not depend on the processor at hand, so that equal inputs
    /// do equal work everywhere.
    #[must_use]
    pub const fn for_params(params: Params) -> Self {
        if params.k() * params.padded_len() <= LAZY_PRODUCTS_MAX { Self::Lazy } else { Self::Batched }
    }
}

/// What became of a valid shard or coefficient vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// It is independent of those before and was taken.
    Innovative {
        /// The rank including it: 1 to `k`.
        rank: usize,
    },
    /// It is a combination of those before: nothing new, if they are right.
    Redundant,
}

/// Why there is no message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FinishError {
    /// More shards are needed.
    #[error("rank is {rank}, the message needs {k}")]
    Incomplete {
        /// Independent shards held.
        rank: usize,
        /// Independent shards needed.
        k: usize,
    },
    /// A byte after the end of the message is not zero: at least one shard is polluted, or the source is at fault.
    #[error("padding is not zero at byte {offset} of a message of {message_len}")]
    Padding {
        /// Position of the first such byte.
        offset: usize,
        /// Length of the message.
        message_len: usize,
    },
}

impl Decoder {
    /// Without any shard; with the strategy that suits the shape.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self::with_strategy(params, Strategy::for_params(params))
    }

    /// Without any shard; with this strategy.
    #[must_use]
    pub fn with_strategy(params: Params, strategy: Strategy) -> Self {
        let echelon = Echelon::for_solving(params.k());
        Self { params, echelon, shards: Vec::new(), spares: Vec::new(), assembly: Assembly::new(strategy) }
    }

    /// The shape of the message.
    #[must_use]
    pub fn params(&self) -> Params {
        self.params
    }

    /// Number of independent shards held: 0 to `k`.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shards.len()
    }

    /// Whether [`Decoder::finish`] has all it needs.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.rank() == self.params.k()
    }

    /// Whether a shard of this id would be innovative: a question that needs no payload. O(k x rank).
    ///
    /// # Errors
    ///
    /// [`ShardError`] if the id names no shard of this message.
    pub fn is_innovative(&self, id: &ShardId) -> Result<bool, ShardError> {
        id.with_coefficients(self.params, |coefficients| self.echelon.is_innovative(coefficients))
    }

    /// Takes a shard. O(k x rank) byte products whatever the length of the payload, unless a batch is due
    /// ([`Strategy::Batched`]); a source shard is copied. `pool` gives the block for the message.
    ///
    /// # Errors
    ///
    /// [`ShardError`] if the shard cannot belong to this message; the decoder is unchanged.
    pub fn offer(&mut self, shard: Shard, pool: &mut Pool) -> Result<Offer, ShardError> {
        shard.check_len(self.params)?;
        let echelon = &mut self.echelon;
        let pivot = shard.id.with_coefficients(self.params, |coefficients| echelon.insert(coefficients))?;
        if pivot.is_none() {
            self.keep_spare(shard);
            return Ok(Offer::Redundant);
        }
        if self.shards.capacity() == 0 {
            self.shards.reserve_exact(self.params.k());
        }
        self.shards.push(shard);
        let mut cx = Cx { params: self.params, pool };
        self.assembly.on_accepted(&self.shards, &self.echelon, &mut cx);
        Ok(Offer::Innovative { rank: self.rank() })
    }

    /// The independent shards held, in order of arrival.
    #[must_use]
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Redundant shards held in reserve, at most [`SPARES_MAX`].
    #[must_use]
    pub fn spares(&self) -> &[Shard] {
        &self.spares
    }

    /// The source shard of this index if it was received as such, to be forwarded as it is.
    #[must_use]
    pub fn systematic(&self, index: usize) -> Option<&Bytes> {
        let is_it = |id: &ShardId| match id {
            ShardId::Canonical(i) => usize::from(*i) == index && id.is_systematic(self.params),
            ShardId::Dense(_) => false,
        };
        self.shards.iter().find(|shard| is_it(&shard.id)).map(|shard| &shard.payload)
    }

    /// The source shard of this index, held or computed, or `None` while the shards do not determine it.
    ///
    /// Costs at most one product of one row: enough to test a suspicion against a digest of that row.
    #[must_use]
    pub fn source_row(&self, index: usize, pool: &mut Pool) -> Option<Bytes> {
        let weights = self.echelon.solution(index)?;
        if let Some(slot) = verbatim(weights) {
            return Some(self.shards[slot].payload.clone());
        }
        Some(combine_payloads(&self.shards, weights, self.params, pool))
    }

    /// A recoder over those shards that `choose` accepts, or `None` if it accepts none.
    pub fn recoder(&self, choose: impl FnMut(&Shard) -> bool) -> Option<Recoder<'_>> {
        Recoder::over(&self.shards, choose, self.params)
    }

    /// The message, in a block of the pool.
    ///
    /// Computes the source shards that are missing, O(missing x k x shard length) byte products; those that were
    /// received are in place. Whether it is the message that was sent is for the caller to check; the shards stay, so
    /// that after a failed check some can be removed and others offered.
    ///
    /// # Errors
    ///
    /// [`FinishError::Incomplete`] below rank `k`; [`FinishError::Padding`] if the shards are inconsistent with the
    /// length of the message. The second check makes decoding the exact inverse of encoding: a node that decoded
    /// makes the same shards as the source did.
    pub fn finish(&mut self, pool: &mut Pool) -> Result<Bytes, FinishError> {
        if !self.is_complete() {
            return Err(FinishError::Incomplete { rank: self.rank(), k: self.params.k() });
        }
        let mut cx = Cx { params: self.params, pool };
        let block = self.assembly.finish(&self.shards, &self.echelon, &mut cx);
        let message_len = self.params.message_len();
        let dirty = block[message_len..].iter().position(|byte| *byte != 0);
        let rows = pool.freeze(block);
        match dirty {
            Some(after) => Err(FinishError::Padding { offset: message_len + after, message_len }),
            None => Ok(rows.slice(..message_len)),
        }
    }

    /// Whether some spare is not the combination of the shards held that its id says: then at least one shard, here
    /// or there, is polluted. Needs no digest, and not even full rank. Costs one product of one row for each spare.
    #[must_use]
    pub fn contradicts_itself(&self, pool: &mut Pool) -> bool {
        self.spares.iter().any(|spare| {
            let weights = spare.id.with_coefficients(self.params, |vector| self.echelon.combination(vector));
            let Some(weights) = weights.expect("D1: shards held have valid ids") else { return false };
            combine_payloads(&self.shards, &weights, self.params, pool) != spare.payload
        })
    }

    /// The origin without whose shards, all others and the spares determine a source shard `index` that `is_right`
    /// accepts: who polluted a message that failed its check, if it was one only.
    ///
    /// For each origin of shards held, an elimination of the coefficients, O(k^3), and a product of one row.
    pub fn find_polluter(
        &self,
        index: usize,
        mut is_right: impl FnMut(&[u8]) -> bool,
        pool: &mut Pool,
    ) -> Option<Tag> {
        let mut suspects: Vec<Tag> = self.shards.iter().map(|shard| shard.tag).collect();
        suspects.sort_unstable();
        suspects.dedup();
        suspects.into_iter().find(|suspect| {
            let row = self.row_without(*suspect, index, pool);
            row.is_some_and(|row| is_right(&row))
        })
    }

    /// The source shard of this index as all shards but those of one origin have it.
    fn row_without(&self, tag: Tag, index: usize, pool: &mut Pool) -> Option<Bytes> {
        let mut echelon = Echelon::for_solving(self.params.k());
        let mut rows = Rows::new();
        for shard in self.shards.iter().chain(&self.spares).filter(|shard| shard.tag != tag) {
            let pivot = shard.id.with_coefficients(self.params, |vector| echelon.insert(vector));
            if pivot.expect("D1: shards held have valid ids").is_some() {
                rows.push(&shard.payload);
            }
        }
        let weights = echelon.solution(index)?;
        Some(combine(&rows, weights, 1, self.params.shard_len(), pool).remove(0))
    }

    /// Gives up, and gives the memory of the unfinished message back. Merely dropping the decoder frees it.
    pub fn discard(mut self, pool: &mut Pool) {
        self.assembly.discard(pool);
    }

    /// Removes every shard and spare for which `remove` holds, then fills up from the spares. Says how many went.
    ///
    /// Costs an elimination of all remaining shards, O(k^3) byte products, if any was removed.
    pub fn remove_where(&mut self, mut remove: impl FnMut(&Shard) -> bool, pool: &mut Pool) -> usize {
        let before = self.shards.len() + self.spares.len();
        self.shards.retain(|shard| !remove(shard));
        self.spares.retain(|shard| !remove(shard));
        let removed = before - self.shards.len() - self.spares.len();
        if removed > 0 {
            self.rebuild(pool);
        }
        removed
    }

    /// Eliminates the shards anew, those before the spares.
    fn rebuild(&mut self, pool: &mut Pool) {
        self.echelon.clear();
        self.assembly.clear();
        let shards = core::mem::take(&mut self.shards);
        let spares = core::mem::take(&mut self.spares);
        for shard in shards.into_iter().chain(spares) {
            self.offer(shard, pool).expect("D1: shards held are valid");
        }
    }

    /// Keeps a redundant shard unless it is held already; the same id with another payload is worth keeping.
    fn keep_spare(&mut self, shard: Shard) {
        let same = |held: &Shard| held.id == shard.id && held.payload == shard.payload;
        if self.spares.len() < SPARES_MAX && !self.shards.iter().chain(&self.spares).any(same) {
            self.spares.push(shard);
        }
    }
}

/// The sum of the payloads of these shards with these weights.
fn combine_payloads(shards: &[Shard], weights: &[u8], params: Params, pool: &mut Pool) -> Bytes {
    let mut payloads = Rows::new();
    payloads.extend(shards.iter().map(|shard| &shard.payload[..]));
    combine(&payloads, weights, 1, params.shard_len(), pool).remove(0)
}

/// The shard that is the solution by itself, if the weights are one for it and zero for the others.
fn verbatim(weights: &[u8]) -> Option<usize> {
    let slot = weights.iter().position(|w| *w != 0)?;
    let alone = weights[slot] == 1 && weights[slot + 1..].iter().all(|w| *w == 0);
    alone.then_some(slot)
}

impl Clone for Decoder {
    /// The same shards; what was computed of the message is computed anew.
    fn clone(&self) -> Self {
        Self {
            params: self.params,
            echelon: self.echelon.clone(),
            shards: self.shards.clone(),
            spares: self.spares.clone(),
            assembly: Assembly::new(self.assembly.strategy),
        }
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rank, spares) = (self.rank(), self.spares.len());
        write!(f, "Decoder {{ {:?}, rank {rank}, {spares} spares }}", self.params)
    }
}

/// Up to how many byte products are left to the end: 100 us at 200 per nanosecond.
const LAZY_PRODUCTS_MAX: usize = 20_000_000;

/// Most redundant shards that a decoder keeps in reserve.
pub const SPARES_MAX: usize = 4;
