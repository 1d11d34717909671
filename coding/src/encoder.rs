//! The source: shards from the whole message.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use rand_core::Rng;
use thiserror::Error;

use crate::combine::combine;
use crate::{CodedShard, Coefficients, Params, ShardError, ShardId};

/// Makes shards of a message that is known in full, at its source or after decoding.
///
/// The message is not copied: source shards are slices of it. Only the piece that does not fill a shard is
/// copied, once, to add the zeros after it. Rows that are padding altogether take no part in any product.
#[derive(Clone)]
pub struct Encoder {
    params: Params,
    message: Bytes,
    /// The last piece of the message with zeros after it, if the message does not end with a shard.
    tail: Option<Bytes>,
}

/// The message is not as long as the shape says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("message is {bytes} bytes, the parameters say {bytes_expected}")]
pub struct MessageLengthError {
    /// Length of the message.
    pub bytes: usize,
    /// Length in the parameters.
    pub bytes_expected: usize,
}

impl Encoder {
    /// Takes the message. Copies less than one shard of it.
    ///
    /// # Errors
    ///
    /// [`MessageLengthError`] if `message.len()` is not [`Params::message_len`].
    pub fn new(message: Bytes, params: Params) -> Result<Self, MessageLengthError> {
        if message.len() != params.message_len() {
            let bytes_expected = params.message_len();
            return Err(MessageLengthError { bytes: message.len(), bytes_expected });
        }
        let whole = message.len() - message.len() % params.shard_len();
        let rest = &message[whole..];
        let tail = (!rest.is_empty()).then(|| {
            let mut row = vec![0; params.shard_len()];
            row[..rest.len()].copy_from_slice(rest);
            Bytes::from(row)
        });
        Ok(Self { params, message, tail })
    }

    /// The shape of the message.
    #[must_use]
    pub fn params(&self) -> Params {
        self.params
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// Source shard `index`: a slice of the message, without a copy unless it is all padding.
    ///
    /// # Panics
    ///
    /// If `index` is not below `k`.
    #[must_use]
    pub fn systematic(&self, index: usize) -> Bytes {
        let (k, len) = (self.params.k(), self.params.shard_len());
        assert!(index < k, "source shard {index} of {k}");
        let start = index * len;
        if start + len <= self.message.len() {
            return self.message.slice(start..start + len);
        }
        match &self.tail {
            Some(tail) if start < self.message.len() => tail.clone(),
            Some(_) | None => Bytes::from(vec![0; len]),
        }
    }

    /// The canonical shard of this index: [`Encoder::systematic`] below `k`, a Cauchy row from there to 255.
    ///
    /// # Errors
    ///
    /// [`ShardError::Index`] above [`CANONICAL_INDEX_MAX`](crate::CANONICAL_INDEX_MAX).
    pub fn canonical(&self, index: u16) -> Result<Bytes, ShardError> {
        let id = ShardId::Canonical(index);
        if id.is_systematic(self.params) {
            return Ok(self.systematic(usize::from(index)));
        }
        let coefficients = id.coefficients(self.params)?;
        Ok(self.combine(&coefficients, 1).remove(0))
    }

    /// The payloads of these shards, in order, in one pass over the message.
    ///
    /// Besides making several repair shards at the price of about one, this tells what the payload of a shard
    /// from elsewhere should have been. Source shards among `ids` are slices and take no part in the pass.
    ///
    /// # Errors
    ///
    /// [`ShardError`] for the first id that names no shard of this message.
    pub fn encode(&self, ids: &[ShardId]) -> Result<Vec<Bytes>, ShardError> {
        let mut weights = Vec::with_capacity(ids.len() * self.params.k());
        for id in ids.iter().filter(|id| !id.is_systematic(self.params)) {
            weights.extend_from_slice(&id.coefficients(self.params)?);
        }
        let mut made = self.combine(&weights, weights.len() / self.params.k()).into_iter();
        let payloads = ids.iter().filter_map(|id| match id {
            ShardId::Canonical(index) if id.is_systematic(self.params) => {
                Some(self.systematic(usize::from(*index)))
            }
            ShardId::Canonical(_) | ShardId::Dense(_) => made.next(),
        });
        Ok(payloads.collect())
    }

    /// `count` random combinations in one pass over the message; see [`Coefficients::random`] for `rng`.
    ///
    /// k of them decode with probability 0.996 for any k, k + 1 with 0.99998: the "random linear network coding"
    /// of Ho et al., "A Random Linear Network Coding Approach to Multicast", IEEE Trans. Inf. Theory, 2006.
    pub fn coded(&self, count: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<CodedShard> {
        let vectors: Vec<Coefficients> =
            (0..count).map(|_| Coefficients::random(self.params.k(), rng)).collect();
        let weights: Vec<u8> = vectors.iter().flat_map(|vector| vector.iter().copied()).collect();
        let payloads = self.combine(&weights, count);
        let shards = vectors.into_iter().zip(payloads);
        shards.map(|(coefficients, payload)| CodedShard { coefficients, payload }).collect()
    }

    /// `count` combinations with the `count` x `k` matrix `weights`.
    fn combine(&self, weights: &[u8], count: usize) -> Vec<Bytes> {
        let (used, len) = (self.params.rows_used(), self.params.shard_len());
        let mut rows: Vec<&[u8]> = self.message.chunks_exact(len).collect();
        rows.extend(self.tail.as_deref());
        debug_assert_eq!(rows.len(), used, "every row is whole, the tail, or padding");
        if used == self.params.k() {
            return combine(&rows, weights, count, len);
        }
        let weights: Vec<u8> =
            weights.chunks_exact(self.params.k()).flat_map(|row| &row[..used]).copied().collect();
        combine(&rows, &weights, count, len)
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder {{ {:?}, <{} B> }}", self.params, self.message.len())
    }
}
