//! What travels: shards, how they are named, and what can be wrong with them.

use core::fmt;

use bytes::Bytes;
use thiserror::Error;

use crate::coefficients::fill_cauchy;
use crate::{Coefficients, K_MAX, Params};

/// Highest canonical index. There are 256 canonical shards for any `k`: the elements of the field.
pub const CANONICAL_INDEX_MAX: u16 = 255;

/// Which combination of the source shards a shard is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ShardId {
    /// One of the 256 shards that every holder of the message makes alike, so that a digest can name it.
    ///
    /// Index i < k is source shard i itself, a slice of the message ("systematic"). Index k to 255 is the row
    /// of the Cauchy matrix whose entry j is 1 / (i + j) in GF(2^8). Any k different canonical shards suffice
    /// to decode: the code is maximum distance separable.
    ///
    /// Source: Blömer et al., "An XOR-Based Erasure-Resilient Coding Scheme", ICSI TR-95-048, 1995.
    Canonical(u16),
    /// Any other combination, spelled out.
    Dense(Coefficients),
}

/// A shard as a decoder takes and keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct Shard {
    /// Which combination the payload is, or is claimed to be.
    pub id: ShardId,
    /// The combination: [`Params::shard_len`] bytes.
    ///
    /// A `Bytes` keeps the whole buffer alive that it is a slice of, for as long as the shard is held.
    pub payload: Bytes,
    /// Where the shard came from.
    pub tag: Tag,
}

/// The origin of a shard. The decoder keeps it for the caller and never looks at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u32);

/// A shard that [`Encoder`](crate::Encoder) or [`Recoder`](crate::Recoder) made: a random combination.
#[derive(Clone, PartialEq, Eq)]
pub struct CodedShard {
    /// The combination in terms of the source shards: `k` coefficients, never all zero.
    pub coefficients: Coefficients,
    /// The combination itself: [`Params::shard_len`] bytes.
    pub payload: Bytes,
}

/// Why a shard cannot belong to its message. The sender is at fault, and nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ShardError {
    /// There is no canonical shard of this index.
    #[error("canonical index is {index}, limit is {index_max}")]
    Index {
        /// The index given.
        index: u16,
        /// The limit, [`CANONICAL_INDEX_MAX`].
        index_max: u16,
    },
    /// The number of coefficients is not `k`.
    #[error("{count} coefficients for {k} source shards")]
    CoefficientCount {
        /// The number given.
        count: usize,
        /// The number of source shards.
        k: usize,
    },
    /// All coefficients are zero: the shard says nothing about the message.
    #[error("all {k} coefficients are zero")]
    ZeroCoefficients {
        /// The number of source shards.
        k: usize,
    },
    /// The payload has not the length of a shard of this message.
    #[error("payload is {bytes} bytes, shards have {bytes_expected}")]
    PayloadLength {
        /// The length given.
        bytes: usize,
        /// The length of a shard of this message.
        bytes_expected: usize,
    },
}

impl ShardId {
    /// Whether this is a source shard, a verbatim piece of the (padded) message.
    ///
    /// Goes by the name only: a [`ShardId::Dense`] with unit coefficients is not called systematic.
    #[must_use]
    pub fn is_systematic(&self, params: Params) -> bool {
        match self {
            Self::Canonical(index) => usize::from(*index) < params.k(),
            Self::Dense(_) => false,
        }
    }

    /// The `k` coefficients of this shard.
    ///
    /// # Errors
    ///
    /// [`ShardError::Index`], [`ShardError::CoefficientCount`] or [`ShardError::ZeroCoefficients`].
    pub fn coefficients(&self, params: Params) -> Result<Coefficients, ShardError> {
        match self {
            Self::Canonical(index) => {
                let row = canonical_row(*index)?;
                if usize::from(row) < params.k() {
                    Ok(Coefficients::unit(params.k(), usize::from(row)))
                } else {
                    Ok(Coefficients::cauchy(params.k(), row))
                }
            }
            Self::Dense(coefficients) => {
                check_coefficients(coefficients, params)?;
                Ok(coefficients.clone())
            }
        }
    }

    /// Calls `each` with the `k` coefficients, without allocating.
    ///
    /// # Errors
    ///
    /// As [`Self::coefficients`].
    pub(crate) fn with_coefficients<R>(
        &self,
        params: Params,
        each: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, ShardError> {
        if let Self::Dense(coefficients) = self {
            check_coefficients(coefficients, params)?;
            return Ok(each(coefficients));
        }
        let mut coefficients = [0; K_MAX];
        let coefficients = &mut coefficients[..params.k()];
        self.write_coefficients(params, coefficients)?;
        Ok(each(coefficients))
    }

    /// Writes the `k` coefficients to `out`, which has that length, without allocating.
    ///
    /// # Errors
    ///
    /// As [`Self::coefficients`]; nothing is written then.
    pub(crate) fn write_coefficients(&self, params: Params, out: &mut [u8]) -> Result<(), ShardError> {
        match self {
            Self::Canonical(index) => {
                let row = canonical_row(*index)?;
                if usize::from(row) < params.k() {
                    out.fill(0);
                    out[usize::from(row)] = 1;
                } else {
                    fill_cauchy(out, row);
                }
            }
            Self::Dense(coefficients) => {
                check_coefficients(coefficients, params)?;
                out.copy_from_slice(coefficients);
            }
        }
        Ok(())
    }
}

/// The row of a canonical index, if there is one.
fn canonical_row(index: u16) -> Result<u8, ShardError> {
    u8::try_from(index).map_err(|_| ShardError::Index { index, index_max: CANONICAL_INDEX_MAX })
}

/// Checks a coefficient vector against its message.
pub(crate) fn check_coefficients(coefficients: &[u8], params: Params) -> Result<(), ShardError> {
    let k = params.k();
    if coefficients.len() != k {
        return Err(ShardError::CoefficientCount { count: coefficients.len(), k });
    }
    if coefficients.iter().all(|c| *c == 0) {
        return Err(ShardError::ZeroCoefficients { k });
    }
    Ok(())
}

impl Tag {
    /// The tag that stands for `value`, whatever that means to the caller.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The value the tag was made of.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl Shard {
    /// Checks the length of the payload.
    pub(crate) fn check_len(&self, params: Params) -> Result<(), ShardError> {
        let (bytes, bytes_expected) = (self.payload.len(), params.shard_len());
        if bytes == bytes_expected {
            Ok(())
        } else {
            Err(ShardError::PayloadLength { bytes, bytes_expected })
        }
    }
}

impl CodedShard {
    /// The same shard as a decoder takes it.
    #[must_use]
    pub fn into_shard(self, tag: Tag) -> Shard {
        Shard { id: ShardId::Dense(self.coefficients), payload: self.payload, tag }
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shard {{ {:?}, <{} B>, from {} }}", self.id, self.payload.len(), self.tag.0)
    }
}

impl fmt::Debug for CodedShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CodedShard {{ {:?}, <{} B> }}", self.coefficients, self.payload.len())
    }
}
