//! Gaussian elimination on coefficient vectors, one vector at a time.
//!
//! Keeps the vectors offered so far in reduced row echelon form, each in the row of its pivot column. Optionally
//! each row carries a second half that records which combination of the accepted vectors it is; when the rank is
//! full, the second halves are the inverse matrix, and decoding is one product with it. Payloads are never touched.
//!
//! Invariants. E1: row p has a one in column p, where every other row has a zero. E2: with the second half, row =
//! second half x accepted vectors, in order of acceptance.

use alloc::vec;
use alloc::vec::Vec;

use crate::kernel::{self, RowSet};
use crate::{K_MAX, SHARD_ALIGN};

/// The vectors accepted so far, reduced.
#[derive(Debug, Clone)]
pub(crate) struct Echelon {
    k: usize,
    /// Bytes per row: `k`, or `2 * k` with the record of combinations, rounded up to whole registers.
    width: usize,
    /// Row p belongs to pivot column p: `k` rows of `width` bytes, allocated with the first vector.
    rows: Vec<u8>,
    pivots: RowSet,
    rank: usize,
    records: bool,
}

impl Echelon {
    /// For vectors of `k` coefficients, to know the rank only.
    pub(crate) fn for_rank(k: usize) -> Self {
        Self::new(k, k, false)
    }

    /// For vectors of `k` coefficients, to solve for the source shards.
    pub(crate) fn for_solving(k: usize) -> Self {
        Self::new(k, 2 * k, true)
    }

    fn new(k: usize, width: usize, records: bool) -> Self {
        let width = width.next_multiple_of(SHARD_ALIGN);
        Self { k, width, rows: Vec::new(), pivots: RowSet::EMPTY, rank: 0, records }
    }

    /// Number of linearly independent vectors accepted.
    pub(crate) fn rank(&self) -> usize {
        self.rank
    }

    /// The columns that have a pivot.
    pub(crate) fn pivots(&self) -> RowSet {
        self.pivots
    }

    /// Forgets every vector but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.pivots = RowSet::EMPTY;
        self.rank = 0;
    }

    /// Whether the vector is independent of those accepted. O(k x rank), with half the work of [`Self::insert`].
    pub(crate) fn is_innovative(&self, coefficients: &[u8]) -> bool {
        if self.rank == self.k {
            return false;
        }
        with_row(self.width, coefficients, |row| {
            kernel::reduce(row, &self.rows, coefficients, &self.pivots);
            self.pivots.first_missing(&row[..self.k]).is_some()
        })
    }

    /// Accepts the vector if it is independent of those accepted before, and says which column is its pivot.
    /// O(k x rank).
    pub(crate) fn insert(&mut self, coefficients: &[u8]) -> Option<usize> {
        if self.rank == self.k {
            return None;
        }
        if self.rows.is_empty() {
            self.rows = vec![0; self.k * self.width];
        }
        let pivot = with_row(self.width, coefficients, |row| {
            if self.records {
                row[self.k + self.rank] = 1;
            }
            kernel::insert(row, &mut self.rows, coefficients, &self.pivots)
        })?;
        self.pivots.insert(pivot);
        self.rank += 1;
        Some(pivot)
    }

    /// The weights of the accepted vectors, in order of acceptance, that add up to unit vector `column`.
    ///
    /// `None` while that unit vector is not in their span. At full rank there is one for every column.
    pub(crate) fn solution(&self, column: usize) -> Option<&[u8]> {
        if !self.pivots.contains(column) {
            return None;
        }
        let vector = &self.rows[column * self.width..][..self.k];
        // By E1 only columns without a pivot can spoil it.
        self.pivots.first_missing(vector).is_none().then(|| self.record(column))
    }

    /// The weights of the accepted vectors, in order of acceptance, that add up to the row of this pivot column.
    pub(crate) fn record(&self, pivot: usize) -> &[u8] {
        debug_assert!(self.records && self.pivots.contains(pivot), "no record of row {pivot}");
        &self.rows[pivot * self.width + self.k..][..self.rank]
    }

    /// The weights of the accepted vectors, in order of acceptance, that add up to this vector, or `None` if it is
    /// independent of them.
    pub(crate) fn combination(&self, coefficients: &[u8]) -> Option<Vec<u8>> {
        with_row(self.width, coefficients, |row| {
            kernel::reduce(row, &self.rows, coefficients, &self.pivots);
            let is_combination = self.pivots.first_missing(&row[..self.k]).is_none();
            is_combination.then(|| row[self.k..][..self.rank].to_vec())
        })
    }
}

/// Calls `each` with a row of `width` bytes that starts with these coefficients and goes on with zeros.
#[inline(always)]
fn with_row<R>(width: usize, coefficients: &[u8], each: impl FnOnce(&mut [u8]) -> R) -> R {
    let (mut short, mut long);
    let row = if width == SHORT {
        short = Row([0; SHORT]);
        &mut short.0[..]
    } else {
        long = Row([0; WIDTH_MAX]);
        &mut long.0[..width]
    };
    row[..coefficients.len()].copy_from_slice(coefficients);
    each(row)
}

/// A row of an echelon, on the stack and aligned for vector registers.
#[repr(align(64))]
struct Row<const N: usize>([u8; N]);

/// The inverse of the square matrix of these rows, [`INVERSE_MAX`] at most, as rows of which as many bytes count.
///
/// The matrix must be regular.
pub(crate) fn invert(rows: &[&[u8]]) -> [[u8; SHARD_ALIGN]; INVERSE_MAX] {
    let n = rows.len();
    let mut matrix = [[0; SHARD_ALIGN]; INVERSE_MAX];
    let mut pivots = RowSet::EMPTY;
    for (index, source) in rows.iter().enumerate() {
        let mut row = [0; SHARD_ALIGN];
        row[..n].copy_from_slice(source);
        row[n + index] = 1;
        let pivot = kernel::insert(&mut row, matrix.as_flattened_mut(), source, &pivots);
        pivots.insert(pivot.expect("the matrix is regular"));
    }
    // Row p is now unit vector p, followed by the combination of the rows that gives it.
    matrix.iter_mut().for_each(|row| row.copy_within(n..2 * n, 0));
    matrix
}

/// The shortest row there is, in bytes, and the longest.
const SHORT: usize = SHARD_ALIGN;
const WIDTH_MAX: usize = 2 * (K_MAX + 1);

/// Largest matrix that [`invert`] takes.
pub(crate) const INVERSE_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;
    use crate::gf256;

    /// Rank by the textbook: all vectors at once, one scalar at a time.
    fn naive_rank(vectors: &[Vec<u8>], k: usize) -> usize {
        let mut rows = vectors.to_vec();
        let mut rank = 0;
        for column in 0..k {
            let Some(found) = (rank..rows.len()).find(|r| rows[*r][column] != 0) else { continue };
            rows.swap(rank, found);
            let pivot = rows[rank].clone();
            for row in &mut rows[rank + 1..] {
                let factor = gf256::mul(row[column], gf256::inv(pivot[column]).unwrap());
                row.iter_mut().zip(&pivot).for_each(|(a, b)| *a ^= gf256::mul(factor, *b));
            }
            rank += 1;
        }
        rank
    }

    fn check_invariants(echelon: &Echelon, accepted: &[Vec<u8>]) {
        let k = echelon.k;
        for pivot in echelon.pivots.iter() {
            let row = &echelon.rows[pivot * echelon.width..][..echelon.width];
            for other in echelon.pivots.iter() {
                assert_eq!(row[other], u8::from(other == pivot), "E1");
            }
            for column in 0..k {
                let weighted = row[k..].iter().zip(accepted).map(|(w, v)| gf256::mul(*w, v[column]));
                assert_eq!(weighted.fold(0, |a, b| a ^ b), row[column], "E2");
            }
        }
    }

    /// Few distinct values, so that dependent vectors are common.
    fn vectors() -> impl Strategy<Value = (usize, Vec<Vec<u8>>)> {
        let entry = prop_oneof![3 => Just(0), 2 => Just(1), 1 => any::<u8>()];
        (1_usize..20).prop_flat_map(move |k| {
            let vector = prop::collection::vec(entry.clone(), k);
            (Just(k), prop::collection::vec(vector, 0..30))
        })
    }

    proptest! {
        #[test]
        fn elimination_accepts_exactly_the_vectors_that_raise_the_naive_rank((k, vectors) in vectors()) {
            let mut solving = Echelon::for_solving(k);
            let mut ranking = Echelon::for_rank(k);
            let mut accepted = Vec::new();
            for (n, vector) in vectors.iter().enumerate() {
                let raises = naive_rank(&vectors[..=n], k) > solving.rank();
                prop_assert_eq!(solving.is_innovative(vector), raises);
                prop_assert_eq!(solving.insert(vector).is_some(), raises);
                prop_assert_eq!(ranking.insert(vector).is_some(), raises);
                if raises {
                    accepted.push(vector.clone());
                }
                check_invariants(&solving, &accepted);
            }
        }
    }

    #[test]
    fn a_source_row_is_solved_as_soon_as_the_vectors_span_it() {
        let mut echelon = Echelon::for_solving(3);
        assert_eq!(echelon.insert(&[1, 1, 0]), Some(0));
        assert_eq!(echelon.solution(0), None);
        assert_eq!(echelon.insert(&[0, 1, 0]), Some(1));
        assert_eq!(echelon.solution(0), Some(&[1, 1][..]));
        assert_eq!(echelon.solution(2), None);
    }

    proptest! {
        #[test]
        fn a_matrix_times_its_inverse_is_the_unit_matrix(n in 1..=INVERSE_MAX, seed in any::<u64>()) {
            // Unit lower times unit upper triangular: regular whatever the entries.
            let mut state = seed;
            let mut entry = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            };
            let mut lower = vec![vec![0; n]; n];
            let mut upper = vec![vec![0; n]; n];
            for (r, c) in (0..n).flat_map(|r| (0..n).map(move |c| (r, c))) {
                lower[r][c] = if r > c { entry() } else { u8::from(r == c) };
                upper[r][c] = if r < c { entry() } else { u8::from(r == c) };
            }
            let times = |a: &[Vec<u8>], b: &dyn Fn(usize, usize) -> u8| -> Vec<Vec<u8>> {
                let cell = |r: usize, c| (0..n).fold(0, |sum, i| sum ^ gf256::mul(a[r][i], b(i, c)));
                (0..n).map(|r| (0..n).map(|c| cell(r, c)).collect()).collect()
            };
            let mut matrix = times(&lower, &|r, c| upper[r][c]);
            matrix.rotate_left(seed as usize % n);
            let inverse = invert(&matrix.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let unit = times(&matrix, &|r, c| inverse[r][c]);
            for (r, row) in unit.iter().enumerate() {
                for (c, value) in row.iter().enumerate() {
                    prop_assert_eq!(*value, u8::from(r == c));
                }
            }
        }
    }
}
