//! `AArch64`: multiplication by nibble tables (`tbl`) in 16-byte registers.

use core::arch::aarch64::*;

use super::nibbles::{self, Nibbles};
use super::{Simd, Task};

/// # Safety
///
/// The processor must have NEON, as every processor of the architecture does.
#[target_feature(enable = "neon")]
pub(in crate::kernel) unsafe fn run(task: Task<'_, '_>) {
    // SAFETY: the function is compiled for these instructions, and the caller vouches for the processor.
    unsafe { super::run::<Neon>(task) }
}

struct Neon;

impl Simd for Neon {
    type Vector = uint8x16_t;
    type Operand = (uint8x16_t, uint8x16_t);
    type Stored = u8;
    type Factor = (uint8x16_t, uint8x16_t);

    const BYTES: usize = 16;
    /// There are 32 registers, but two tables and two halves of each operand take many of them. Not measured.
    const OUTPUTS: usize = 4;
    const WIDE: bool = false;

    #[inline(always)]
    unsafe fn zero() -> uint8x16_t {
        // SAFETY: the caller's, as everywhere in this module.
        unsafe { vdupq_n_u8(0) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u8) -> uint8x16_t {
        // SAFETY: as above.
        unsafe { vld1q_u8(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut u8, vector: uint8x16_t) {
        // SAFETY: as above.
        unsafe { vst1q_u8(to, vector) }
    }

    #[inline(always)]
    unsafe fn operand(vector: uint8x16_t) -> Self::Operand {
        // SAFETY: as above.
        unsafe { (vandq_u8(vector, vdupq_n_u8(0x0F)), vshrq_n_u8::<4>(vector)) }
    }

    #[inline(always)]
    fn stored(coefficient: u8) -> u8 {
        coefficient
    }

    #[inline(always)]
    unsafe fn factor(stored: *const u8) -> Self::Factor {
        // SAFETY: as above; the tables have 16 bytes each.
        unsafe {
            let Nibbles { low, high } = nibbles::products(stored.read());
            (vld1q_u8(low.as_ptr()), vld1q_u8(high.as_ptr()))
        }
    }

    #[inline(always)]
    unsafe fn add(sum: uint8x16_t, (low, high): Self::Factor, (a, b): Self::Operand) -> uint8x16_t {
        // SAFETY: as above.
        unsafe { veorq_u8(veorq_u8(sum, vqtbl1q_u8(low, a)), vqtbl1q_u8(high, b)) }
    }
}
