//! The sink: shards in, message out.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use thiserror::Error;

use crate::combine::combine;
use crate::kernel::{self, Mode};
use crate::matrix::Echelon;
use crate::{Params, Recoder, Shard, ShardError, ShardId};

/// Most redundant shards that a decoder keeps in reserve.
pub const SPARES_MAX: usize = 4;

/// Collects shards until they determine the message.
///
/// Lazy: on arrival only the k coefficients are eliminated, which tells whether the shard is innovative; payloads
/// stay where they are, uncopied, until [`Decoder::finish`] computes the source shards that are missing in one
/// product. Shards can be taken out again, by origin for instance, when the message turns out to be wrong.
///
/// A few redundant shards are kept as spares: a polluted shard takes up rank, so that a good one that comes after
/// it looks redundant. When shards are removed, spares move up.
///
/// Invariants. D1: the ids and lengths of all shards held are valid. D2: `shards` are linearly independent, and
/// are what was inserted in `echelon`, in the same order.
#[derive(Clone)]
pub struct Decoder {
    params: Params,
    echelon: Echelon,
    shards: Vec<Shard>,
    spares: Vec<Shard>,
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
    /// Without any shard.
    #[must_use]
    pub fn new(params: Params) -> Self {
        let echelon = Echelon::for_solving(params.k());
        Self { params, echelon, shards: Vec::new(), spares: Vec::new() }
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
        Ok(self.echelon.is_innovative(&id.coefficients(self.params)?))
    }

    /// Takes a shard. O(k x rank) byte products whatever the length of the payload, which is not read unless
    /// the shard is a duplicate by its id.
    ///
    /// # Errors
    ///
    /// [`ShardError`] if the shard cannot belong to this message; the decoder is unchanged.
    pub fn offer(&mut self, shard: Shard) -> Result<Offer, ShardError> {
        let (bytes, bytes_expected) = (shard.payload.len(), self.params.shard_len());
        if bytes != bytes_expected {
            return Err(ShardError::PayloadLength { bytes, bytes_expected });
        }
        let coefficients = shard.id.coefficients(self.params)?;
        if self.echelon.insert(&coefficients) {
            self.shards.push(shard);
            return Ok(Offer::Innovative { rank: self.rank() });
        }
        self.keep_spare(shard);
        Ok(Offer::Redundant)
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
    pub fn source_row(&self, index: usize) -> Option<Bytes> {
        let weights = self.echelon.solution(index)?;
        if let Some(slot) = verbatim(weights) {
            return Some(self.shards[slot].payload.clone());
        }
        Some(combine(&self.payloads(), weights, 1, self.params.shard_len()).remove(0))
    }

    /// A recoder over those shards that `choose` accepts, or `None` if it accepts none.
    pub fn recoder(&self, mut choose: impl FnMut(&Shard) -> bool) -> Option<Recoder<'_>> {
        Recoder::over(self.shards.iter().filter(|shard| choose(shard)), self.params)
    }

    /// The message.
    ///
    /// Copies the source shards held and computes the missing ones in one product, O(missing x k x shard length).
    /// Whether it is the message that was sent is for the caller to check; the decoder stays as it is, so that after
    /// a failed check shards can be removed and others offered.
    ///
    /// # Errors
    ///
    /// [`FinishError::Incomplete`] below rank `k`; [`FinishError::Padding`] if the shards are inconsistent with the
    /// length of the message. The second check makes decoding the exact inverse of encoding: a node that decoded
    /// makes the same shards as the source did.
    pub fn finish(&self) -> Result<Bytes, FinishError> {
        if !self.is_complete() {
            return Err(FinishError::Incomplete { rank: self.rank(), k: self.params.k() });
        }
        let mut rows = vec![0; self.params.padded_len()];
        let mut missing = Vec::new();
        let mut weights = Vec::new();
        for (index, row) in rows.chunks_exact_mut(self.params.shard_len()).enumerate() {
            let solution = self.echelon.solution(index).expect("D2: the rank is full");
            match verbatim(solution) {
                Some(slot) => row.copy_from_slice(&self.shards[slot].payload),
                None => {
                    missing.push(row);
                    weights.extend_from_slice(solution);
                }
            }
        }
        if !missing.is_empty() {
            kernel::product(&mut missing, &self.payloads(), &weights, Mode::Overwrite);
        }
        let message_len = self.params.message_len();
        if let Some(after) = rows[message_len..].iter().position(|byte| *byte != 0) {
            return Err(FinishError::Padding { offset: message_len + after, message_len });
        }
        Ok(Bytes::from(rows).slice(..message_len))
    }

    /// Removes every shard and spare for which `remove` holds, then fills up from the spares. Says how many went.
    ///
    /// Costs an elimination of all remaining shards, O(k^3) byte products, if any was removed.
    pub fn remove_where(&mut self, mut remove: impl FnMut(&Shard) -> bool) -> usize {
        let before = self.shards.len() + self.spares.len();
        self.shards.retain(|shard| !remove(shard));
        self.spares.retain(|shard| !remove(shard));
        let removed = before - self.shards.len() - self.spares.len();
        if removed > 0 {
            self.rebuild();
        }
        removed
    }

    /// Eliminates the shards anew, those before the spares.
    fn rebuild(&mut self) {
        self.echelon.clear();
        let shards = core::mem::take(&mut self.shards);
        let spares = core::mem::take(&mut self.spares);
        for shard in shards.into_iter().chain(spares) {
            self.offer(shard).expect("D1: shards held are valid");
        }
    }

    /// Keeps a redundant shard unless it is held already; the same id with another payload is worth keeping.
    fn keep_spare(&mut self, shard: Shard) {
        let same = |held: &Shard| held.id == shard.id && held.payload == shard.payload;
        if self.spares.len() < SPARES_MAX && !self.shards.iter().chain(&self.spares).any(same) {
            self.spares.push(shard);
        }
    }

    fn payloads(&self) -> Vec<&[u8]> {
        self.shards.iter().map(|shard| &shard.payload[..]).collect()
    }
}

/// The shard that is the solution by itself, if the weights are one for it and zero for the others.
fn verbatim(weights: &[u8]) -> Option<usize> {
    let slot = weights.iter().position(|w| *w != 0)?;
    let alone = weights[slot] == 1 && weights[slot + 1..].iter().all(|w| *w == 0);
    alone.then_some(slot)
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rank, spares) = (self.rank(), self.spares.len());
        write!(f, "Decoder {{ {:?}, rank {rank}, {spares} spares }}", self.params)
    }
}
