//! What the processor can do at most, to hold measured kernels against. Only with the feature `limits`.
//!
//! Both functions do useful work of their kind as fast as it can be done, and return something that depends on all
//! of it; the caller takes the time.

use core::hint::black_box;

use super::Kernel;

/// Reads `bytes` once, in the widest registers the processor has, and returns the xor of its 64-byte pieces, folded
/// to eight bytes. The rest after the last whole piece is not read.
#[must_use]
pub fn read(bytes: &[u8]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    if Kernel::Avx512.is_available() {
        // SAFETY: the processor has the instructions.
        return unsafe { x86::read_avx512(bytes) };
    }
    let mut sum = [0; 64];
    for piece in bytes.as_chunks::<64>().0 {
        sum.iter_mut().zip(piece).for_each(|(s, byte)| *s ^= byte);
    }
    sum.as_chunks::<8>().0.iter().fold(0, |folded, word| folded ^ u64::from_ne_bytes(*word))
}

/// Multiplies registers of bytes, independently of memory, `rounds` times [`PRODUCTS_PER_ROUND`] bytes, with the
/// field multiplication of the processor. `None` if it has none.
#[must_use]
pub fn multiply(rounds: usize) -> Option<u64> {
    #[cfg(target_arch = "x86_64")]
    if Kernel::Avx512Gfni.is_available() {
        // SAFETY: the processor has the instructions.
        return Some(unsafe { x86::multiply_avx512(black_box(rounds)) });
    }
    let _ = black_box(rounds);
    None
}

/// Byte products that a round of [`multiply`] makes.
pub const PRODUCTS_PER_ROUND: usize = 16 * 64;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    /// # Safety
    ///
    /// The processor must have AVX-512F.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn read_avx512(bytes: &[u8]) -> u64 {
        let mut sums = [_mm512_setzero_si512(); 8];
        let (groups, rest) = bytes.as_chunks::<512>();
        for group in groups {
            for (sum, piece) in sums.iter_mut().zip(group.as_chunks::<64>().0) {
                // SAFETY: a piece is 64 bytes.
                *sum = _mm512_xor_si512(*sum, unsafe { _mm512_loadu_si512(piece.as_ptr().cast()) });
            }
        }
        for piece in rest.as_chunks::<64>().0 {
            // SAFETY: as above.
            sums[0] = _mm512_xor_si512(sums[0], unsafe { _mm512_loadu_si512(piece.as_ptr().cast()) });
        }
        let sum = sums.into_iter().fold(_mm512_setzero_si512(), |a, b| _mm512_xor_si512(a, b));
        fold(sum)
    }

    /// # Safety
    ///
    /// The processor must have AVX-512F, AVX-512BW and GFNI.
    #[target_feature(enable = "avx512f,avx512bw,gfni")]
    pub(super) unsafe fn multiply_avx512(rounds: usize) -> u64 {
        let mut products = [_mm512_set1_epi8(3); 16];
        let factor = _mm512_set1_epi8(5);
        for _ in 0..rounds {
            for product in &mut products {
                *product = _mm512_gf2p8mul_epi8(*product, factor);
            }
        }
        fold(products.into_iter().fold(_mm512_setzero_si512(), |a, b| _mm512_xor_si512(a, b)))
    }

    #[target_feature(enable = "avx512f")]
    fn fold(vector: __m512i) -> u64 {
        let mut bytes = [0_u64; 8];
        // SAFETY: the array is 64 bytes long.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), vector) };
        bytes.into_iter().fold(0, |folded, word| folded ^ word)
    }
}
