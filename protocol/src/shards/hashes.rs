//! What is known of the hashes of a message's canonical shards.

use braidcast_coding::{Encoder, Pool, ShardId};
use bytes::Bytes;

use crate::rpc::{HashCommitment, ShardHashes};

/// The list of hashes of one message, as far as it is known.
#[derive(Debug)]
pub(crate) struct Hashes {
    said: HashCommitment,
    list: Option<ShardHashes>,
    /// The message is complete, and its shards have other hashes than the header says.
    refuted: bool,
}

impl Hashes {
    /// What a header says, and the list if it is there.
    pub(crate) const fn new(said: HashCommitment, list: Option<ShardHashes>) -> Self {
        Self { said, list, refuted: false }
    }

    /// Takes a list that a neighbour sent. Whether it is the one that the header means.
    pub(crate) fn learn(&mut self, list: &ShardHashes) -> bool {
        if let Some(held) = &self.list {
            return held == list;
        }
        let right = list.commitment() == self.said;
        if right {
            // The frame's buffer holds shards as well and must not live as long as the list.
            self.list = ShardHashes::new(Bytes::copy_from_slice(list.as_bytes()));
        }
        right
    }

    /// Makes the list of the message itself, if nobody sent it.
    pub(crate) fn complete(&mut self, encoder: &Encoder, pool: &mut Pool) {
        if self.list.is_none() && !self.refuted {
            let list = shard_hashes(encoder, self.said.n, pool);
            self.refuted = list.commitment() != self.said;
            self.list = Some(list).filter(|_| !self.refuted);
        }
    }

    pub(crate) const fn list(&self) -> Option<&ShardHashes> {
        self.list.as_ref()
    }

    /// Whether `body` is canonical shard `index`; `None` if that cannot be told without the list.
    pub(crate) fn matches(&self, index: u16, body: &[u8]) -> Option<bool> {
        match &self.list {
            _ if index >= self.said.n => Some(false),
            Some(list) => Some(list.matches(index, body)),
            None if index == 0 => Some(*blake3::hash(body).as_bytes() == self.said.first),
            None => None,
        }
    }
}

/// The hashes of a message's first `n` canonical shards.
pub(crate) fn shard_hashes(encoder: &Encoder, n: u16, pool: &mut Pool) -> ShardHashes {
    let ids: alloc::vec::Vec<ShardId> = (0..n).map(ShardId::Canonical).collect();
    let bodies = encoder.encode(&ids, pool).expect("n is at most 255, so every index names a shard");
    ShardHashes::of(&bodies)
}

#[cfg(test)]
mod tests {
    use braidcast_coding::Params;

    use super::*;

    fn encoder(byte: u8) -> Encoder {
        let data = Bytes::from(alloc::vec![byte; 300]);
        Encoder::new(data, Params::for_message(300, 3).unwrap()).unwrap()
    }

    fn list(byte: u8) -> ShardHashes {
        shard_hashes(&encoder(byte), 5, &mut Pool::default())
    }

    fn shard(index: u16) -> Bytes {
        encoder(1).canonical(index, &mut Pool::default()).unwrap()
    }

    #[test]
    fn without_the_list_only_the_first_shard_can_be_checked() {
        let hashes = Hashes::new(list(1).commitment(), None);
        assert_eq!([0, 1].map(|index| hashes.matches(index, &shard(index))), [Some(true), None]);
        assert_eq!(hashes.matches(0, &shard(4)), Some(false));
        assert_eq!(hashes.matches(5, &shard(4)), Some(false), "the header says that there are 5");
    }

    #[test]
    fn a_list_is_taken_if_the_header_means_it() {
        let mut hashes = Hashes::new(list(1).commitment(), None);
        assert!(!hashes.learn(&list(2)) && hashes.list().is_none());
        assert!(hashes.learn(&list(1)) && hashes.learn(&list(1)) && !hashes.learn(&list(2)));
        assert_eq!([1, 4].map(|index| hashes.matches(index, &shard(index))), [Some(true); 2]);
        assert_eq!(hashes.matches(1, &shard(4)), Some(false));
    }

    #[test]
    fn a_complete_message_gives_the_list_unless_its_publisher_lied() {
        let mut honest = Hashes::new(list(1).commitment(), None);
        honest.complete(&encoder(1), &mut Pool::default());
        assert_eq!(honest.list(), Some(&list(1)));
        let mut lied = Hashes::new(list(2).commitment(), None);
        lied.complete(&encoder(1), &mut Pool::default());
        assert_eq!((lied.list(), lied.matches(1, &shard(1))), (None, None));
    }
}
