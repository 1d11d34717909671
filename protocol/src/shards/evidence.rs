//! What is kept of dense shards that nobody could check, until the message is verified and each can be.
//!
//! Coefficients and a hash are enough: once the message is there, the shard that its sender should have sent is made
//! anew and compared. So those who sent wrong ones are known exactly, and nobody else is blamed.

use alloc::vec::Vec;

use braidcast_coding::{Encoder, Pool, Shard as HeldShard, ShardId};
use smallvec::SmallVec;

use super::hashes::shard_hashes;
use crate::LinkId;
use crate::rpc::Header;

/// A dense shard that was thrown away or not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Kept {
    link: LinkId,
    id: ShardId,
    hash: [u8; 16],
    /// Its sender said that it is right.
    vouched: bool,
}

/// A neighbour that sent a wrong shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Culprit {
    pub(crate) link: LinkId,
    /// It had said that the shard is right, so it lied; else it may have been deceived itself.
    pub(crate) vouched: bool,
}

impl Kept {
    pub(crate) fn new(link: LinkId, id: ShardId, body: &[u8], vouched: bool) -> Self {
        Self { link, id, hash: short_hash(body), vouched }
    }

    pub(crate) fn of(shard: &HeldShard, vouched: bool) -> Self {
        Self::new(LinkId::new(shard.tag.value()), shard.id.clone(), &shard.payload, vouched)
    }
}

/// Who sent shards that are not what the message makes of their coefficients: each neighbour once, as a liar if it
/// vouched for any of them.
pub(crate) fn culprits(evidence: &[Kept], encoder: &Encoder, pool: &mut Pool) -> SmallVec<[Culprit; 4]> {
    let mut culprits: SmallVec<[Culprit; 4]> = SmallVec::new();
    for batch in evidence.chunks(BATCH) {
        let ids: Vec<ShardId> = batch.iter().map(|kept| kept.id.clone()).collect();
        let truth = encoder.encode(&ids, pool).expect("ids were checked when their shards came");
        let wrong = batch.iter().zip(truth).filter(|(kept, body)| short_hash(body) != kept.hash);
        for (Kept { link, vouched, .. }, _) in wrong {
            match culprits.iter_mut().find(|culprit| culprit.link == *link) {
                Some(culprit) => culprit.vouched |= vouched,
                None => culprits.push(Culprit { link: *link, vouched: *vouched }),
            }
        }
    }
    culprits
}

/// Whether the hashes that a header means are those of its message. If not, its publisher made honest relays send what looks
/// wrong.
pub(crate) fn is_consistent(header: &Header, encoder: &Encoder, pool: &mut Pool) -> bool {
    shard_hashes(encoder, header.hashed_shards(), pool).commitment() == header.hashes
}

fn short_hash(body: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(body).as_bytes()[..16]);
    short
}

/// Shards that are made anew in one pass over the message.
const BATCH: usize = 16;
