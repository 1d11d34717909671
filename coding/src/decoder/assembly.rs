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
use crate::{Params, Pool, Shard, ShardId};

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

    /// Takes note of the shard that was accepted last.
    pub(super) fn on_accepted(&mut self, shards: &[Shard], echelon: &Echelon, cx: &mut Cx<'_>) {
        let Some(shard) = shards.last() else { return };
        // A row that others were reduced by is still needed as it is: see `fold`.
        if source_index(shard, cx.params).is_some_and(|index| !self.done.contains(index)) {
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

    pub(super) fn discard(&mut self, pool: &mut Pool) {
        if let Some(block) = self.block.take() {
            drop(pool.freeze(block));
        }
        self.clear();
    }

    /// Writes a source shard to its row, unless it is there.
    fn place(&mut self, shard: &Shard, cx: &mut Cx<'_>) {
        let Some(index) = source_index(shard, cx.params) else { return };
        if !self.placed.contains(index) {
            let block = self.block.get_or_insert_with(|| cx.pool.take(cx.params.padded_len()));
            block[index * cx.params.shard_len()..][..cx.params.shard_len()].copy_from_slice(&shard.payload);
            self.placed.insert(index);
        }
    }

    /// Makes the rows account for all shards: see the module.
    fn fold(&mut self, shards: &[Shard], echelon: &Echelon, cx: &mut Cx<'_>) {
        let block = self.block.get_or_insert_with(|| cx.pool.take(cx.params.padded_len()));
        let (placed, old) = (self.placed, self.done);
        let batch = Batch {
            params: cx.params,
            shards: &shards[self.folded..],
            first: self.folded,
            echelon,
            old,
            new: echelon.pivots().without(&old),
            placed,
        };
        let missing = batch.new.without(&placed);
        if !missing.is_empty() {
            batch.compute_new(block, &missing, cx.pool);
        }
        // Their columns have pivots already, whose rows have become these source shards.
        batch.shards.iter().for_each(|shard| self.place(shard, cx));
        let block = self.block.as_mut().expect("folding takes a block");
        let open = old.without(&self.placed);
        if !open.is_empty() && !batch.new.is_empty() {
            batch.update_old(block, &open, cx.pool);
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

/// Shards that the rows do not account for yet.
struct Batch<'a> {
    params: Params,
    shards: &'a [Shard],
    /// The slot of the first of them.
    first: usize,
    echelon: &'a Echelon,
    /// The pivot columns of the shards before them.
    old: RowSet,
    /// Their own.
    new: RowSet,
    placed: RowSet,
}

impl Batch<'_> {
    /// `N = A R + B P`, for those rows of N that are `missing`.
    fn compute_new(&self, block: &mut Block, missing: &RowSet, pool: &mut Pool) {
        let (old, batch) = (self.old.len(), self.shards.len());
        // A | B, a row for each new row.
        pool.lend(missing.len() * (old + batch), |weights, pool| {
            for (row, column) in weights.chunks_exact_mut(old + batch).zip(missing.iter()) {
                row[old..].copy_from_slice(self.record(column));
            }
            if old > 0 {
                pool.lend(batch * old, |in_old, _| self.add_old_weights(weights, in_old));
            }
            let (mut targets, mut sources) = (RowsMut::new(), Rows::new());
            self.list_sources(block, missing, &mut targets, &mut sources);
            kernel::product(&mut targets, &sources, weights, Mode::Overwrite);
        });
    }

    /// `A = B C`, into rows that hold B behind the place for A; `in_old` becomes C, a row for each shard.
    fn add_old_weights(&self, weights: &mut [u8], in_old: &mut [u8]) {
        let (old, batch) = (self.old.len(), self.shards.len());
        for (shard, row) in self.shards.iter().zip(in_old.chunks_exact_mut(old)) {
            let written = shard.id.with_coefficients(self.params, |vector| {
                row.iter_mut().zip(self.old.iter()).for_each(|(c, column)| *c = vector[column]);
            });
            written.expect("D1: shards held have valid ids");
        }
        let sources: SmallVec<[&[u8]; BATCH]> = in_old.chunks_exact(old).collect();
        for row in weights.chunks_exact_mut(old + batch) {
            let (a, b) = row.split_at_mut(old);
            kernel::product(&mut [a], &sources, b, Mode::Overwrite);
        }
    }

    /// Lists the rows that are `missing`, and what they are made of: R, then P.
    fn list_sources<'r>(
        &'r self,
        block: &'r mut Block,
        missing: &RowSet,
        targets: &mut RowsMut<'r>,
        sources: &mut Rows<'r>,
    ) {
        let mut rows = Rows::new();
        for (column, row) in block.chunks_exact_mut(self.params.shard_len()).enumerate() {
            if missing.contains(column) {
                targets.push(row);
                rows.push(&[]);
                continue;
            }
            let row = &*row;
            rows.push(row);
            if self.old.contains(column) {
                sources.push(row);
            }
        }
        // A source shard that is in its place is read there: there it is aligned.
        sources.extend(self.shards.iter().map(|shard| match source_index(shard, self.params) {
            Some(index) if self.placed.contains(index) => rows[index],
            Some(_) | None => &shard.payload[..],
        }));
    }

    /// `R ^= D N`, for those rows of R that are `open` to change.
    fn update_old(&self, block: &mut Block, open: &RowSet, pool: &mut Pool) {
        let records: SmallVec<[&[u8]; BATCH]> = self.new.iter().map(|column| self.record(column)).collect();
        let batch = records.len();
        let inverse = invert(&records);
        let inverse: SmallVec<[&[u8]; BATCH]> = inverse[..batch].iter().map(|row| &row[..batch]).collect();
        // D, a row for each old row.
        pool.lend(open.len() * batch, |weights, _| {
            for (row, column) in weights.chunks_exact_mut(batch).zip(open.iter()) {
                kernel::product(&mut [row], &inverse, self.record(column), Mode::Overwrite);
            }
            let (mut targets, mut sources) = (RowsMut::new(), Rows::new());
            for (column, row) in block.chunks_exact_mut(self.params.shard_len()).enumerate() {
                if self.new.contains(column) {
                    sources.push(row);
                } else if open.contains(column) {
                    targets.push(row);
                }
            }
            kernel::product(&mut targets, &sources, weights, Mode::Accumulate);
        });
    }

    /// Which combination of the batch this row takes.
    fn record(&self, column: usize) -> &[u8] {
        &self.echelon.record(column)[self.first..]
    }
}

/// Which source shard this is, if it is one. As a combination it is named where it came with no proof that it is right.
fn source_index(shard: &Shard, params: Params) -> Option<usize> {
    match &shard.id {
        ShardId::Canonical(index) => shard.id.is_systematic(params).then_some(usize::from(*index)),
        ShardId::Dense(vector) => {
            let first = vector.iter().position(|c| *c != 0)?;
            let alone = vector[first] == 1 && vector[first + 1..].iter().all(|c| *c == 0);
            alone.then_some(first)
        }
    }
}

/// Shards that are folded together: few enough that what is left after the last one is little.
const BATCH: usize = INVERSE_MAX;
