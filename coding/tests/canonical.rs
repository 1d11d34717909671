//! Canonical shards: any k of the 256 decode.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::{Decoder, Offer, Params, Pool, Rank, ShardId};
use common::{below, canonical, encoder, rng};
use proptest::prelude::*;
use proptest::sample::subsequence;

fn rank_of(params: Params, indices: impl IntoIterator<Item = u16>) -> usize {
    let mut rank = Rank::new(params);
    for index in indices {
        rank.offer(&ShardId::Canonical(index).coefficients(params).unwrap()).unwrap();
    }
    rank.rank()
}

#[test]
fn all_pairs_of_canonical_shards_determine_a_message_of_two() {
    let params = Params::for_message(100, 2).unwrap();
    for a in 0..256 {
        assert!((0..a).all(|b| rank_of(params, [a, b]) == 2));
    }
}

#[test]
fn all_triples_of_canonical_shards_up_to_40_determine_a_message_of_three() {
    let params = Params::for_message(100, 3).unwrap();
    for a in 0..40 {
        for b in 0..a {
            assert!((0..b).all(|c| rank_of(params, [a, b, c]) == 3));
        }
    }
}

#[test]
fn the_last_k_canonical_shards_determine_the_message_for_every_k() {
    for k in 1..=128_u16 {
        let params = Params::for_message(100, usize::from(k)).unwrap();
        assert_eq!(rank_of(params, 256 - k..256), usize::from(k));
    }
}

proptest! {
    #[test]
    fn any_k_canonical_shards_determine_the_message(
        indices in (1_usize..=255).prop_flat_map(|k| subsequence((0..256).collect::<Vec<u16>>(), k))
    ) {
        let params = Params::for_message(1, indices.len()).unwrap();
        prop_assert_eq!(rank_of(params, indices.iter().copied()), indices.len());
    }
}

#[test]
fn with_255_source_shards_the_one_spare_replaces_any_of_them() {
    let mut pool = Pool::default();
    let encoder = encoder(255 * 64 - 5, 255);
    let lost = below(255, &mut rng(8)) as u16;
    let mut decoder = Decoder::new(encoder.params());
    for index in (0..256).filter(|index| *index != lost) {
        assert!(matches!(
            decoder.offer(canonical(&encoder, index, 0), &mut pool),
            Ok(Offer::Innovative { .. })
        ));
    }
    assert_eq!(decoder.finish(&mut pool).unwrap(), encoder.message());
}

#[test]
fn canonical_coefficients_are_fixed_values_that_every_implementation_agrees_on() {
    let params = Params::for_message(1, 3).unwrap();
    let row = |index| ShardId::Canonical(index).coefficients(params).unwrap().to_vec();
    assert_eq!(row(1), [0, 1, 0]);
    // 1/3, 1/2 and 1/1 in GF(2^8) modulo 0x11B.
    assert_eq!(row(3), [0xF6, 0x8D, 0x01]);
    // 1/255, 1/254 and 1/253.
    assert_eq!(row(255), [0x1C, 0x41, 0x1A]);
}
