//! The trace hash: one figure that two equal runs share.

use core::hash::{Hash, Hasher};

/// A 128-bit digest of events, actions and states, the same on every platform.
///
/// Made to be cheap at millions of events. It finds differences between honest runs; it is no defence against
/// someone who wants a collision.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TraceHash {
    low: u64,
    high: u64,
}

/// Odd constants with well spread bits (digits of the golden ratio and of pi).
const MIX_LOW: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_HIGH: u64 = 0x243f_6a88_85a3_08d3;

impl TraceHash {
    /// The digest of nothing.
    pub const fn new() -> Self {
        Self { low: MIX_LOW, high: MIX_HIGH }
    }

    /// The digest so far.
    pub const fn value(&self) -> u128 {
        ((self.high as u128) << 64) | self.low as u128
    }

    fn fold(&mut self, word: u64) {
        self.low = (self.low ^ word).wrapping_mul(MIX_LOW).rotate_left(29);
        self.high = (self.high.rotate_left(17) ^ word.rotate_left(32) ^ self.low).wrapping_mul(MIX_HIGH | 1);
    }
}

impl Default for TraceHash {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher for TraceHash {
    fn finish(&self) -> u64 {
        self.low ^ self.high.rotate_left(32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fold(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.fold(u64::from_le_bytes(last));
        self.fold(bytes.len() as u64);
    }

    // Integers go in by value: the default implementation would use the platform's byte order and width.
    fn write_u8(&mut self, value: u8) {
        self.fold(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.fold(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.fold(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.fold(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.fold(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.fold(value as u64);
    }
}

/// Something that can be part of a trace hash.
pub trait Fold {
    /// Adds itself to the digest.
    fn fold_into(&self, hash: &mut TraceHash);
}

impl<T: Hash> Fold for T {
    fn fold_into(&self, hash: &mut TraceHash) {
        self.hash(hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(parts: &[&[u8]]) -> u128 {
        let mut hash = TraceHash::new();
        parts.iter().for_each(|part| hash.write(part));
        hash.value()
    }

    #[test]
    fn order_length_and_split_matter() {
        let all = [
            digest(&[]),
            digest(&[b""]),
            digest(&[b"ab"]),
            digest(&[b"a", b"b"]),
            digest(&[b"ba"]),
            digest(&[b"ab\0"]),
            digest(&[b"abababababab"]),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|other| one != other), "case {i}");
        }
    }
}
