//! Gaussian elimination on coefficient vectors, one vector at a time.
//!
//! Keeps the vectors offered so far in reduced row echelon form. Optionally each row carries a second half that
//! records which combination of the accepted vectors it is; when the rank is full, the second halves are the
//! inverse matrix, and decoding is one product with it. Payloads are never touched here.
//!
//! Invariants. E1: each row has a one in its pivot column, where every other row has a zero. E2: with
//! the second half, row = second half x accepted vectors, in order of acceptance.

use alloc::vec;
use alloc::vec::Vec;

use crate::gf256;
use crate::kernel::{self, Mode};

/// The vectors accepted so far, reduced.
#[derive(Debug, Clone)]
pub(crate) struct Echelon {
    k: usize,
    /// Bytes per row: `k`, or `2 * k` with the record of combinations.
    width: usize,
    /// Rows in order of acceptance, `width` bytes each.
    rows: Vec<u8>,
    /// Pivot column of each row.
    pivots: Vec<u8>,
}

impl Echelon {
    /// For vectors of `k` coefficients, to know the rank only.
    pub(crate) fn for_rank(k: usize) -> Self {
        Self { k, width: k, rows: Vec::new(), pivots: Vec::new() }
    }

    /// For vectors of `k` coefficients, to solve for the source shards.
    pub(crate) fn for_solving(k: usize) -> Self {
        Self { k, width: 2 * k, rows: Vec::new(), pivots: Vec::new() }
    }

    /// Number of linearly independent vectors accepted.
    pub(crate) fn rank(&self) -> usize {
        self.pivots.len()
    }

    /// Forgets every vector but keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.pivots.clear();
    }

    /// Whether the vector is independent of those accepted. O(k x rank), with half the work of [`Self::insert`].
    pub(crate) fn is_innovative(&self, coefficients: &[u8]) -> bool {
        self.rank() < self.k && self.reduce(coefficients)[..self.k].iter().any(|c| *c != 0)
    }

    /// Accepts the vector if it is independent of those accepted before; says whether it was. O(k x rank).
    pub(crate) fn insert(&mut self, coefficients: &[u8]) -> bool {
        if self.rank() == self.k {
            return false;
        }
        let mut row = self.reduce(coefficients);
        let Some(pivot) = row[..self.k].iter().position(|c| *c != 0) else { return false };
        let scale = gf256::inv(row[pivot]).expect("a pivot is not zero");
        if scale != 1 {
            row.iter_mut().for_each(|c| *c = gf256::mul(scale, *c));
        }
        self.eliminate(pivot, &row);
        self.rows.extend_from_slice(&row);
        self.pivots.push(pivot as u8);
        true
    }

    /// The weights of the accepted vectors, in order of acceptance, that add up to unit vector `column`.
    ///
    /// `None` while that unit vector is not in their span. At full rank there is one for every column.
    pub(crate) fn solution(&self, column: usize) -> Option<&[u8]> {
        debug_assert_eq!(self.width, 2 * self.k, "solutions need the record of combinations");
        let index = self.pivots.iter().position(|p| usize::from(*p) == column)?;
        let (vector, weights) = self.rows[index * self.width..][..self.width].split_at(self.k);
        let is_unit = vector.iter().enumerate().all(|(j, c)| j == column || *c == 0);
        is_unit.then_some(&weights[..self.rank()])
    }

    /// The vector, extended to a row, minus what the accepted rows account for.
    fn reduce(&self, coefficients: &[u8]) -> Vec<u8> {
        let mut row = vec![0; self.width];
        row[..self.k].copy_from_slice(coefficients);
        if self.width > self.k {
            row[self.k + self.rank()] = 1;
        }
        // By E1 the rows do not disturb each other's pivot columns, so all factors are known at once.
        let factors: Vec<(usize, u8)> = (self.pivots.iter().enumerate())
            .map(|(index, pivot)| (index, coefficients[usize::from(*pivot)]))
            .filter(|(_, factor)| *factor != 0)
            .collect();
        let weights: Vec<u8> = factors.iter().map(|(_, factor)| *factor).collect();
        let sources: Vec<&[u8]> =
            factors.iter().map(|(index, _)| &self.rows[index * self.width..][..self.width]).collect();
        kernel::product(&mut [&mut row], &sources, &weights, Mode::Accumulate);
        row
    }

    /// Clears column `pivot` of the accepted rows with the new row.
    fn eliminate(&mut self, pivot: usize, row: &[u8]) {
        let mut rows: Vec<&mut [u8]> =
            self.rows.chunks_exact_mut(self.width).filter(|old| old[pivot] != 0).collect();
        let weights: Vec<u8> = rows.iter().map(|old| old[pivot]).collect();
        kernel::product(&mut rows, &[row], &weights, Mode::Accumulate);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

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
        for (index, row) in echelon.rows.chunks_exact(echelon.width).enumerate() {
            for (other, pivot) in echelon.pivots.iter().enumerate() {
                assert_eq!(row[usize::from(*pivot)], u8::from(other == index), "E1");
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
                prop_assert_eq!(solving.insert(vector), raises);
                prop_assert_eq!(ranking.insert(vector), raises);
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
        assert!(echelon.insert(&[1, 1, 0]));
        assert_eq!(echelon.solution(0), None);
        assert!(echelon.insert(&[0, 1, 0]));
        assert_eq!(echelon.solution(0), Some(&[1, 1][..]));
        assert_eq!(echelon.solution(2), None);
    }
}
