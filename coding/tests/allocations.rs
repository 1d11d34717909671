//! In steady state coding takes its memory from the pool: the heap is asked for next to nothing.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::counting::{CountingAllocator, allocations};
use braidcast_coding::{Decoder, Encoder, Params, Pool, Rank, Shard, ShardId, Strategy, Tag};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What one message asks of the heap.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    /// Each the most of any one call.
    coded: usize,
    innovative: usize,
    recode: usize,
    /// Of any shard but the first: a decoder takes its matrix with that.
    offer: usize,
    /// From `Decoder::new` to the end of the decoder.
    message: usize,
}

/// Every third source shard, the rest coded at random by the source and by the decoder's own recoder.
fn decode(encoder: &Encoder, strategy: Strategy, pool: &mut Pool, rng: &mut ChaCha8Rng) -> Counts {
    let params = encoder.params();
    let mut counts = Counts::default();
    let mut rank = Rank::new(params);
    let (new, mut decoder) = allocations(|| Decoder::with_strategy(params, strategy));
    counts.message += new;
    let mut shards: Vec<Shard> = (0..params.k())
        .step_by(3)
        .map(|index| {
            let id = ShardId::Canonical(index as u16);
            Shard { id, payload: encoder.systematic(index), tag: Tag::default() }
        })
        .collect();
    while !decoder.is_complete() {
        if shards.is_empty() {
            let (coded, batch) = allocations(|| encoder.coded(3, rng, pool));
            counts.coded = counts.coded.max(coded);
            shards.extend(batch.into_iter().map(|coded| coded.into_shard(Tag::default())));
        }
        let shard = shards.pop().unwrap();
        let coefficients = shard.id.coefficients(params).unwrap();
        let (innovative, helps) = allocations(|| rank.is_innovative(&coefficients).unwrap());
        counts.innovative = counts.innovative.max(innovative);
        if !helps {
            // A redundant shard would be kept as a spare, and the first spare takes memory for them all.
            continue;
        }
        rank.offer(&coefficients).unwrap();
        let (offer, _) = allocations(|| decoder.offer(shard, pool).unwrap());
        counts.message += offer;
        if decoder.rank() > 1 {
            counts.offer = counts.offer.max(offer);
        }
        let recoder = decoder.recoder(|_| true).unwrap();
        let (recode, batch) = allocations(|| recoder.recode(3, rng, pool));
        counts.recode = counts.recode.max(recode);
        drop(batch);
    }
    let (finish, message) = allocations(|| {
        let message = decoder.finish(pool).unwrap();
        drop(decoder);
        message
    });
    counts.message += finish;
    assert_eq!(message, encoder.message());
    counts
}

#[test]
fn with_a_warm_pool_shards_cost_no_allocation_and_messages_two() {
    for k in [4, 16, 32, 33, 64, 128] {
        for strategy in [Strategy::Lazy, Strategy::Batched] {
            let (mut pool, mut rng) = (Pool::default(), common::rng(3));
            let params = Params::for_message(50_000, k).unwrap();
            let mut next = |seed| {
                let message: Bytes = common::message(50_000, seed);
                decode(&Encoder::new(message, params).unwrap(), strategy, &mut pool, &mut rng)
            };
            for seed in 0..WARM_UP {
                next(seed);
            }
            for seed in WARM_UP..WARM_UP + 5 {
                let counts = next(seed);
                assert!(counts.message <= 2, "k = {k}, {strategy:?}: {counts:?}");
                assert_eq!(
                    counts,
                    Counts { message: counts.message, ..Counts::default() },
                    "k = {k}, {strategy:?}"
                );
            }
        }
    }
}

/// Messages until a pool has all it needs: it looks at a few blocks only before it makes a new one, so it ends up with
/// some more than are in use at once.
const WARM_UP: u64 = 20;
