//! Decoding inverts encoding, whatever happens to the shards on the way short of losing too many.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::Strategy::{Batched, Lazy};
use braidcast_coding::{Decoder, Encoder, Offer, Params, Pool, Rank, Shard, ShardId, Tag};
use bytes::Bytes;
use common::{below, canonical, encoder, message, rng};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;

const TAG: Tag = Tag::new(1);

/// Message lengths around the boundaries of shards, and arbitrary ones.
fn any_message_len() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), Just(1), Just(63), Just(64), Just(65), Just(4096), 0_usize..2000, 0_usize..40_000]
}

fn any_strategy() -> impl Strategy<Value = braidcast_coding::Strategy> {
    prop_oneof![Just(Lazy), Just(Batched)]
}

fn any_k() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1_usize..=8, 3 => 1_usize..=40, 1 => 1_usize..=255]
}

/// Fisher-Yates: the network reorders.
fn shuffle<T>(items: &mut [T], rng: &mut ChaCha8Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(i + 1, rng));
    }
}

/// A mix of systematic, canonical and random shards, some lost, some doubled, in any order.
fn through_a_bad_network(encoder: &Encoder, rng: &mut ChaCha8Rng) -> Vec<Shard> {
    let mut pool = Pool::default();
    let k = encoder.params().k();
    let mut shards: Vec<Shard> = (0..k as u16).map(|index| canonical(encoder, index, 1)).collect();
    shards.extend((k as u16..256).take(k / 2).map(|index| canonical(encoder, index, 1)));
    shards.extend(encoder.coded(k / 2, rng, &mut pool).into_iter().map(|shard| shard.into_shard(TAG)));
    shards.retain(|_| below(3, rng) > 0);
    for _ in 0..shards.len() / 3 {
        let again = shards[below(shards.len(), rng)].clone();
        shards.push(again);
    }
    shuffle(&mut shards, rng);
    shards
}

/// Offers all, comparing every outcome with a separate rank over coefficients alone.
fn offer_all(decoder: &mut Decoder, shards: impl IntoIterator<Item = Shard>) {
    let mut pool = Pool::default();
    let mut rank = Rank::new(decoder.params());
    for shard in decoder.shards() {
        rank.offer(&shard.id.coefficients(decoder.params()).unwrap()).unwrap();
    }
    for shard in shards {
        let coefficients = shard.id.coefficients(decoder.params()).unwrap();
        let helps = decoder.is_innovative(&shard.id).unwrap();
        let outcome = decoder.offer(shard, &mut pool).unwrap();
        assert_eq!(rank.offer(&coefficients), Ok(outcome));
        assert_eq!(helps, outcome == Offer::Innovative { rank: decoder.rank() });
        assert_eq!(rank.rank(), decoder.rank());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_set_of_shards_of_full_rank_gives_the_message(
        len in any_message_len(), k in any_k(), strategy in any_strategy(), seed in any::<u64>(),
    ) {
        let mut pool = Pool::default();
        let mut rng = rng(seed);
        let encoder = encoder(len, k);
        let mut decoder = Decoder::with_strategy(encoder.params(), strategy);
        offer_all(&mut decoder, through_a_bad_network(&encoder, &mut rng));
        while !decoder.is_complete() {
            prop_assert!(decoder.finish(&mut pool).is_err());
            offer_all(&mut decoder, encoder.coded(1, &mut rng, &mut pool).into_iter().map(|s| s.into_shard(TAG)));
        }
        let mut again = decoder.clone();
        prop_assert_eq!(&decoder.finish(&mut pool).unwrap(), encoder.message());
        prop_assert_eq!(&decoder.finish(&mut pool).unwrap(), encoder.message(), "a second time");
        prop_assert_eq!(&again.finish(&mut pool).unwrap(), encoder.message(), "a clone");
        for index in 0..k {
            prop_assert_eq!(decoder.source_row(index, &mut pool).unwrap(), encoder.systematic(index));
        }
    }

    #[test]
    fn a_chain_of_relays_that_recode_gives_the_message(
        len in any_message_len(), k in 1_usize..=40, hops in 1_usize..=5, seed in any::<u64>(),
    ) {
        let mut pool = Pool::default();
        let mut rng = rng(seed);
        let encoder = encoder(len, k);
        let mut nodes = vec![Decoder::new(encoder.params()); hops + 1];
        // Each round one shard goes from every node to the next, so relays recode at every rank from one.
        for _ in 0..10 * (k + hops) {
            let first = encoder.coded(1, &mut rng, &mut pool).into_iter().next().unwrap();
            nodes[0].offer(first.into_shard(TAG), &mut pool).unwrap();
            for hop in 0..hops {
                let Some(recoder) = nodes[hop].recoder(|_| true) else { continue };
                let shards = recoder.recode(1, &mut rng, &mut pool);
                let lost = below(4, &mut rng) == 0;
                offer_all(&mut nodes[hop + 1], shards.into_iter().filter(|_| !lost).map(|s| s.into_shard(TAG)));
                prop_assert!(nodes[hop + 1].rank() <= nodes[hop].rank(), "a relay cannot create rank");
            }
        }
        for node in &mut nodes {
            prop_assert_eq!(&node.finish(&mut pool).unwrap(), encoder.message());
        }
    }
}

#[test]
fn every_k_round_trips_with_half_of_the_source_shards_lost() {
    let mut pool = Pool::default();
    for k in 1..=255_u16 {
        let encoder = encoder(3 * usize::from(k) + 1, usize::from(k));
        let mut decoder = Decoder::new(encoder.params());
        offer_all(&mut decoder, (0..k).step_by(2).map(|index| canonical(&encoder, index, 1)));
        let mut rng = rng(u64::from(k));
        while !decoder.is_complete() {
            let missing = usize::from(k) - decoder.rank();
            offer_all(
                &mut decoder,
                encoder.coded(missing, &mut rng, &mut pool).into_iter().map(|s| s.into_shard(TAG)),
            );
        }
        assert_eq!(decoder.finish(&mut pool).unwrap(), encoder.message(), "k = {k}");
    }
}

#[test]
fn source_shards_are_slices_of_the_message() {
    let encoder = encoder(1000, 4);
    let within = |row: &Bytes| encoder.message().as_ptr_range().contains(&row.as_ptr());
    assert!((0..3).all(|index| within(&encoder.systematic(index))));
    let last = encoder.systematic(3);
    assert_eq!(last[..1000 - 768], encoder.message()[768..]);
    assert!(last[1000 - 768..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_message_shorter_than_its_shards_leaves_the_last_ones_zero() {
    let encoder = encoder(65, 4);
    assert!(encoder.systematic(2).iter().all(|byte| *byte == 0));
    assert_eq!(encoder.systematic(3).len(), 64);
}

#[test]
fn encode_gives_the_payload_of_every_kind_of_shard_in_order() {
    let mut pool = Pool::default();
    let encoder = encoder(5000, 7);
    let coded = encoder.coded(3, &mut rng(3), &mut pool);
    let mut ids: Vec<ShardId> = [9, 0, 255, 6].map(ShardId::Canonical).to_vec();
    let mut expected: Vec<Bytes> =
        [9, 0, 255, 6].map(|index| encoder.canonical(index, &mut pool).unwrap()).to_vec();
    for (position, shard) in coded.into_iter().enumerate() {
        ids.insert(2 * position, ShardId::Dense(shard.coefficients));
        expected.insert(2 * position, shard.payload);
    }
    assert_eq!(encoder.encode(&ids, &mut pool).unwrap(), expected);
    assert_eq!(encoder.encode(&[], &mut pool).unwrap(), Vec::<Bytes>::new());
}

#[test]
fn a_recoded_shard_is_what_the_source_would_have_made_with_its_coefficients() {
    let mut pool = Pool::default();
    let encoder = encoder(3000, 9);
    let mut decoder = Decoder::new(encoder.params());
    offer_all(&mut decoder, [3, 200, 7].map(|index| canonical(&encoder, index, 1)));
    let recoder = decoder.recoder(|_| true).unwrap();
    assert_eq!(recoder.rank(), 3);
    for shard in recoder.recode(5, &mut rng(9), &mut pool) {
        let id = ShardId::Dense(shard.coefficients);
        assert_eq!(encoder.encode(&[id], &mut pool).unwrap(), [shard.payload]);
    }
}

#[test]
fn a_recoder_uses_only_the_shards_it_was_told_to() {
    let mut pool = Pool::default();
    let encoder = encoder(500, 5);
    let mut decoder = Decoder::new(encoder.params());
    offer_all(&mut decoder, (0..4).map(|index| canonical(&encoder, index, u32::from(index))));
    let recoder = decoder.recoder(|shard| shard.tag.value() % 2 == 1).unwrap();
    for shard in recoder.recode(20, &mut rng(1), &mut pool) {
        assert_eq!([0, 2, 4].map(|index| shard.coefficients[index]), [0; 3]);
    }
    assert!(decoder.recoder(|_| false).is_none());
    assert!(Decoder::new(encoder.params()).recoder(|_| true).is_none());
}

#[test]
fn source_shards_received_can_be_forwarded_as_they_are() {
    let encoder = encoder(500, 5);
    let mut decoder = Decoder::new(encoder.params());
    offer_all(&mut decoder, [2, 77, 4].map(|index| canonical(&encoder, index, 1)));
    let held: Vec<usize> = (0..5).filter(|index| decoder.systematic(*index).is_some()).collect();
    assert_eq!(held, [2, 4]);
    assert_eq!(decoder.systematic(2).unwrap().as_ptr(), encoder.systematic(2).as_ptr(), "no copy anywhere");
    assert_eq!(decoder.systematic(77), None);
}

#[test]
fn the_same_seed_gives_the_same_shards() {
    let mut pool = Pool::default();
    let encoder = encoder(5000, 40);
    assert_eq!(encoder.coded(4, &mut rng(5), &mut pool), encoder.coded(4, &mut rng(5), &mut pool));
    assert_ne!(encoder.coded(4, &mut rng(5), &mut pool), encoder.coded(4, &mut rng(6), &mut pool));
}

#[test]
fn decoding_a_message_whose_source_was_decoded_gives_the_same_canonical_shards() {
    let mut pool = Pool::default();
    let original = encoder(999, 6);
    let mut decoder = Decoder::new(original.params());
    offer_all(&mut decoder, (100..106).map(|index| canonical(&original, index, 1)));
    let second = Encoder::new(decoder.finish(&mut pool).unwrap(), original.params()).unwrap();
    assert!((0..256).all(|index| second.canonical(index, &mut pool) == original.canonical(index, &mut pool)));
}

#[test]
fn a_whole_message_needs_no_padding_copy() {
    let params = Params::for_message(4 * 128, 4).unwrap();
    let encoder = Encoder::new(message(4 * 128, 1), params).unwrap();
    let end = encoder.message().as_ptr_range().end;
    assert_eq!(encoder.systematic(3).as_ptr_range().end, end);
}
