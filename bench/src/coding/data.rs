//! What is measured on.

use std::hint::black_box;

use braidcast_coding::{Encoder, Offer, Params, Pool, Rank, SHARD_ALIGN, Shard, Tag};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A random message and its source.
pub(super) struct Source {
    pub(super) params: Params,
    pub(super) message: Bytes,
    pub(super) encoder: Encoder,
}

impl Source {
    /// A message of `len` bytes on a 64-byte boundary, in `k` source shards.
    pub(super) fn new(len: usize, k: usize) -> Self {
        let params = Params::for_message(len, k).expect("the shapes measured are valid");
        let message = random_bytes(len, 0);
        let encoder = Encoder::new(message.clone(), params).expect("the message is as long as it says");
        Self { params, message, encoder }
    }

    /// The source shards, slices of the message.
    pub(super) fn rows(&self) -> Vec<&[u8]> {
        self.message.chunks_exact(self.params.shard_len()).collect()
    }

    /// `k` independent dense shards.
    pub(super) fn dense_shards(&self, pool: &mut Pool) -> Vec<Shard> {
        let (mut rng, mut rank) = (rng(), Rank::new(self.params));
        let mut shards = Vec::new();
        while !rank.is_full() {
            for coded in self.encoder.coded(1, &mut rng, pool) {
                let offer = rank.offer(&coded.coefficients).expect("an encoder makes valid shards");
                if offer != Offer::Redundant {
                    shards.push(coded.into_shard(Tag::default()));
                }
            }
        }
        shards
    }
}

/// A generator with the same seed each time.
pub(super) fn rng() -> ChaCha8Rng {
    ChaCha8Rng::from_seed([9; 32])
}

/// `len` random bytes that start `offset` bytes after a 64-byte boundary.
pub(super) fn random_bytes(len: usize, offset: usize) -> Bytes {
    let mut buffer = vec![0; len + offset + SHARD_ALIGN];
    rng().fill_bytes(&mut buffer);
    let start = buffer.as_ptr().align_offset(SHARD_ALIGN) + offset;
    Bytes::from(buffer).slice(start..start + len)
}

/// A buffer that [`aligned_rows`] can cut `count` rows of `len` bytes from.
pub(super) fn buffer(len: usize, count: usize) -> Vec<u8> {
    // Not zero, so that the memory is there.
    vec![1; count * (len + SHARD_ALIGN) + SHARD_ALIGN]
}

/// Rows of `len` bytes, each on a 64-byte boundary, and not all at the same offset from a page.
pub(super) fn aligned_rows(buffer: &mut [u8], len: usize) -> Vec<&mut [u8]> {
    let start = buffer.as_ptr().align_offset(SHARD_ALIGN);
    buffer[start..].chunks_exact_mut(len + SHARD_ALIGN).map(|row| &mut row[..len]).collect()
}

/// Makes the allocator keep what is freed.
///
/// By default glibc takes large blocks from the kernel one by one, and the first touch of their pages costs many times
/// what coding into them does; libraries that allocate per message would be measured by that. Freeing such a block
/// once raises the limit up to which it keeps blocks of its own, to the size of that block but at most 32 MiB
/// (mallopt(3), `M_MMAP_THRESHOLD`). Other allocators do not mind.
pub(super) fn warm_heap() {
    drop(black_box(vec![1_u8; (32 << 20) - (64 << 10)]));
}

/// A size for people.
pub(super) fn size(bytes: usize) -> String {
    if bytes >= MIB { format!("{} MiB", bytes / MIB) } else { format!("{} KiB", bytes / KIB) }
}

/// `name` and how long it took.
pub(super) fn time(name: &str, ns: f64) -> String {
    if ns < 1e3 {
        format!("{name} {ns:.0} ns")
    } else {
        format!("{name} {} us", crate::row::number(ns / 1e3))
    }
}

pub(super) const KIB: usize = 1 << 10;
pub(super) const MIB: usize = 1 << 20;
