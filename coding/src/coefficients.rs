//! Coefficient vectors: which combination of the source shards a shard is.

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;
use core::ops::Deref;

use rand_core::Rng;

use crate::gf256;

/// The `k` coefficients of a shard: its payload is the sum of `coefficients[i] * source shard i`.
///
/// Vectors of up to 32 bytes are stored in place, longer ones on the heap. Reads as a byte slice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Coefficients(Repr);

/// Invariant: a vector that fits is `Inline` with zeros after its end, so that equal vectors are equal here.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Heap(Box<[u8]>),
}

impl Coefficients {
    /// A copy of these bytes. Whether their number suits a message is checked where the vector is used.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        Self::build(bytes.len(), |out| out.copy_from_slice(bytes))
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
        Self::build(k, |out| {
            for (column, entry) in (0..=u8::MAX).zip(out) {
                *entry = gf256::inv(index ^ column).expect("a Cauchy row index is not a column index");
            }
        })
    }

    fn build(len: usize, write: impl FnOnce(&mut [u8])) -> Self {
        if len <= INLINE_MAX {
            let mut bytes = [0; INLINE_MAX];
            write(&mut bytes[..len]);
            Self(Repr::Inline { len: len as u8, bytes })
        } else {
            let mut bytes = vec![0; len].into_boxed_slice();
            write(&mut bytes);
            Self(Repr::Heap(bytes))
        }
    }
}

impl Deref for Coefficients {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Heap(bytes) => bytes,
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

/// Longest vector without a heap block, in bytes.
const INLINE_MAX: usize = 32;

/// Longest vector whose coefficients are all drawn non-zero.
const NON_ZERO_MAX: usize = 4;
