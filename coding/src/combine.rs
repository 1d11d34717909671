//! Several new shards in one pass over the sources.

use core::ops::Deref;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::coefficients::INLINE_MAX;
use crate::kernel::{self, Mode};
use crate::pool::Block;
use crate::{CodedShard, Coefficients, K_MAX, Pool};

/// Shards that were made together. Up to [`BATCH_INLINE`] take no memory but their payloads.
///
/// Reads as a slice; iterates over the shards themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch(SmallVec<[CodedShard; BATCH_INLINE]>);

/// Row references, without a heap block for as many as a message has shards.
pub(crate) type Rows<'r> = SmallVec<[&'r [u8]; K_MAX + 1]>;

/// Rows to be written, likewise.
pub(crate) type RowsMut<'r> = SmallVec<[&'r mut [u8]; K_MAX + 1]>;

/// `count` rows of `len` bytes, row d being the sum of `weights[d][s] * sources[s]`.
///
/// The rows do not share a buffer, because they go to different peers and are freed at different times.
pub(crate) fn combine(
    sources: &[&[u8]],
    weights: &[u8],
    count: usize,
    len: usize,
    pool: &mut Pool,
) -> SmallVec<[Bytes; BATCH_INLINE]> {
    let mut rows: SmallVec<[Block; BATCH_INLINE]> = (0..count).map(|_| pool.take(len)).collect();
    let mut outputs: SmallVec<[&mut [u8]; BATCH_INLINE]> = rows.iter_mut().map(|row| &mut **row).collect();
    kernel::product(&mut outputs, sources, weights, Mode::Overwrite);
    drop(outputs);
    rows.into_iter().map(|row| pool.freeze(row)).collect()
}

/// `vectors.len() / k` shards of `len` bytes: as [`combine`], with the coefficient vectors that say what they are.
///
/// A vector that is too long to be stored in place shares the block of its payload, so a shard takes one block.
pub(crate) fn combine_shards(
    sources: &[&[u8]],
    weights: &[u8],
    vectors: &[u8],
    k: usize,
    len: usize,
    pool: &mut Pool,
) -> Batch {
    let appended = if k > INLINE_MAX { k } else { 0 };
    let vectors = vectors.chunks_exact(k);
    let mut blocks: SmallVec<[Block; BATCH_INLINE]> = SmallVec::new();
    blocks.extend((0..vectors.len()).map(|_| pool.take(len + appended)));
    let mut outputs: SmallVec<[&mut [u8]; BATCH_INLINE]> = SmallVec::new();
    outputs.extend(blocks.iter_mut().map(|block| &mut block[..len]));
    kernel::product(&mut outputs, sources, weights, Mode::Overwrite);
    drop(outputs);
    let mut batch = Batch(SmallVec::new());
    for (mut block, vector) in blocks.drain(..).zip(vectors) {
        block[len..].copy_from_slice(&vector[..appended]);
        let mut payload = pool.freeze(block);
        let coefficients = if appended > 0 {
            Coefficients::from_bytes(payload.split_off(len))
        } else {
            Coefficients::from_slice(vector)
        };
        batch.0.push(CodedShard { coefficients, payload });
    }
    batch
}

impl Deref for Batch {
    type Target = [CodedShard];

    fn deref(&self) -> &[CodedShard] {
        &self.0
    }
}

impl IntoIterator for Batch {
    type Item = CodedShard;
    type IntoIter = Shards;

    fn into_iter(self) -> Shards {
        Shards(self.0.into_iter())
    }
}

/// Iterator over the shards of a [`Batch`].
#[derive(Debug)]
pub struct Shards(smallvec::IntoIter<[CodedShard; BATCH_INLINE]>);

impl Iterator for Shards {
    type Item = CodedShard;

    fn next(&mut self) -> Option<CodedShard> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Shards {}

/// Shards of a batch that need no heap block to be listed.
pub const BATCH_INLINE: usize = 8;
