//! The relay: new combinations of the shards at hand, without decoding.

use core::fmt;

use rand_core::Rng;
use smallvec::SmallVec;

use crate::coefficients::{draw, fill_random};
use crate::combine::{BATCH_INLINE, Batch, Rows, combine_shards};
use crate::kernel::{self, Mode, RowSet};
use crate::{K_MAX, Params, Pool, Shard, ShardId};

/// Makes random combinations of shards that a [`Decoder`](crate::Decoder) holds, at any rank from one.
///
/// A recoded shard is as good to a receiver as one from the source, up to the rank of the shards it is made of.
/// It is also as bad as the worst of them: one polluted shard spoils every combination, so a relay that cares
/// chooses only shards it has verified.
///
/// Invariant R1: the shards are linearly independent and there is at least one.
#[derive(Clone)]
pub struct Recoder<'a> {
    params: Params,
    shards: &'a [Shard],
    /// Which of the shards are combined.
    chosen: RowSet,
}

impl<'a> Recoder<'a> {
    /// Over those of these shards that `choose` accepts, `None` if it accepts none. The shards are independent, at most
    /// [`K_MAX`], and their ids were checked.
    pub(crate) fn over(
        shards: &'a [Shard],
        mut choose: impl FnMut(&Shard) -> bool,
        params: Params,
    ) -> Option<Self> {
        let mut chosen = RowSet::EMPTY;
        shards
            .iter()
            .enumerate()
            .filter(|(_, shard)| choose(shard))
            .for_each(|(slot, _)| chosen.insert(slot));
        (!chosen.is_empty()).then_some(Self { params, shards, chosen })
    }

    /// Number of shards that are combined, which is the rank they give.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.chosen.len()
    }

    /// Over fewer of them: the `newest`, which came last, and `others` of the rest, drawn by `rng`.
    ///
    /// A combination costs a pass over each shard that it takes. Whoever was sent combinations before is told most by
    /// those shards that came since; a few others make up for what else it lacks.
    #[must_use]
    pub fn thinned(mut self, newest: usize, others: usize, rng: &mut (impl Rng + ?Sized)) -> Self {
        let rank = self.rank();
        // R1 asks for one.
        let others = others.max(usize::from(newest == 0));
        if rank > newest.saturating_add(others) {
            let mut slots: SmallVec<[usize; K_MAX + 1]> = self.chosen.iter().collect();
            let (old, new) = slots.split_at_mut(rank - newest);
            self.chosen = RowSet::EMPTY;
            draw(old, others, rng).iter().chain(&*new).for_each(|slot| self.chosen.insert(*slot));
        }
        self
    }

    fn chosen(&self) -> impl Iterator<Item = &'a Shard> {
        self.chosen.iter().map(|slot| &self.shards[slot])
    }

    /// `count` random combinations in one pass over the shards; see
    /// [`Coefficients::random`](crate::Coefficients::random) for `rng`.
    ///
    /// The coefficients returned are in terms of the source shards. They are never all zero, by R1. Takes
    /// O(`count` x rank x (k + shard length)) byte products.
    pub fn recode(&self, count: usize, rng: &mut (impl Rng + ?Sized), pool: &mut Pool) -> Batch {
        if count == 0 {
            return Batch::default();
        }
        let (k, rank) = (self.params.k(), self.rank());
        pool.lend(count * (rank + k), |lent, pool| {
            let (weights, vectors) = lent.split_at_mut(count * rank);
            weights.chunks_exact_mut(rank).for_each(|row| fill_random(row, rng));
            vectors.fill(0);
            self.add_vectors(weights, vectors);
            let mut payloads = Rows::new();
            payloads.extend(self.chosen().map(|shard| &shard.payload[..]));
            combine_shards(&payloads, weights, vectors, k, self.params.shard_len(), pool)
        })
    }

    /// Computes the combinations' coefficients: `weights` times those of the shards. `vectors` is zero before.
    fn add_vectors(&self, weights: &[u8], vectors: &mut [u8]) {
        let (k, rank) = (self.params.k(), self.rank());
        let mut dense = Rows::new();
        let mut slots: SmallVec<[usize; K_MAX + 1]> = SmallVec::new();
        for (slot, shard) in self.chosen().enumerate() {
            match &shard.id {
                ShardId::Dense(vector) => {
                    dense.push(vector);
                    slots.push(slot);
                }
                // A source shard counts in one coefficient only.
                ShardId::Canonical(index) if shard.id.is_systematic(self.params) => {
                    for (vector, weights) in vectors.chunks_exact_mut(k).zip(weights.chunks_exact(rank)) {
                        vector[usize::from(*index)] ^= weights[slot];
                    }
                }
                ShardId::Canonical(_) => {
                    let added =
                        shard.id.with_coefficients(self.params, |row| add(vectors, &[row], weights, &[slot]));
                    added.expect("D1: shards held have valid ids");
                }
            }
        }
        add(vectors, &dense, weights, &slots);
    }
}

/// Adds to each vector the sum of `rows`, each with the weight in its slot.
fn add(vectors: &mut [u8], rows: &[&[u8]], weights: &[u8], slots: &[usize]) {
    let Some(k) = rows.first().map(|row| row.len()) else { return };
    let rank = weights.len() / (vectors.len() / k);
    let weights: SmallVec<[u8; 1024]> =
        weights.chunks_exact(rank).flat_map(|row| slots.iter().map(|slot| row[*slot])).collect();
    let mut outputs: SmallVec<[&mut [u8]; BATCH_INLINE]> = vectors.chunks_exact_mut(k).collect();
    kernel::product(&mut outputs, rows, &weights, Mode::Accumulate);
}

impl fmt::Debug for Recoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recoder {{ {:?}, {} shards }}", self.params, self.rank())
    }
}
