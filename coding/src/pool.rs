//! Buffers that are used again.
//!
//! The first touch of fresh memory costs many times what coding into it does, so payloads and messages are made in
//! blocks that were used before. A block goes out as [`Bytes`]; the pool keeps a handle of its own, and takes the
//! block back when it finds that this handle is the only one left. So nothing needs to be returned, and a block that
//! somebody holds for ever is merely passed over.

use alloc::collections::{BTreeMap, VecDeque};
use core::fmt;
use core::ops::{Deref, DerefMut};

use bytes::{Bytes, BytesMut};

use crate::SHARD_ALIGN;

/// A bounded store of memory blocks, each on a 64-byte boundary.
///
/// One owner at a time uses a pool: there is no lock in it. What it hands out goes anywhere.
///
/// Invariants. P1: `bytes` is the sum of what all blocks take (`cost`), and at most `bytes_max`. P2: all blocks of a
/// class have the length that is its key, and start on a 64-byte boundary.
pub struct Pool {
    classes: BTreeMap<usize, VecDeque<Bytes>>,
    bytes: usize,
    bytes_max: usize,
    /// Blocks made so far, to spread their addresses.
    made: usize,
}

/// Memory to be written and then turned into [`Bytes`] with [`Pool::freeze`]; reads as a byte slice.
///
/// It holds whatever was in it before: initialised, but not cleared.
pub(crate) struct Block {
    /// As long as a size class, on a 64-byte boundary.
    bytes: BytesMut,
    len: usize,
}

impl Pool {
    /// A pool that keeps up to `bytes_max` bytes of memory, counting blocks that are in use. What is needed beyond that is
    /// allocated and freed.
    #[must_use]
    pub const fn new(bytes_max: usize) -> Self {
        Self { classes: BTreeMap::new(), bytes: 0, bytes_max, made: 0 }
    }

    /// Memory of the blocks that the pool knows, idle or in use, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The most it keeps.
    #[must_use]
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// A block of `len` bytes, an idle one if there is one.
    pub(crate) fn take(&mut self, len: usize) -> Block {
        let class = class_of(len);
        let bytes = self.idle(class).unwrap_or_else(|| self.allocate(class));
        Block { bytes, len }
    }

    /// Makes a block immutable and remembers it, to use it again once all its readers have gone.
    pub(crate) fn freeze(&mut self, block: Block) -> Bytes {
        let Block { bytes, len } = block;
        let class = bytes.len();
        let mut bytes = bytes.freeze();
        if self.make_room(class) {
            self.bytes += cost(class);
            self.classes.entry(class).or_default().push_back(bytes.clone());
        }
        bytes.truncate(len);
        bytes
    }

    /// Lends `len` bytes for the time of a call, from the stack if they are few.
    pub(crate) fn lend<R>(&mut self, len: usize, borrow: impl FnOnce(&mut [u8], &mut Self) -> R) -> R {
        if len <= LENT_FROM_STACK {
            return borrow(&mut [0; LENT_FROM_STACK][..len], self);
        }
        let mut block = self.take(len);
        let result = borrow(&mut block, self);
        drop(self.freeze(block));
        result
    }

    /// A block of this class that nobody reads any more. Looks at a few: those handed out first come first.
    fn idle(&mut self, class: usize) -> Option<BytesMut> {
        let blocks = self.classes.get_mut(&class)?;
        for _ in 0..blocks.len().min(PROBES) {
            let block = blocks.pop_front()?;
            match block.try_into_mut() {
                Ok(block) => {
                    self.bytes -= cost(class);
                    return Some(block);
                }
                Err(block) => blocks.push_back(block),
            }
        }
        None
    }

    /// A new block of `class` bytes.
    ///
    /// Blocks of a page or more start at different offsets from it, so that those of one message do not compete for the
    /// same few sets of a cache.
    fn allocate(&mut self, class: usize) -> BytesMut {
        let shift = if class < PAGE { 0 } else { self.made % SHIFTS * SHARD_ALIGN };
        self.made = self.made.wrapping_add(1);
        let mut bytes = BytesMut::zeroed(class + shift + SHARD_ALIGN - 1);
        let start = bytes.as_ptr().align_offset(SHARD_ALIGN) + shift;
        // Splitting makes the memory shared, so that later turns into `Bytes` and back allocate nothing.
        let mut block = bytes.split_off(start);
        block.truncate(class);
        block
    }

    /// Forgets blocks of other classes until one of this class fits in. Whether it does.
    fn make_room(&mut self, class: usize) -> bool {
        if cost(class) > self.bytes_max {
            return false;
        }
        while self.bytes + cost(class) > self.bytes_max {
            let mut others = self
                .classes
                .iter_mut()
                .rev()
                .filter(|(other, blocks)| **other != class && !blocks.is_empty());
            let Some((other, blocks)) = others.next() else { return false };
            blocks.pop_front();
            self.bytes -= cost(*other);
        }
        true
    }
}

/// The length of the blocks that serve for `len` bytes: of the form 4, 5, 6 or 7 times a power of two, so that at
/// most a fifth of a block is unused.
const fn class_of(len: usize) -> usize {
    if len <= 4 * SHARD_ALIGN {
        return if len == 0 { SHARD_ALIGN } else { len.next_multiple_of(SHARD_ALIGN) };
    }
    let step = (len - 1).ilog2() - 2;
    len.next_multiple_of(1 << step)
}

/// What a block of a class takes at most: its bytes, those before it for the sake of alignment, and its handles.
const fn cost(class: usize) -> usize {
    let shift_max = if class < PAGE { 0 } else { (SHIFTS - 1) * SHARD_ALIGN };
    class + shift_max + SHARD_ALIGN + HANDLES
}

impl Default for Pool {
    /// A pool of [`POOL_BYTES`].
    fn default() -> Self {
        Self::new(POOL_BYTES)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool {{ {} of {} B }}", self.bytes, self.bytes_max)
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

/// What a pool keeps unless told otherwise, in bytes: 64 MiB.
pub const POOL_BYTES: usize = 64 << 20;

/// Up to how many bytes are lent from the stack.
const LENT_FROM_STACK: usize = 256;

/// How many blocks are looked at to find an idle one: some of those handed out first may be held the longest.
const PROBES: usize = 16;

/// Different offsets of blocks from a page: 17 has no common factor with the sizes of caches.
const SHIFTS: usize = 17;

/// The distance at which addresses compete for the same sets of a cache, in bytes.
const PAGE: usize = 4096;

/// Memory for the handle that the pool keeps of a block and for the count that all handles share, in bytes.
const HANDLES: usize = 96;

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_block_is_used_again_once_its_readers_are_gone_and_not_before() {
        let mut pool = Pool::new(1 << 20);
        let block = pool.take(1000);
        let address = block.as_ptr();
        let bytes = pool.freeze(block);
        let slice = bytes.slice(10..20);
        drop(bytes);
        assert_ne!(pool.take(1000).as_ptr(), address);
        drop(slice);
        assert_eq!(pool.take(990).as_ptr(), address);
    }

    #[test]
    fn blocks_are_aligned_and_at_different_offsets_from_a_page() {
        let mut pool = Pool::new(0);
        let blocks: Vec<Block> = (0..20).map(|_| pool.take(8192)).collect();
        assert!(blocks.iter().all(|block| block.as_ptr().addr().is_multiple_of(SHARD_ALIGN)));
        assert!(blocks.iter().all(|block| block.len() == 8192));
    }

    #[test]
    fn no_more_than_the_limit_is_kept_and_other_sizes_make_room() {
        let mut pool = Pool::new(4 * cost(1024));
        let mut readers = Vec::new();
        for len in [1024, 1024, 1024, 1024, 1024, 2048, 64, 5000] {
            let block = pool.take(len);
            readers.push(pool.freeze(block));
            assert!(pool.bytes() <= pool.bytes_max(), "{} after {len}", pool.bytes());
        }
        // The fifth of 1024 did not fit; the block of 2048 took the place of two and left for that of 64; 5000 is more
        // than fits at all.
        assert_eq!(pool.bytes(), 2 * cost(1024) + cost(64));
        assert!(readers.iter().map(Bytes::len).eq([1024, 1024, 1024, 1024, 1024, 2048, 64, 5000]));
    }

    #[test]
    fn classes_hold_what_is_asked_and_waste_at_most_a_fifth() {
        for len in (1..100_000).chain([1 << 20, (1 << 20) + 1, 1 << 30]) {
            let class = class_of(len);
            assert!(class >= len && class.is_multiple_of(SHARD_ALIGN), "{len} in {class}");
            assert!(class_of(class) == class);
            assert!(len <= 4 * SHARD_ALIGN || (class - len) * 5 <= class, "{len} in {class}");
        }
    }
}
