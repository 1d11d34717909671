//! Steps of Gaussian elimination, a row in registers at a time.

use super::Simd;
use crate::gf256;
use crate::kernel::RowSet;

/// # Safety
///
/// As [`super::run`].
#[inline(always)]
pub(super) unsafe fn reduce<S: Simd>(row: &mut [u8], matrix: &[u8], factors: &[u8], set: &RowSet) {
    let mut at = 0;
    while at < row.len() {
        // SAFETY: `Task` guarantees that `set` lies within `matrix` and `factors`, and that rows are whole vectors.
        unsafe {
            at += match (row.len() - at) / S::BYTES {
                0 | 1 => reduce_tile::<S, 1>(row, at, matrix, factors, set),
                2 | 3 => reduce_tile::<S, 2>(row, at, matrix, factors, set),
                _ => reduce_tile::<S, 4>(row, at, matrix, factors, set),
            };
        }
    }
}

/// Reduces `V` vectors of the row from column `at`, and says how many bytes that is.
///
/// # Safety
///
/// As [`super::run`]; `set` lies within `matrix` and `factors`, and rows reach to the end of the tile.
#[inline(always)]
unsafe fn reduce_tile<S: Simd, const V: usize>(
    row: &mut [u8],
    at: usize,
    matrix: &[u8],
    factors: &[u8],
    set: &RowSet,
) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [S::zero(); V];
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = S::load(row.as_ptr().add(at + v * S::BYTES));
        }
        for r in set.iter() {
            let factor = *factors.get_unchecked(r);
            if factor != 0 {
                let source = matrix.as_ptr().add(r * row.len() + at);
                let factor = S::factor(&S::stored(factor));
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, factor, S::operand(S::load(source.add(v * S::BYTES))));
                }
            }
        }
        for (v, sum) in sums.iter().enumerate() {
            S::store(row.as_mut_ptr().add(at + v * S::BYTES), *sum);
        }
        V * S::BYTES
    }
}

/// # Safety
///
/// As [`super::run`].
#[inline(always)]
pub(super) unsafe fn insert<S: Simd>(
    row: &mut [u8],
    matrix: &mut [u8],
    factors: &[u8],
    set: &RowSet,
) -> Option<usize> {
    let len = row.len();
    // SAFETY: `Task` guarantees that `set` and every column lie within `matrix`, and that rows are whole vectors.
    unsafe {
        reduce::<S>(row, matrix, factors, set);
        let column = set.first_missing(&row[..factors.len()])?;
        let inverse = gf256::inv(row[column]).expect("what was found is not zero");
        let inverse = S::factor(&S::stored(inverse));
        let target = matrix.as_mut_ptr().add(column * len);
        for at in (0..len).step_by(S::BYTES) {
            let scaled = S::add(S::zero(), inverse, S::operand(S::load(row.as_ptr().add(at))));
            S::store(row.as_mut_ptr().add(at), scaled);
            S::store(target.add(at), scaled);
        }
        for r in set.iter() {
            let target = matrix.as_mut_ptr().add(r * len);
            let factor = *target.add(column);
            if factor != 0 {
                let factor = S::factor(&S::stored(factor));
                for at in (0..len).step_by(S::BYTES) {
                    let operand = S::operand(S::load(row.as_ptr().add(at)));
                    S::store(target.add(at), S::add(S::load(target.add(at)), factor, operand));
                }
            }
        }
        Some(column)
    }
}
