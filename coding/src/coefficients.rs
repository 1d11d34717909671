//! Coefficient vectors: which combination of the source shards a shard is.

use alloc::vec;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;
use rand_core::Rng;

use crate::gf256;

/// The `k` coefficients of a shard: its payload is the sum of `coefficients[i] * source shard i`.
///
/// Vectors of up to 32 bytes are stored in place, longer ones in a shared buffer. Reads as a byte slice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Coefficients(Repr);

/// Invariant: a vector that fits is `Inline` with zeros after its end, so that equal vectors are equal here.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Shared(Bytes),
}

impl Coefficients {
    /// A copy of these bytes. Whether their number suits a message is checked where the vector is used.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self::build(bytes.len(), |out| out.copy_from_slice(bytes))
    }

    /// These bytes; not copied if they are more than 32. The buffer they are a slice of lives as long as the vector.
    #[must_use]
    pub fn from_bytes(bytes: Bytes) -> Self {
        if bytes.len() <= INLINE_MAX { Self::from_slice(&bytes) } else { Self(Repr::Shared(bytes)) }
    }

    /// The vector of source shard `index`: one at `index`, zero elsewhere.
    ///
    /// # Panics
    ///
    /// If `index` is not below `k`.
    #[must_use]
    pub fn unit(k: usize, index: usize) -> Self {
        assert!(index < k, "source shard {index} of {k}");
        Self::build(k, |out| out[index] = 1)
    }

    /// A random vector of length `k`, never all zero.
    ///
    /// Uniform over all vectors but zero, except that up to four coefficients are drawn from the non-zero elements
    /// only: with so few, a zero is likely enough to make shards of different senders dependent. An attacker who
    /// could predict the draws could craft shards that help nobody, so `rng` should be cryptographic.
    pub fn random(k: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::build(k, |out| fill_random(out, rng))
    }

    /// The row of the Cauchy matrix that belongs to the canonical index `index`: entry j is 1 / (`index` + j).
    ///
    /// The caller checked `k <= index <= 255`, so that no sum is zero.
    pub(crate) fn cauchy(k: usize, index: u8) -> Self {
        Self::build(k, |out| fill_cauchy(out, index))
    }

    fn build(len: usize, write: impl FnOnce(&mut [u8])) -> Self {
        if len <= INLINE_MAX {
            let mut bytes = [0; INLINE_MAX];
            write(&mut bytes[..len]);
            Self(Repr::Inline { len: len as u8, bytes })
        } else {
            let mut bytes = vec![0; len];
            write(&mut bytes);
            Self(Repr::Shared(Bytes::from(bytes)))
        }
    }
}

impl Deref for Coefficients {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Shared(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Coefficients {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Coefficients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, more) = self.split_at(self.len().min(4));
        head.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        if more.is_empty() { Ok(()) } else { write!(f, "..({})", self.len()) }
    }
}

/// Fills one row of random coefficients as [`Coefficients::random`] describes.
///
/// Draws a fixed number of times: no rejection loop that a broken generator could keep spinning.
pub(crate) fn fill_random(out: &mut [u8], rng: &mut (impl Rng + ?Sized)) {
    if out.len() <= NON_ZERO_MAX {
        // 2^32 is 1 modulo 255, so the bias is one part in 2^32.
        out.iter_mut().for_each(|c| *c = 1 + (rng.next_u32() % 255) as u8);
        return;
    }
    rng.fill_bytes(out);
    if out.iter().all(|c| *c == 0) {
        out[0] = 1;
    }
}

/// `count` of the items, drawn without putting back; all of them if there are no more.
///
/// Draws once for each: the bias is one part in 2^32 for each item.
pub(crate) fn draw<'i>(items: &'i mut [usize], count: usize, rng: &mut (impl Rng + ?Sized)) -> &'i [usize] {
    let count = count.min(items.len());
    for place in 0..count {
        let left = (items.len() - place) as u64;
        items.swap(place, place + ((u64::from(rng.next_u32()) * left) >> 32) as usize);
    }
    &items[..count]
}

/// Fills the row of the Cauchy matrix for canonical index `index`: entry j is 1 / (`index` + j).
///
/// The caller checked that `index` is at least the length of the row, so that no sum is zero.
pub(crate) fn fill_cauchy(out: &mut [u8], index: u8) {
    for (column, entry) in (0..=u8::MAX).zip(out) {
        *entry = gf256::inv(index ^ column).expect("a Cauchy row index is not a column index");
    }
}

/// Longest vector that is stored in place, in bytes.
pub(crate) const INLINE_MAX: usize = 32;

/// Longest vector whose coefficients are all drawn non-zero.
const NON_ZERO_MAX: usize = 4;
