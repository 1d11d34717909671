//! The source: shards from the whole message.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use rand_core::Rng;
use smallvec::SmallVec;
use thiserror::Error;

use crate::coefficients::{draw, fill_random};
use crate::combine::{Batch, Rows, combine, combine_shards};
use crate::{CodedShard, K_MAX, Params, Pool, Shard, ShardError, ShardId};

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
    pub fn canonical(&self, index: u16, pool: &mut Pool) -> Result<Bytes, ShardError> {
        let id = ShardId::Canonical(index);
        if id.is_systematic(self.params) {
            return Ok(self.systematic(usize::from(index)));
        }
        self.one(&id, pool)
    }

    /// The payloads of these shards, in order, in one pass over the message.
    ///
    /// This makes several repair shards at the price of about one. Source shards among `ids` are slices and take no
    /// part in the pass.
    ///
    /// # Errors
    ///
    /// [`ShardError`] for the first id that names no shard of this message.
    pub fn encode(&self, ids: &[ShardId], pool: &mut Pool) -> Result<Vec<Bytes>, ShardError> {
        let k = self.params.k();
        let mut weights = Vec::with_capacity(ids.len() * k);
        for id in ids.iter().filter(|id| !id.is_systematic(self.params)) {
            let start = weights.len();
            weights.resize(start + k, 0);
            id.write_coefficients(self.params, &mut weights[start..])?;
        }
        let mut copy = SmallVec::new();
        let weights = self.used(&weights, &mut copy);
        let count = ids.iter().filter(|id| !id.is_systematic(self.params)).count();
        let mut rows = Rows::new();
        self.list_rows(&mut rows);
        let mut made = combine(&rows, weights, count, self.params.shard_len(), pool).into_iter();
        let payloads = ids.iter().filter_map(|id| match id {
            ShardId::Canonical(index) if id.is_systematic(self.params) => {
                Some(self.systematic(usize::from(*index)))
            }
            ShardId::Canonical(_) | ShardId::Dense(_) => made.next(),
        });
        Ok(payloads.collect())
    }

    /// Whether the payload of this shard is what its id says: exact, and so proof against whoever made it.
    ///
    /// Costs one pass over the message for a shard that is not a source shard.
    ///
    /// # Errors
    ///
    /// [`ShardError`] if the shard cannot belong to this message, whatever its payload.
    pub fn matches(&self, shard: &Shard, pool: &mut Pool) -> Result<bool, ShardError> {
        shard.check_len(self.params)?;
        let truth = match shard.id {
            ShardId::Canonical(index) => self.canonical(index, pool)?,
            ShardId::Dense(_) => self.one(&shard.id, pool)?,
        };
        Ok(truth == shard.payload)
    }

    /// `count` random combinations in one pass over the message; see
    /// [`Coefficients::random`](crate::Coefficients::random) for `rng`.
    ///
    /// k of them decode with probability 0.996 for any k, k + 1 with 0.99998: the "random linear network coding"
    /// of Ho et al., "A Random Linear Network Coding Approach to Multicast", IEEE Trans. Inf. Theory, 2006.
    pub fn coded(&self, count: usize, rng: &mut (impl Rng + ?Sized), pool: &mut Pool) -> Batch {
        let k = self.params.k();
        pool.lend(count * k, |vectors, pool| {
            vectors.chunks_exact_mut(k).for_each(|row| fill_random(row, rng));
            let mut rows = Rows::new();
            self.list_rows(&mut rows);
            let mut copy = SmallVec::new();
            combine_shards(&rows, self.used(vectors, &mut copy), vectors, k, self.params.shard_len(), pool)
        })
    }

    /// A random combination of `rows` source shards, drawn by `rng`; of all of them if they are no more.
    ///
    /// Costs a pass over these alone. To a receiver whose shards are combinations of many source shards it is as good
    /// as one of all from a dozen rows on (k = 128: 128.005 shards decode); one that holds source shards as they are
    /// lacks the rest of them, and needs some of those.
    pub fn coded_of(&self, rows: usize, rng: &mut (impl Rng + ?Sized), pool: &mut Pool) -> CodedShard {
        let k = self.params.k();
        let mut all: SmallVec<[usize; K_MAX + 1]> = (0..k).collect();
        let drawn = draw(&mut all, rows.max(1), rng);
        pool.lend(drawn.len() + k, |lent, pool| {
            let (weights, vector) = lent.split_at_mut(drawn.len());
            fill_random(weights, rng);
            vector.fill(0);
            let (mut held, mut sources, mut used) = (Rows::new(), Rows::new(), 0);
            self.list_rows(&mut held);
            for (place, row) in drawn.iter().enumerate() {
                vector[*row] = weights[place];
                // Rows that are padding altogether take no part.
                if let Some(source) = held.get(*row) {
                    sources.push(source);
                    weights[used] = weights[place];
                    used += 1;
                }
            }
            let len = self.params.shard_len();
            let batch = combine_shards(&sources, &weights[..used], vector, k, len, pool);
            batch.into_iter().next().expect("a vector makes a shard")
        })
    }

    /// The combination with this id, computed.
    fn one(&self, id: &ShardId, pool: &mut Pool) -> Result<Bytes, ShardError> {
        let mut weights = [0; K_MAX];
        let weights = &mut weights[..self.params.k()];
        id.write_coefficients(self.params, weights)?;
        let mut rows = Rows::new();
        self.list_rows(&mut rows);
        let mut copy = SmallVec::new();
        Ok(combine(&rows, self.used(weights, &mut copy), 1, self.params.shard_len(), pool).remove(0))
    }

    /// The rows that hold a byte of the message.
    ///
    /// They are added to a list of the caller's: it is large, and moving it would cost more than filling it.
    fn list_rows<'r>(&'r self, rows: &mut Rows<'r>) {
        rows.extend(self.message.chunks_exact(self.params.shard_len()));
        rows.extend(self.tail.as_deref());
        debug_assert_eq!(rows.len(), self.params.rows_used(), "every row is whole, the tail, or padding");
    }

    /// Of a matrix with k columns, those that belong to the rows that hold a byte. `copy` is where they go if they are
    /// not all: the caller's, so that it is neither moved nor on the heap.
    fn used<'w>(&self, weights: &'w [u8], copy: &'w mut SmallVec<[u8; 1024]>) -> &'w [u8] {
        let used = self.params.rows_used();
        if used == self.params.k() {
            return weights;
        }
        weights.chunks_exact(self.params.k()).for_each(|row| copy.extend_from_slice(&row[..used]));
        copy
    }
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoder {{ {:?}, <{} B> }}", self.params, self.message.len())
    }
}
