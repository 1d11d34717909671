//! Combinations of a few shards: true to their names, and as good as those of all.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::{Decoder, Offer, Pool, Shard, Tag};
use common::{below, canonical, encoder, rng};
use proptest::prelude::*;

const TAG: Tag = Tag::new(1);

/// Whether the coefficients of a shard, other than zero, are at most so many.
fn is_sparse(coefficients: &[u8], most: usize) -> bool {
    coefficients.iter().filter(|c| **c != 0).count() <= most
}

#[test]
fn a_combination_of_some_rows_is_what_its_coefficients_say() {
    let (mut pool, mut rng) = (Pool::default(), rng(1));
    for (len, k, rows) in
        [(0, 1, 1), (4096, 4, 2), (4096, 4, 9), (10_000, 100, 24), (6300, 100, 24), (9, 40, 0)]
    {
        let encoder = encoder(len, k);
        for _ in 0..20 {
            let coded = encoder.coded_of(rows, &mut rng, &mut pool);
            assert!(is_sparse(&coded.coefficients, rows.max(1)), "{rows} of {k}: {:?}", coded.coefficients);
            assert!(coded.coefficients.iter().any(|c| *c != 0));
            assert!(encoder.matches(&coded.into_shard(TAG), &mut pool).unwrap());
        }
    }
}

#[test]
fn combinations_of_a_few_rows_decode_with_hardly_more_shards_than_needed() {
    let (mut pool, mut rng) = (Pool::default(), rng(2));
    let encoder = encoder(128 * 64, 128);
    let mut redundant = 0;
    for _ in 0..50 {
        let mut decoder = Decoder::new(encoder.params());
        while !decoder.is_complete() {
            let coded = encoder.coded_of(24, &mut rng, &mut pool);
            let offer = decoder.offer(coded.into_shard(TAG), &mut pool).unwrap();
            redundant += usize::from(offer == Offer::Redundant);
        }
        assert_eq!(decoder.finish(&mut pool).unwrap(), encoder.message());
    }
    assert!(redundant <= 5, "{redundant} of 6400 shards told nothing new");
}

#[test]
fn a_thinned_recoder_takes_the_newest_and_no_more_than_it_may() {
    let (mut pool, mut rng) = (Pool::default(), rng(3));
    let encoder = encoder(40 * 64, 40);
    let mut decoder = Decoder::new(encoder.params());
    (0..30).for_each(|index| {
        decoder.offer(canonical(&encoder, index, 1), &mut pool).unwrap();
    });
    let (mut newest, mut others) = ([0; 30], [0; 30]);
    for _ in 0..400 {
        let recoder = decoder.recoder(|_| true).unwrap().thinned(4, 6, &mut rng);
        assert_eq!(recoder.rank(), 10);
        let coded = recoder.recode(1, &mut rng, &mut pool).into_iter().next().unwrap();
        assert!(is_sparse(&coded.coefficients, 10));
        // One coefficient in 256 is zero by itself.
        (26..30).for_each(|index| newest[index] += usize::from(coded.coefficients[index] != 0));
        (0..26).for_each(|index| others[index] += usize::from(coded.coefficients[index] != 0));
        assert!(encoder.matches(&coded.into_shard(TAG), &mut pool).unwrap());
    }
    assert!(newest[26..].iter().all(|count| *count > 380), "{newest:?}");
    // 6 of 26: 92 of 400 on the average, with a deviation of 8.
    assert!(others[..26].iter().all(|count| (50..140).contains(count)), "{others:?}");
    assert_eq!(decoder.recoder(|_| true).unwrap().thinned(9, 21, &mut rng).rank(), 30);
    assert_eq!(
        decoder.recoder(|_| true).unwrap().thinned(0, 0, &mut rng).rank(),
        1,
        "a combination takes a shard"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Each relay thins by what came since its last combination for the next, as nodes do.
    #[test]
    fn a_chain_of_relays_that_combine_what_came_since_gives_the_message(
        len in 0_usize..40_000, k in 1_usize..=60, hops in 1_usize..=5, seed in any::<u64>(),
    ) {
        let (mut pool, mut rng) = (Pool::default(), rng(seed));
        let encoder = encoder(len, k);
        let mut nodes = vec![(Decoder::new(encoder.params()), 0); hops + 1];
        let offer = |decoder: &mut Decoder, shard: Shard, pool: &mut Pool| decoder.offer(shard, pool).unwrap();
        for _ in 0..10 * (k + hops) {
            offer(&mut nodes[0].0, encoder.coded_of(12, &mut rng, &mut pool).into_shard(TAG), &mut pool);
            for hop in 0..hops {
                let (decoder, told) = &mut nodes[hop];
                let Some(recoder) = decoder.recoder(|_| true) else { continue };
                let newest = recoder.rank() - *told;
                *told = recoder.rank();
                let coded = recoder.thinned(newest, 8, &mut rng).recode(1, &mut rng, &mut pool);
                if below(4, &mut rng) > 0 {
                    let shard = coded.into_iter().next().unwrap().into_shard(TAG);
                    offer(&mut nodes[hop + 1].0, shard, &mut pool);
                }
            }
        }
        for (node, _) in &mut nodes {
            prop_assert_eq!(&node.finish(&mut pool).unwrap(), encoder.message());
        }
    }
}
