//! x86-64: multiplication by `gf2p8mulb` (GFNI) or by nibble tables (`vpshufb`), in 32 or 64-byte registers.
//!
//! `gf2p8mulb` multiplies bytes modulo 0x11B, the polynomial of this crate. Source: Intel 64 and IA-32
//! Architectures Software Developer's Manual, volume 2, `GF2P8MULB`.

use core::arch::x86_64::*;

use super::nibbles::{self, Nibbles};
use super::{Simd, Task};

/// # Safety
///
/// The processor must have AVX-512F, AVX-512BW and GFNI.
#[target_feature(enable = "avx512f,avx512bw,gfni")]
pub(in crate::kernel) unsafe fn run_avx512_gfni(task: Task<'_, '_>) {
    // SAFETY: the function is compiled for these instructions, and the caller vouches for the processor.
    unsafe { super::run::<Avx512Gfni>(task) }
}

/// # Safety
///
/// The processor must have AVX2 and GFNI.
#[target_feature(enable = "avx2,gfni")]
pub(in crate::kernel) unsafe fn run_avx2_gfni(task: Task<'_, '_>) {
    // SAFETY: as above.
    unsafe { super::run::<Avx2Gfni>(task) }
}

/// # Safety
///
/// The processor must have AVX-512F and AVX-512BW.
#[target_feature(enable = "avx512f,avx512bw")]
pub(in crate::kernel) unsafe fn run_avx512(task: Task<'_, '_>) {
    // SAFETY: as above.
    unsafe { super::run::<Avx512>(task) }
}

/// # Safety
///
/// The processor must have AVX2.
#[target_feature(enable = "avx2")]
pub(in crate::kernel) unsafe fn run_avx2(task: Task<'_, '_>) {
    // SAFETY: as above.
    unsafe { super::run::<Avx2>(task) }
}

struct Avx512Gfni;
struct Avx2Gfni;
struct Avx512;
struct Avx2;

/// What the two kernels with 64-byte registers share: loads and stores, masked for parts of a register.
macro_rules! wide_memory {
    () => {
        type Vector = __m512i;
        const BYTES: usize = 64;
        const WIDE: bool = true;

        #[inline(always)]
        unsafe fn zero() -> __m512i {
            // SAFETY: the caller's, as everywhere in this module.
            unsafe { _mm512_setzero_si512() }
        }

        #[inline(always)]
        unsafe fn load(from: *const u8) -> __m512i {
            // SAFETY: as above.
            unsafe { _mm512_loadu_si512(from.cast()) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut u8, vector: __m512i) {
            // SAFETY: as above.
            unsafe { _mm512_storeu_si512(to.cast(), vector) }
        }

        #[inline(always)]
        unsafe fn prefetch(from: *const u8) {
            // SAFETY: as above.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
        }

        #[inline(always)]
        unsafe fn load_part(from: *const u8, bytes: usize) -> __m512i {
            // SAFETY: as above; bytes that are masked out are not touched.
            unsafe { _mm512_maskz_loadu_epi8(first(bytes), from.cast()) }
        }

        #[inline(always)]
        unsafe fn store_part(to: *mut u8, vector: __m512i, bytes: usize) {
            // SAFETY: as above.
            unsafe { _mm512_mask_storeu_epi8(to.cast(), first(bytes), vector) }
        }
    };
}

/// What the two kernels with 32-byte registers share: loads and stores, through a buffer for parts of a register.
macro_rules! narrow_memory {
    () => {
        type Vector = __m256i;
        const BYTES: usize = 32;
        const WIDE: bool = false;
        const OUTPUTS: usize = 4;

        #[inline(always)]
        unsafe fn zero() -> __m256i {
            // SAFETY: the caller's, as everywhere in this module.
            unsafe { _mm256_setzero_si256() }
        }

        #[inline(always)]
        unsafe fn load(from: *const u8) -> __m256i {
            // SAFETY: as above.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }

        #[inline(always)]
        unsafe fn store(to: *mut u8, vector: __m256i) {
            // SAFETY: as above.
            unsafe { _mm256_storeu_si256(to.cast(), vector) }
        }

        #[inline(always)]
        unsafe fn prefetch(from: *const u8) {
            // SAFETY: as above.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) }
        }
    };
}

/// The mask of the first `bytes` of 64 bytes.
#[inline(always)]
const fn first(bytes: usize) -> u64 {
    (1 << bytes) - 1
}

/// A coefficient in all eight bytes, so that one load fills a register with it.
#[inline(always)]
const fn repeated(coefficient: u8) -> u64 {
    u64::from_ne_bytes([coefficient; 8])
}

impl Simd for Avx512Gfni {
    wide_memory!();
    const OUTPUTS: usize = 8;
    type Operand = __m512i;
    type Stored = u64;
    type Factor = __m512i;

    #[inline(always)]
    unsafe fn operand(vector: __m512i) -> __m512i {
        vector
    }

    #[inline(always)]
    fn stored(coefficient: u8) -> u64 {
        repeated(coefficient)
    }

    #[inline(always)]
    unsafe fn factor(stored: *const u64) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_set1_epi64(stored.cast::<i64>().read()) }
    }

    #[inline(always)]
    unsafe fn add(sum: __m512i, factor: __m512i, operand: __m512i) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_xor_si512(sum, _mm512_gf2p8mul_epi8(factor, operand)) }
    }

    #[inline(always)]
    unsafe fn add_pair(sum: __m512i, (f, a): (__m512i, __m512i), (g, b): (__m512i, __m512i)) -> __m512i {
        // SAFETY: as above.
        unsafe {
            let (p, q) = (_mm512_gf2p8mul_epi8(f, a), _mm512_gf2p8mul_epi8(g, b));
            _mm512_ternarylogic_epi64::<XOR3>(sum, p, q)
        }
    }
}

impl Simd for Avx2Gfni {
    narrow_memory!();
    type Operand = __m256i;
    type Stored = u64;
    type Factor = __m256i;

    #[inline(always)]
    unsafe fn operand(vector: __m256i) -> __m256i {
        vector
    }

    #[inline(always)]
    fn stored(coefficient: u8) -> u64 {
        repeated(coefficient)
    }

    #[inline(always)]
    unsafe fn factor(stored: *const u64) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_set1_epi64x(stored.cast::<i64>().read()) }
    }

    #[inline(always)]
    unsafe fn add(sum: __m256i, factor: __m256i, operand: __m256i) -> __m256i {
        // SAFETY: as above.
        unsafe { _mm256_xor_si256(sum, _mm256_gf2p8mul_epi8(factor, operand)) }
    }
}

impl Simd for Avx512 {
    wide_memory!();
    const OUTPUTS: usize = 4;
    type Operand = (__m512i, __m512i);
    type Stored = u8;
    type Factor = (__m512i, __m512i);

    #[inline(always)]
    unsafe fn operand(vector: __m512i) -> (__m512i, __m512i) {
        // SAFETY: as above.
        unsafe {
            let mask = _mm512_set1_epi8(0x0F);
            (_mm512_and_si512(vector, mask), _mm512_and_si512(_mm512_srli_epi16::<4>(vector), mask))
        }
    }

    #[inline(always)]
    fn stored(coefficient: u8) -> u8 {
        coefficient
    }

    #[inline(always)]
    unsafe fn factor(stored: *const u8) -> (__m512i, __m512i) {
        // SAFETY: as above; the tables have 16 bytes each.
        unsafe {
            let Nibbles { low, high } = nibbles::products(stored.read());
            let table = |bytes: &[u8; 16]| _mm512_broadcast_i32x4(_mm_loadu_si128(bytes.as_ptr().cast()));
            (table(low), table(high))
        }
    }

    #[inline(always)]
    unsafe fn add(sum: __m512i, (low, high): Self::Factor, (a, b): Self::Operand) -> __m512i {
        // SAFETY: as above.
        unsafe {
            let (p, q) = (_mm512_shuffle_epi8(low, a), _mm512_shuffle_epi8(high, b));
            _mm512_ternarylogic_epi64::<XOR3>(sum, p, q)
        }
    }
}

impl Simd for Avx2 {
    narrow_memory!();
    type Operand = (__m256i, __m256i);
    type Stored = u8;
    type Factor = (__m256i, __m256i);

    #[inline(always)]
    unsafe fn operand(vector: __m256i) -> (__m256i, __m256i) {
        // SAFETY: as above.
        unsafe {
            let mask = _mm256_set1_epi8(0x0F);
            (_mm256_and_si256(vector, mask), _mm256_and_si256(_mm256_srli_epi16::<4>(vector), mask))
        }
    }

    #[inline(always)]
    fn stored(coefficient: u8) -> u8 {
        coefficient
    }

    #[inline(always)]
    unsafe fn factor(stored: *const u8) -> (__m256i, __m256i) {
        // SAFETY: as above; the tables have 16 bytes each.
        unsafe {
            let Nibbles { low, high } = nibbles::products(stored.read());
            (
                _mm256_broadcastsi128_si256(_mm_loadu_si128(low.as_ptr().cast())),
                _mm256_broadcastsi128_si256(_mm_loadu_si128(high.as_ptr().cast())),
            )
        }
    }

    #[inline(always)]
    unsafe fn add(sum: __m256i, (low, high): Self::Factor, (a, b): Self::Operand) -> __m256i {
        // SAFETY: as above.
        unsafe {
            let (p, q) = (_mm256_shuffle_epi8(low, a), _mm256_shuffle_epi8(high, b));
            _mm256_xor_si256(_mm256_xor_si256(sum, p), q)
        }
    }
}

/// The truth table of a xor of three bits.
const XOR3: i32 = 0x96;
