//! T6 to T8 and T14: from shards to messages.

pub(super) mod partial;
pub(super) mod whole;

use braidcast_coding::{Decoder, Pool, Shard, Strategy};
use bytes::Bytes;

use super::data::Source;
use crate::meter::Subject;

/// A decoder and the shards it is still to be offered.
struct Task {
    decoder: Decoder,
    shards: Vec<Shard>,
}

impl Task {
    fn new(source: &Source, strategy: Strategy, shards: &[Shard]) -> Self {
        Self { decoder: Decoder::with_strategy(source.params, strategy), shards: shards.to_vec() }
    }

    /// Offers so many of the shards.
    fn offer(&mut self, count: usize, pool: &mut Pool) {
        for shard in self.shards.drain(..count) {
            self.decoder.offer(shard, pool).expect("the shards are valid");
        }
    }

    /// Offers the rest and gives the message.
    fn finish(&mut self, pool: &mut Pool) -> Bytes {
        self.offer(self.shards.len(), pool);
        self.decoder.finish(pool).expect("the shards are k and independent")
    }
}

/// Decodes the whole message, from a new decoder on, and does something with it.
pub(super) fn decoding<'a, R>(
    source: &'a Source,
    strategy: Strategy,
    shards: &'a [Shard],
    mut then: impl FnMut(Bytes) -> R + 'a,
) -> Subject<'a> {
    let mut pool = Pool::default();
    let decode = move |shards: &mut Vec<Shard>| {
        let decoder = Decoder::with_strategy(source.params, strategy);
        then(Task { decoder, shards: std::mem::take(shards) }.finish(&mut pool))
    };
    Subject::prepared(|| shards.to_vec(), decode)
}
