//! Memory of long frames, to be used again.
//!
//! Fresh memory costs a page fault every 4 KiB, which is as much as copying a frame into it. Duplicates are dropped as
//! soon as they are known for what they are, so most of the time there is something to use again.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Buffers of frames that nobody holds any more, of one node. Clones are the same pool.
#[derive(Clone, Default)]
pub(crate) struct FramePool(Arc<Mutex<Free>>);

#[derive(Default)]
struct Free {
    buffers: Vec<Vec<u8>>,
    /// The sum of their capacities, at most [`POOL_BYTES_MAX`].
    bytes: usize,
}

impl FramePool {
    /// A buffer of this length, with anything in it.
    pub(crate) fn take(&self, length: usize) -> Vec<u8> {
        let mut buffer = self.find(length).unwrap_or_default();
        if buffer.is_empty() {
            return vec![0; length];
        }
        buffer.resize(length, 0);
        buffer
    }

    /// The frame that a buffer has become. Short ones are not worth coming back.
    pub(crate) fn freeze(&self, buffer: Vec<u8>) -> Bytes {
        match buffer.len() {
            ..POOLED_BYTES_MIN => Bytes::from(buffer),
            _ => Bytes::from_owner(Pooled { buffer, pool: self.clone() }),
        }
    }

    /// A buffer in which a frame of this length fits without much left over.
    fn find(&self, length: usize) -> Option<Vec<u8>> {
        if length < POOLED_BYTES_MIN {
            return None;
        }
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<u8>| (length..=length.saturating_mul(2)).contains(&buffer.capacity());
        let at = free.buffers.iter().position(fits)?;
        let buffer = free.buffers.swap_remove(at);
        free.bytes -= buffer.capacity();
        Some(buffer)
    }

    fn give_back(&self, buffer: Vec<u8>) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.bytes + buffer.capacity() <= POOL_BYTES_MAX {
            free.bytes += buffer.capacity();
            free.buffers.push(buffer);
        }
    }
}

/// A frame whose memory goes back to its pool.
struct Pooled {
    buffer: Vec<u8>,
    pool: FramePool,
}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.buffer));
    }
}

/// Frames from this length on come from the pool.
const POOLED_BYTES_MIN: usize = 64 << 10;

/// Bytes that a node keeps for frames to come.
const POOL_BYTES_MAX: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_frame_takes_the_memory_of_one_that_was_dropped() {
        let pool = FramePool::default();
        let first = pool.freeze(vec![7; POOLED_BYTES_MIN + 100]);
        let address = first.as_ptr();
        assert!(pool.find(POOLED_BYTES_MIN).is_none(), "it is in use");
        let slice = first.slice(10..20);
        drop(first);
        assert!(pool.find(POOLED_BYTES_MIN).is_none(), "a part of it is in use");
        drop(slice);
        let again = pool.take(POOLED_BYTES_MIN + 1);
        assert_eq!((again.as_ptr(), again.len()), (address, POOLED_BYTES_MIN + 1));
    }

    #[test]
    fn neither_short_frames_nor_far_longer_ones_are_mixed_with_them() {
        let pool = FramePool::default();
        drop(pool.freeze(vec![7; POOLED_BYTES_MIN - 1]));
        assert!(pool.find(POOLED_BYTES_MIN - 1).is_none());
        drop(pool.freeze(vec![7; POOLED_BYTES_MIN * 3]));
        assert!(pool.find(POOLED_BYTES_MIN).is_none(), "most of it would lie idle");
        assert!(pool.find(POOLED_BYTES_MIN * 4).is_none(), "too short");
    }

    #[test]
    fn it_keeps_no_more_than_its_bound() {
        let pool = FramePool::default();
        let frames: Vec<_> = (0..20).map(|_| pool.freeze(vec![0; 1 << 20])).collect();
        drop(frames);
        let free = pool.0.lock().unwrap();
        assert_eq!((free.buffers.len(), free.bytes), (8, POOL_BYTES_MAX));
    }
}
