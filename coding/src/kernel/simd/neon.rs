//! `AArch64`: multiplication by nibble tables (`tbl`) in 16-byte registers.
//!
//! Tests on other architectures compile it too, with the intrinsics emulated.

#[cfg(not(target_arch = "aarch64"))]
mod emulated;

#[cfg(target_arch = "aarch64")]
use core::arch::aarch64::*;

#[cfg(not(target_arch = "aarch64"))]
use self::emulated::*;
use super::nibbles::{self, Nibbles};
use super::{Simd, Task};

/// # Safety
///
/// The processor must have NEON, as every processor of the architecture does.
#[cfg_attr(target_arch = "aarch64", target_feature(enable = "neon"))]
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
    unsafe fn prefetch(_from: *const u8) {
        // The instruction is not among the stable intrinsics.
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

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::run;
    use crate::gf256;
    use crate::kernel::{Mode, RowSet, Task, portable};

    /// Bytes that differ from row to row and never repeat soon.
    fn bytes(seed: usize, len: usize) -> Vec<u8> {
        let mut state = seed as u64 ^ 0x9E37_79B9_7F4A_7C15;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    /// Runs the task here, on rows that it may change.
    fn product(rows: &mut [Vec<u8>], src: &[&[u8]], coef: &[u8], mode: Mode) {
        let mut dst: Vec<&mut [u8]> = rows.iter_mut().map(Vec::as_mut_slice).collect();
        // SAFETY: on AArch64 there is NEON, and elsewhere it is emulated.
        unsafe { run(Task::product(&mut dst, src, coef, mode)) }
    }

    #[test]
    fn every_byte_times_every_coefficient_is_the_product_of_the_field() {
        let all: Vec<u8> = (0..=255).collect();
        let mut rows = vec![vec![0; 256]; 256];
        product(&mut rows, &[&all], &all, Mode::Overwrite);
        for (c, row) in (0..=255).zip(&rows) {
            assert!(row.iter().zip(&all).all(|(got, byte)| *got == gf256::mul(c, *byte)), "times {c}");
        }
    }

    #[test]
    fn products_are_those_of_the_portable_kernel_at_every_length() {
        for len in (0..=150).chain([2047, 2049, 4095, 4097]) {
            for (outputs, sources) in [(1, 1), (1, 6), (2, 3), (3, 2), (4, 5), (5, 33), (9, 70)] {
                for mode in [Mode::Overwrite, Mode::Accumulate] {
                    let sources: Vec<Vec<u8>> = (0..sources).map(|s| bytes(s, len)).collect();
                    let src: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
                    let coef = bytes(len, outputs * src.len());
                    let mut rows: Vec<Vec<u8>> = (0..outputs).map(|d| bytes(100 + d, len)).collect();
                    let mut expected = rows.clone();
                    product(&mut rows, &src, &coef, mode);
                    let mut dst: Vec<&mut [u8]> = expected.iter_mut().map(Vec::as_mut_slice).collect();
                    portable::run(Task::product(&mut dst, &src, &coef, mode));
                    assert_eq!(rows, expected, "{outputs} x {}, {len} bytes, {mode:?}", src.len());
                }
            }
        }
    }

    #[test]
    fn elimination_is_that_of_the_portable_kernel() {
        for (k, len) in [(3, 64), (60, 128), (100, 256), (255, 512)] {
            let (mut matrix, mut expected_matrix) = (vec![0; k * len], vec![0; k * len]);
            let mut set = RowSet::EMPTY;
            for n in 0..k.min(80) {
                // Every fourth row starts as the one before does, so it comes to nothing.
                let mut row = bytes(n - usize::from(n % 4 == 3), len);
                row[k..].copy_from_slice(&bytes(1000 + n, len - k));
                let factors = row[..k].to_vec();

                let (mut reduced, mut expected) = (row.clone(), row.clone());
                // SAFETY: as above; the set lies within the matrix.
                unsafe {
                    run(Task::Reduce { row: &mut reduced, matrix: &matrix, factors: &factors, set: &set });
                }
                portable::run(Task::Reduce {
                    row: &mut expected,
                    matrix: &matrix,
                    factors: &factors,
                    set: &set,
                });
                assert_eq!(reduced, expected, "row {n} of {k} reduced");

                let (mut column, mut expected_column) = (None, None);
                let mut expected = row.clone();
                // SAFETY: as above; the matrix has a row for each factor.
                unsafe {
                    run(Task::Insert {
                        row: &mut row,
                        matrix: &mut matrix,
                        factors: &factors,
                        set: &set,
                        column: &mut column,
                    });
                }
                portable::run(Task::Insert {
                    row: &mut expected,
                    matrix: &mut expected_matrix,
                    factors: &factors,
                    set: &set,
                    column: &mut expected_column,
                });
                assert_eq!((column, &row), (expected_column, &expected), "row {n} of {k} inserted");
                assert_eq!(column.is_some(), n % 4 != 3, "row {n} of {k}");
                assert!(matrix == expected_matrix, "matrix after row {n} of {k}");
                column.into_iter().for_each(|column| set.insert(column));
            }
        }
    }
}
