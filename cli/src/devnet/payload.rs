//! Payloads that can be checked byte by byte: all follow from the seed and the message's index.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::options::INDEX_BYTES;

/// The payload of message `index`; at least [`INDEX_BYTES`] long.
pub(crate) fn make(seed: u64, index: usize, bytes: usize) -> Vec<u8> {
    let mut payload = vec![0; bytes.max(INDEX_BYTES)];
    let (front, rest) = payload.split_at_mut(INDEX_BYTES);
    front.copy_from_slice(&(index as u64).to_be_bytes());
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(index as u64);
    random.fill_bytes(rest);
    payload
}

/// Which message a received payload claims to be.
pub(crate) fn index(payload: &[u8]) -> Option<usize> {
    let front = payload.first_chunk::<INDEX_BYTES>()?;
    usize::try_from(u64::from_be_bytes(*front)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_differ_by_seed_and_index_and_repeat() {
        let payload = make(1, 2, 100);
        assert_eq!((payload.len(), index(&payload)), (100, Some(2)));
        assert_eq!(payload, make(1, 2, 100));
        assert_ne!(payload, make(2, 2, 100));
        assert_ne!(payload[8..], make(1, 3, 100)[8..]);
        assert_eq!(index(b"short"), None);
    }
}
