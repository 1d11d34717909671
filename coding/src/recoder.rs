//! The relay: new combinations of the shards at hand, without decoding.

use alloc::vec;
use alloc::vec::Vec;

use rand_core::Rng;

use crate::coefficients::fill_random;
use crate::combine::combine;
use crate::kernel::{self, Mode};
use crate::{CodedShard, Coefficients, Params, Shard, ShardId};

/// Makes random combinations of shards that a [`Decoder`](crate::Decoder) holds, at any rank from one.
///
/// A recoded shard is as good to a receiver as one from the source, up to the rank of the shards it is made of.
/// It is also as bad as the worst of them: one polluted shard spoils every combination, so a relay that cares
/// chooses only shards it has verified.
///
/// Invariant R1: the shards are linearly independent and there is at least one.
#[derive(Debug, Clone)]
pub struct Recoder<'a> {
    params: Params,
    payloads: Vec<&'a [u8]>,
    /// Coefficients of the shards, `payloads.len()` x k.
    vectors: Vec<u8>,
}

impl<'a> Recoder<'a> {
    /// Over independent shards whose ids were checked; `None` without any.
    pub(crate) fn over(shards: impl Iterator<Item = &'a Shard>, params: Params) -> Option<Self> {
        let mut recoder = Self { params, payloads: Vec::new(), vectors: Vec::new() };
        for shard in shards {
            recoder.payloads.push(&shard.payload);
            match &shard.id {
                ShardId::Dense(vector) => recoder.vectors.extend_from_slice(vector),
                ShardId::Canonical(_) => {
                    let vector = shard.id.coefficients(params).expect("D1: held shards have valid ids");
                    recoder.vectors.extend_from_slice(&vector);
                }
            }
        }
        (!recoder.payloads.is_empty()).then_some(recoder)
    }

    /// Number of shards that are combined, which is the rank they give.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.payloads.len()
    }

    /// `count` random combinations in one pass over the shards; see [`Coefficients::random`] for `rng`.
    ///
    /// The coefficients returned are in terms of the source shards. They are never all zero, by R1.
    pub fn recode(&self, count: usize, rng: &mut (impl Rng + ?Sized)) -> Vec<CodedShard> {
        let k = self.params.k();
        let mut weights = vec![0; count * self.rank()];
        weights.chunks_exact_mut(self.rank()).for_each(|row| fill_random(row, rng));
        let mut vectors = vec![0; count * k];
        let mut outputs: Vec<&mut [u8]> = vectors.chunks_exact_mut(k).collect();
        let sources: Vec<&[u8]> = self.vectors.chunks_exact(k).collect();
        kernel::product(&mut outputs, &sources, &weights, Mode::Overwrite);
        let payloads = combine(&self.payloads, &weights, count, self.params.shard_len());
        let shards = vectors.chunks_exact(k).map(Coefficients::from_slice).zip(payloads);
        shards.map(|(coefficients, payload)| CodedShard { coefficients, payload }).collect()
    }
}
