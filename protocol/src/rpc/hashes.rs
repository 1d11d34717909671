//! The hashes by which canonical shards are checked.

use alloc::vec::Vec;

use bytes::Bytes;

/// BLAKE3 of the canonical shards 0..n of one message, 32 bytes each.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct ShardHashes(Bytes);

/// What a header says of that list, so that the list itself need go only where canonical shards go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct HashCommitment {
    /// *n*: how many canonical shards can be checked.
    pub n: u16,
    /// BLAKE3 of the list.
    pub list: [u8; 32],
    /// BLAKE3 of canonical shard 0: who has no canonical shard can try by it whose dense ones are wrong.
    pub first: [u8; 32],
}

impl ShardHashes {
    /// A list as it came; `None` if it has not 32 bytes for each of 1 to 255 shards.
    pub fn new(list: Bytes) -> Option<Self> {
        let n = list.len() / HASH_BYTES;
        (list.len().is_multiple_of(HASH_BYTES) && (1..=SHARDS_MAX).contains(&n)).then_some(Self(list))
    }

    /// The hashes of these shards, of which there are 1 to 255.
    pub fn of<'a>(shards: impl IntoIterator<Item = &'a Bytes>) -> Self {
        let list: Vec<u8> = shards.into_iter().flat_map(|shard| *blake3::hash(shard).as_bytes()).collect();
        Self(list.into())
    }

    /// The list, 32 bytes for each shard.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// What a header says of it.
    pub fn commitment(&self) -> HashCommitment {
        let mut first = [0; HASH_BYTES];
        first.copy_from_slice(&self.0[..HASH_BYTES]);
        let list = *blake3::hash(&self.0).as_bytes();
        HashCommitment { n: (self.0.len() / HASH_BYTES) as u16, list, first }
    }

    /// Whether `shard` is canonical shard `index`. One that is not listed never is.
    pub fn matches(&self, index: u16, shard: &[u8]) -> bool {
        let start = usize::from(index) * HASH_BYTES;
        self.0.get(start..start + HASH_BYTES).is_some_and(|hash| blake3::hash(shard).as_bytes() == hash)
    }
}

const HASH_BYTES: usize = 32;

/// The canonical shards that there are.
const SHARDS_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_checks_its_shards_and_no_others() {
        let shards = [Bytes::from_static(b"a"), Bytes::from_static(b"b")];
        let hashes = ShardHashes::of(&shards);
        assert!(hashes.matches(0, b"a") && hashes.matches(1, b"b"));
        assert!(!hashes.matches(1, b"a") && !hashes.matches(2, b"a"));
        let said = hashes.commitment();
        assert_eq!((said.n, said.first), (2, *blake3::hash(b"a").as_bytes()));
        assert_ne!(said, ShardHashes::of(&shards[..1]).commitment());
    }

    #[test]
    fn lists_have_whole_hashes_of_1_to_255_shards() {
        let is_list = |bytes: usize| ShardHashes::new(Bytes::from(alloc::vec![0; bytes])).is_some();
        assert_eq!(
            [0, 31, 32, 33, 255 * 32, 256 * 32].map(is_list),
            [false, false, true, false, true, false]
        );
    }
}
