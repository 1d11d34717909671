//! Both strategies of decoding give the same answers at every step, whatever the order of events.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::Strategy::{Batched, Lazy};
use braidcast_coding::{Decoder, Encoder, FinishError, Offer, Params, Pool, Shard, ShardId, Strategy, Tag};
use common::{below, canonical, encoder, observe, polluted, rng, shuffle};
use proptest::prelude::{Just, ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use rand_chacha::ChaCha8Rng;

/// A decoder of each strategy, treated alike.
struct Pair {
    lazy: Decoder,
    batched: Decoder,
    pool: Pool,
}

impl Pair {
    fn new(params: Params) -> Self {
        let with = |strategy| Decoder::with_strategy(params, strategy);
        Self { lazy: with(Lazy), batched: with(Batched), pool: Pool::default() }
    }

    fn offer(&mut self, shard: &Shard) -> Offer {
        let outcome = self.lazy.offer(shard.clone(), &mut self.pool).unwrap();
        assert_eq!(self.batched.offer(shard.clone(), &mut self.pool), Ok(outcome));
        outcome
    }

    fn remove(&mut self, tag: u32) -> usize {
        let is_it = |shard: &Shard| shard.tag == Tag::new(tag);
        let removed = self.lazy.remove_where(is_it, &mut self.pool);
        assert_eq!(self.batched.remove_where(is_it, &mut self.pool), removed);
        removed
    }

    fn finish(&mut self) -> Result<bytes::Bytes, FinishError> {
        let message = self.lazy.finish(&mut self.pool);
        assert_eq!(self.batched.finish(&mut self.pool), message);
        message
    }

    /// Goes on with clones: they have to compute anew what the originals had.
    fn replace_by_clones(&mut self) {
        (self.lazy, self.batched) = (self.lazy.clone(), self.batched.clone());
    }

    /// Offers random shards of the source until the message is complete.
    fn complete(&mut self, encoder: &Encoder, rng: &mut ChaCha8Rng) {
        while !self.lazy.is_complete() {
            for coded in encoder.coded(1, rng, &mut Pool::default()) {
                self.offer(&coded.into_shard(Tag::new(HONEST)));
            }
        }
    }
}

/// All source shards, a third of them named by their coefficients, as many repair shards and as many random ones, by
/// three honest senders.
fn shards_of(encoder: &Encoder, rng: &mut ChaCha8Rng) -> Vec<Shard> {
    let k = encoder.params().k() as u16;
    let indices = (0..k).chain((k..256).take(usize::from(k)));
    let mut shards: Vec<Shard> =
        indices.map(|index| canonical(encoder, index, u32::from(index % 3))).collect();
    for shard in shards.iter_mut().step_by(3) {
        shard.id = ShardId::Dense(shard.id.coefficients(encoder.params()).unwrap());
    }
    let coded = encoder.coded(usize::from(k), rng, &mut Pool::default()).into_iter().enumerate();
    shards.extend(coded.map(|(n, coded)| coded.into_shard(Tag::new(n as u32 % 3))));
    shards
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn polluted_shards_can_be_removed_at_any_time_and_the_message_completed(
        k in prop_oneof![1_usize..=20, 15_usize..=70, Just(255)], len in 0_usize..20_000, seed in any::<u64>(),
    ) {
        let mut rng = rng(seed);
        let encoder = encoder(len, k);
        let mut pair = Pair::new(encoder.params());
        let mut shards = shards_of(&encoder, &mut rng);
        shuffle(&mut shards, &mut rng);
        let removal = below(shards.len(), &mut rng);
        for (n, mut shard) in shards.into_iter().enumerate() {
            if below(8, &mut rng) == 0 {
                shard = polluted(Shard { tag: Tag::new(POLLUTER), ..shard });
            }
            pair.offer(&shard);
            if n == removal {
                // Also of a decoder that has finished before, with whatever came out.
                let _unchecked = pair.finish();
                pair.remove(POLLUTER);
                pair.remove(1);
            }
            if below(k, &mut rng) == 0 {
                pair.replace_by_clones();
            }
        }
        pair.remove(POLLUTER);
        prop_assert_eq!(observe(&pair.lazy), observe(&pair.batched));
        pair.complete(&encoder, &mut rng);
        prop_assert_eq!(&pair.finish().unwrap(), encoder.message());
        prop_assert_eq!(&pair.finish().unwrap(), encoder.message(), "a second time");
        pair.replace_by_clones();
        prop_assert_eq!(&pair.finish().unwrap(), encoder.message(), "a clone");
    }

    #[test]
    fn source_shards_that_come_after_dense_ones_took_their_place_count_all_the_same(
        k in prop_oneof![2_usize..=40, Just(255)], dense in 1_usize..40, seed in any::<u64>(),
    ) {
        let mut rng = rng(seed);
        let encoder = encoder(k * 64 - 3, k);
        let mut pair = Pair::new(encoder.params());
        // The first dense shards take the first columns for their pivots.
        for coded in encoder.coded(dense.min(k - 1), &mut rng, &mut Pool::default()) {
            pair.offer(&coded.into_shard(Tag::new(HONEST)));
        }
        for index in 0..k as u16 {
            pair.offer(&canonical(&encoder, index, HONEST));
            let held = pair.lazy.systematic(usize::from(index));
            prop_assert!(held.is_none_or(|payload| *payload == encoder.systematic(usize::from(index))));
        }
        prop_assert!(pair.lazy.is_complete(), "all source shards were offered");
        prop_assert_eq!(&pair.finish().unwrap(), encoder.message());
    }

    #[test]
    fn relays_of_either_strategy_recode_for_a_sink_of_the_other(
        k in 1_usize..=70, len in 0_usize..10_000, lazy_first in any::<bool>(), seed in any::<u64>(),
    ) {
        let (mut rng, mut pool) = (rng(seed), Pool::default());
        let encoder = encoder(len, k);
        let order = if lazy_first { [Lazy, Batched, Lazy, Batched] } else { [Batched, Lazy, Batched, Lazy] };
        let mut nodes = order.map(|strategy| Decoder::with_strategy(encoder.params(), strategy));
        let mut source = shards_of(&encoder, &mut rng);
        shuffle(&mut source, &mut rng);
        for shard in source {
            nodes[0].offer(shard, &mut pool).unwrap();
            relay(&mut nodes, &mut rng, &mut pool);
        }
        for _ in 0..10 * k.max(4) {
            relay(&mut nodes, &mut rng, &mut pool);
        }
        for node in &mut nodes {
            prop_assert_eq!(&node.finish(&mut pool).unwrap(), encoder.message());
        }
    }
}

/// Every node sends a recoded shard to the next; each third is lost, and some come twice.
fn relay(nodes: &mut [Decoder], rng: &mut ChaCha8Rng, pool: &mut Pool) {
    for hop in 1..nodes.len() {
        let Some(recoder) = nodes[hop - 1].recoder(|_| true) else { return };
        let batch = recoder.recode(1, rng, pool);
        for shard in batch.into_iter().map(|coded| coded.into_shard(Tag::new(HONEST))) {
            for _ in 0..below(3, rng) {
                nodes[hop].offer(shard.clone(), pool).unwrap();
            }
        }
    }
}

#[test]
fn every_k_is_decoded_in_batches_after_a_removal() {
    for k in 1..=255_usize {
        let mut rng = rng(k as u64);
        let encoder = encoder(k * 64, k);
        let mut pair = Pair::new(encoder.params());
        let bad = canonical(&encoder, (k / 2) as u16, POLLUTER);
        for coded in encoder.coded(k / 2, &mut rng, &mut Pool::default()) {
            pair.offer(&coded.into_shard(Tag::new(HONEST)));
        }
        pair.offer(&polluted(bad));
        pair.complete(&encoder, &mut rng);
        assert_ne!(pair.finish().as_ref(), Ok(encoder.message()), "k = {k}");
        assert_eq!(pair.remove(POLLUTER), 1);
        pair.complete(&encoder, &mut rng);
        assert_eq!(pair.finish().as_ref(), Ok(encoder.message()), "k = {k}");
    }
}

#[test]
fn large_messages_are_decoded_in_batches_and_small_ones_at_the_end() {
    let strategy = |len, k| Strategy::for_params(Params::for_message(len, k).unwrap());
    assert_eq!(strategy(0, 255), Lazy);
    assert_eq!(strategy(32 << 10, 255), Lazy);
    assert_eq!(strategy(1 << 20, 4), Lazy);
    assert_eq!(strategy(1 << 20, 128), Batched);
}

const HONEST: u32 = 0;
const POLLUTER: u32 = 9;
