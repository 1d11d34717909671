//! The message in the making: rows of one block, filled as shards allow.
//!
//! A source shard that arrives as such is written to its place at once. The other rows are computed from all shards,
//! either together at the end, or in batches on the way. A batch turns the rows into what elimination made of the
//! coefficients: with R the rows so far (one for each pivot column, reduced), P the payloads of the batch, and N the
//! rows of its pivot columns,
//!
//! ```text
//! N = A R + B P        R ^= D N
//! ```
//!
//! where B are the records of the new rows, A = B C with the batch's coefficients C in the old pivot columns (so that
//! N is zero there), and D are the old rows' coefficients in the new pivot columns: their records of the batch are
//! D B, so D is these times the inverse of B.
//!
//! Invariant S1: row p of the block is row p of the echelon times the payloads, for each p in `done`. S2: a row in
//! `placed` is a source shard as it was received, and final.

use smallvec::SmallVec;

use super::Strategy;
use crate::combine::{Rows, RowsMut};
use crate::kernel::{self, Mode, RowSet};
use crate::matrix::{Echelon, INVERSE_MAX, invert};
use crate::pool::Block;
use crate::{K_MAX, Params, Pool, Shard, ShardId};

/// See the module.
pub(super) struct Assembly {
    pub(super) strategy: Strategy,
    /// `k` rows of a shard's length, taken with the first row that is written.
    block: Option<Block>,
    /// Rows that hold a source shard as it was received.
    placed: RowSet,
    /// Number of shards, in order of acceptance, that the rows account for.
    folded: usize,
    /// The pivot columns these shards have.
    done: RowSet,
}

impl Assembly {
    pub(super) const fn new(strategy: Strategy) -> Self {
        Self { strategy, block: None, placed: RowSet::EMPTY, folded: 0, done: RowSet::EMPTY }
    }

    /// Forgets all rows but keeps the block.
    pub(super) fn clear(&mut self) {
        (self.placed, self.folded, self.done) = (RowSet::EMPTY, 0, RowSet::EMPTY);
    }

    /// Takes note of the shard that was accepted last; `pivot` is its row in the echelon.
    pub(super) fn on_accepted(&mut self, pivot: usize, shards: &[Shard], echelon: &Echelon, cx: &mut Cx<'_>) {
        let Some(shard) = shards.last() else { return };
        // Rows that are folded on the way must be reduced ones: there, a source shard that is not its own pivot is
        // one shard among others.
        if self.strategy == Strategy::Lazy || systematic_index(shard, cx.params) == Some(pivot) {
            self.place(shard, cx);
        }
        // One short of all, so that as little as possible remains to be done when the last one comes.
        let due = shards.len() - self.folded == BATCH || shards.len() + 1 == cx.params.k();
        if self.strategy == Strategy::Batched && due {
            self.fold(shards, echelon, cx);
        }
    }

    /// The whole message and its padding. The rank must be full.
    pub(super) fn finish(&mut self, shards: &[Shard], echelon: &Echelon, cx: &mut Cx<'_>) -> Block {
        debug_assert_eq!(echelon.rank(), cx.params.k(), "the rank is full");
        if self.folded == 0 {
            // At full rank all rows are source shards, so those received can take their places in any case.
            shards.iter().for_each(|shard| self.place(shard, cx));
        }
        self.fold(shards, echelon, cx);
        let block = self.block.take().expect("folding takes a block");
        self.clear();
        block
    }

    /// Writes a source shard to its row, unless it is there.
    fn place(&mut self, shard: &Shard, cx: &mut Cx<'_>) {
        let Some(index) = systematic_index(shard, cx.params) else { return };
        if !self.placed.contains(index) {
            let block = self.block.get_or_insert_with(|| cx.pool.take(cx.params.padded_len()));
            block[index * cx.params.shard_len()..][..cx.params.shard_len()].copy_from_slice(&shard.payload);
            self.placed.insert(index);
        }
    }

    /// Makes the rows account for all shards: see the module.
    fn fold(&mut self, shards: &[Shard], echelon: &Echelon, cx: &mut Cx<'_>) {
        let block = self.block.get_or_insert_with(|| cx.pool.take(cx.params.padded_len()));
        let mut rows = Split::default();
        for (column, row) in block.chunks_exact_mut(cx.params.shard_len()).enumerate() {
            if echelon.pivots().contains(column) {
                rows.push(column, row, self.done.contains(column), self.placed.contains(column));
            }
        }
        let batch = Batch { shards: &shards[self.folded..], first: self.folded, echelon };
        if !batch.shards.is_empty() {
            batch.compute_new(&mut rows, cx);
            batch.update_old(&mut rows);
        }
        self.folded = shards.len();
        self.done = echelon.pivots();
    }
}

/// What the assembly needs besides the shards.
pub(super) struct Cx<'a> {
    pub(super) params: Params,
    pub(super) pool: &'a mut Pool,
}

/// Rows of the block with their pivot columns.
#[derive(Default)]
struct List<'b> {
    columns: SmallVec<[u8; K_MAX + 1]>,
    rows: RowsMut<'b>,
}

/// The rows that have a pivot, sorted by what a batch does with them.
#[derive(Default)]
struct Split<'b> {
    /// Of earlier batches.
    old: List<'b>,
    /// Of earlier batches, and final.
    old_placed: List<'b>,
    /// To be computed.
    new: List<'b>,
    /// New, and final.
    new_placed: List<'b>,
}

impl<'b> Split<'b> {
    fn push(&mut self, column: usize, row: &'b mut [u8], old: bool, placed: bool) {
        let list = match (old, placed) {
            (true, false) => &mut self.old,
            (true, true) => &mut self.old_placed,
            (false, false) => &mut self.new,
            (false, true) => &mut self.new_placed,
        };
        list.columns.push(column as u8);
        list.rows.push(row);
    }
}

/// Shards that the rows do not account for yet.
struct Batch<'a> {
    shards: &'a [Shard],
    /// The slot of the first of them.
    first: usize,
    echelon: &'a Echelon,
}

impl Batch<'_> {
    /// `N = A R + B P`
    fn compute_new(&self, rows: &mut Split<'_>, cx: &mut Cx<'_>) {
        let old = || rows.old.columns.iter().chain(&rows.old_placed.columns);
        let (old_count, batch) = (old().count(), self.shards.len());
        if rows.new.columns.is_empty() {
            return;
        }
        // C, a row for each shard of the batch.
        let mut in_old = cx.pool.take(batch * old_count);
        let mut coefficients = [0; K_MAX];
        let coefficients = &mut coefficients[..cx.params.k()];
        for (shard, row) in self.shards.iter().zip(in_old.chunks_exact_mut(old_count.max(1))) {
            shard.id.write_coefficients(cx.params, coefficients).expect("D1: shards held have valid ids");
            row.iter_mut().zip(old()).for_each(|(c, column)| *c = coefficients[usize::from(*column)]);
        }
        // A | B, a row for each new row.
        let mut weights = cx.pool.take(rows.new.columns.len() * (old_count + batch));
        for (row, column) in weights.chunks_exact_mut(old_count + batch).zip(&rows.new.columns) {
            let (a, b) = row.split_at_mut(old_count);
            b.copy_from_slice(self.record(*column));
            let sources: Rows<'_> = in_old.chunks_exact(old_count.max(1)).collect();
            if old_count > 0 {
                kernel::product(&mut [a], &sources, b, Mode::Overwrite);
            }
        }
        let olds = rows.old.rows.iter().chain(&rows.old_placed.rows).map(|row| &**row);
        let sources: Rows<'_> = olds.chain(self.shards.iter().map(|shard| &shard.payload[..])).collect();
        kernel::product(&mut rows.new.rows, &sources, &weights, Mode::Overwrite);
        cx.pool.put(in_old);
        cx.pool.put(weights);
    }

    /// `R ^= D N`
    fn update_old(&self, rows: &mut Split<'_>) {
        if rows.old.columns.is_empty() {
            return;
        }
        let new = || rows.new.columns.iter().chain(&rows.new_placed.columns);
        let records: SmallVec<[&[u8]; INVERSE_MAX]> = new().map(|column| self.record(*column)).collect();
        let inverse = invert(&records);
        let sources: Rows<'_> = inverse[..records.len()].iter().map(|row| &row[..records.len()]).collect();
        // D, a row for each old row.
        let mut weights: SmallVec<[u8; INVERSE_MAX * (K_MAX + 1)]> =
            SmallVec::from_elem(0, rows.old.columns.len() * records.len());
        for (row, column) in weights.chunks_exact_mut(records.len()).zip(&rows.old.columns) {
            kernel::product(&mut [row], &sources, self.record(*column), Mode::Overwrite);
        }
        let sources: Rows<'_> = rows.new.rows.iter().chain(&rows.new_placed.rows).map(|row| &**row).collect();
        kernel::product(&mut rows.old.rows, &sources, &weights, Mode::Accumulate);
    }

    /// Which combination of the batch this row takes.
    fn record(&self, column: u8) -> &[u8] {
        &self.echelon.record(usize::from(column))[self.first..]
    }
}

fn systematic_index(shard: &Shard, params: Params) -> Option<usize> {
    match shard.id {
        ShardId::Canonical(index) if shard.id.is_systematic(params) => Some(usize::from(index)),
        ShardId::Canonical(_) | ShardId::Dense(_) => None,
    }
}

/// Shards that are folded together. Measured: half as many cost more, twice as many gain little.
const BATCH: usize = INVERSE_MAX;
