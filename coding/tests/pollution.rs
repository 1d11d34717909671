//! Recovering from shards that are not what they claim to be.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::{Decoder, Encoder, Offer, Pool, SPARES_MAX, Shard, ShardError, ShardId, Tag};
use bytes::Bytes;
use common::{canonical, encoder, observe, polluted, rng};
use proptest::prelude::*;

#[test]
fn without_the_sender_of_a_bad_shard_the_message_can_be_completed() {
    let mut pool = Pool::default();
    let encoder = encoder(1000, 4);
    let mut decoder = Decoder::new(encoder.params());
    for index in 0..4 {
        let shard = canonical(&encoder, 10 + index, u32::from(index));
        decoder.offer(if index == 2 { polluted(shard) } else { shard }, &mut pool).unwrap();
    }
    assert_ne!(decoder.finish(&mut pool).as_ref(), Ok(encoder.message()));
    assert_eq!(decoder.remove_where(|shard| shard.tag.value() == 2, &mut pool), 1);
    assert_eq!(decoder.rank(), 3);
    assert_eq!(decoder.offer(canonical(&encoder, 0, 5), &mut pool), Ok(Offer::Innovative { rank: 4 }));
    assert_eq!(decoder.finish(&mut pool).as_ref(), Ok(encoder.message()));
}

#[test]
fn a_spare_takes_the_place_of_a_removed_shard() {
    let mut pool = Pool::default();
    let encoder = encoder(1000, 3);
    let mut decoder = Decoder::new(encoder.params());
    decoder.offer(polluted(canonical(&encoder, 0, 13)), &mut pool).unwrap();
    decoder.offer(canonical(&encoder, 1, 1), &mut pool).unwrap();
    decoder.offer(canonical(&encoder, 2, 2), &mut pool).unwrap();
    // Looks redundant because of the bad shard of the same name.
    assert_eq!(decoder.offer(canonical(&encoder, 0, 3), &mut pool), Ok(Offer::Redundant));
    assert_ne!(decoder.finish(&mut pool).as_ref(), Ok(encoder.message()));
    assert_eq!(decoder.remove_where(|shard| shard.tag.value() == 13, &mut pool), 1);
    assert!(decoder.is_complete() && decoder.spares().is_empty());
    assert_eq!(decoder.finish(&mut pool).as_ref(), Ok(encoder.message()));
}

#[test]
fn a_known_message_convicts_exactly_the_bad_shards() {
    let mut pool = Pool::default();
    let encoder = encoder(1000, 6);
    let mut decoder = Decoder::new(encoder.params());
    for (tag, coded) in encoder.coded(6, &mut rng(4), &mut pool).into_iter().enumerate() {
        let shard = coded.into_shard(Tag::new(tag as u32));
        decoder.offer(if tag % 3 == 1 { polluted(shard) } else { shard }, &mut pool).unwrap();
    }
    let ids: Vec<ShardId> = decoder.shards().iter().map(|shard| shard.id.clone()).collect();
    let truth = encoder.encode(&ids, &mut pool).unwrap();
    let held = decoder.shards().iter().zip(truth);
    let bad: Vec<u32> =
        held.filter(|(shard, truth)| shard.payload != truth).map(|(shard, _)| shard.tag.value()).collect();
    assert_eq!(bad, [1, 4]);
}

#[test]
fn spares_are_bounded_and_exact_duplicates_are_not_kept() {
    let mut pool = Pool::default();
    let encoder = encoder(100, 2);
    let mut decoder = Decoder::new(encoder.params());
    for index in [0, 1, 0, 1, 5, 5] {
        decoder.offer(canonical(&encoder, index, 0), &mut pool).unwrap();
    }
    assert_eq!(decoder.spares().len(), 1);
    for index in 20..40 {
        assert_eq!(decoder.offer(canonical(&encoder, index, 0), &mut pool), Ok(Offer::Redundant));
    }
    assert_eq!(decoder.spares().len(), SPARES_MAX);
}

#[test]
fn removing_nothing_changes_nothing_and_removing_all_leaves_an_empty_decoder() {
    let mut pool = Pool::default();
    let encoder = encoder(100, 3);
    let mut decoder = Decoder::new(encoder.params());
    for index in [7, 1, 0, 9] {
        decoder.offer(canonical(&encoder, index, 0), &mut pool).unwrap();
    }
    let before = observe(&decoder);
    assert_eq!(decoder.remove_where(|_| false, &mut pool), 0);
    assert_eq!(observe(&decoder), before);
    assert_eq!(decoder.remove_where(|_| true, &mut pool), 4);
    assert_eq!(observe(&decoder), observe(&Decoder::new(encoder.params())));
}

/// A decoder of nine source shards with a shard each from ten senders, of which those in `bad` pollute theirs.
fn from_ten_senders(encoder: &Encoder, bad: &[u32], pool: &mut Pool) -> Decoder {
    let mut decoder = Decoder::new(encoder.params());
    for tag in 0..10 {
        let shard = canonical(encoder, 20 + tag as u16, tag);
        decoder.offer(if bad.contains(&tag) { polluted(shard) } else { shard }, pool).unwrap();
    }
    assert_eq!((decoder.rank(), decoder.spares().len()), (9, 1));
    decoder
}

#[test]
fn a_lone_polluter_is_found_whoever_it_is() {
    let mut pool = Pool::default();
    let encoder = encoder(5000, 9);
    let truth = encoder.systematic(4);
    for bad in 0..9 {
        let decoder = from_ten_senders(&encoder, &[bad], &mut pool);
        assert!(decoder.contradicts_itself(&mut pool));
        assert_ne!(decoder.source_row(4, &mut pool), Some(truth.clone()));
        assert_eq!(decoder.find_polluter(4, |row| row == truth, &mut pool), Some(Tag::new(bad)));
    }
}

#[test]
fn nobody_is_blamed_where_nobody_alone_is_at_fault() {
    let mut pool = Pool::default();
    let encoder = encoder(5000, 9);
    let truth = encoder.systematic(4);
    // Two polluters: without either there is still the other.
    let decoder = from_ten_senders(&encoder, &[2, 7], &mut pool);
    assert!(decoder.contradicts_itself(&mut pool));
    assert_eq!(decoder.find_polluter(4, |row| row == truth, &mut pool), None);
    // A polluted spare takes no part in the message: what is held contradicts it, but nobody held is to blame.
    let decoder = from_ten_senders(&encoder, &[9], &mut pool);
    assert!(decoder.contradicts_itself(&mut pool));
    assert_eq!(decoder.source_row(4, &mut pool), Some(truth.clone()));
    assert_eq!(decoder.find_polluter(4, |row| row == truth, &mut pool), None, "nobody can be spared");
    // Without a spare nobody's shards can be done without.
    let mut decoder = from_ten_senders(&encoder, &[3], &mut pool);
    decoder.remove_where(|shard| shard.tag == Tag::new(9), &mut pool);
    assert_eq!(decoder.find_polluter(4, |row| row == truth, &mut pool), None);
}

#[test]
fn honest_shards_do_not_contradict_each_other() {
    let mut pool = Pool::default();
    let encoder = encoder(5000, 9);
    assert!(!from_ten_senders(&encoder, &[], &mut pool).contradicts_itself(&mut pool));
    // Long before the message is complete: two shards of one name and different content cannot both be right.
    let mut decoder = Decoder::new(encoder.params());
    assert!(!decoder.contradicts_itself(&mut pool));
    decoder.offer(canonical(&encoder, 30, 1), &mut pool).unwrap();
    decoder.offer(polluted(canonical(&encoder, 30, 2)), &mut pool).unwrap();
    assert!(decoder.rank() == 1 && decoder.contradicts_itself(&mut pool));
}

#[test]
fn a_holder_of_the_message_tells_true_shards_from_polluted_ones() {
    let mut pool = Pool::default();
    let encoder = encoder(5000, 9);
    let coded =
        encoder.coded(3, &mut rng(1), &mut pool).into_iter().map(|coded| coded.into_shard(Tag::default()));
    for shard in [0, 8, 9, 255].map(|index| canonical(&encoder, index, 1)).into_iter().chain(coded) {
        assert_eq!(encoder.matches(&shard, &mut pool), Ok(true), "{shard:?}");
        assert_eq!(encoder.matches(&polluted(shard.clone()), &mut pool), Ok(false), "{shard:?}");
        let short = Shard { payload: Bytes::from_static(b"short"), ..shard };
        let error = ShardError::PayloadLength { bytes: 5, bytes_expected: encoder.params().shard_len() };
        assert_eq!(encoder.matches(&short, &mut pool), Err(error));
    }
}

proptest! {
    #[test]
    fn after_removal_a_decoder_is_as_if_the_shards_had_never_come(
        indices in prop::collection::vec(0_u16..30, 1..25), k in 1_usize..12, bad in 0_u32..4,
    ) {
        let mut pool = Pool::default();
        let encoder = encoder(777, k);
        let mut decoder = Decoder::new(encoder.params());
        let mut without = Decoder::new(encoder.params());
        for (n, index) in indices.iter().enumerate() {
            let tag = n as u32 % 4;
            let shard = canonical(&encoder, *index, tag);
            decoder.offer(if tag == bad { polluted(shard.clone()) } else { shard.clone() }, &mut pool).unwrap();
            if tag != bad {
                without.offer(shard, &mut pool).unwrap();
            }
        }
        let had = decoder.shards().len() + decoder.spares().len();
        let removed = decoder.remove_where(|shard| shard.tag.value() == bad, &mut pool);
        prop_assert_eq!(decoder.shards().len() + decoder.spares().len(), had - removed);
        prop_assert!(decoder.shards().iter().all(|shard| shard.tag.value() != bad));
        // Spares are bounded, so some rank may be lost, but what is left is consistent.
        prop_assert!(decoder.rank() <= without.rank());
        for index in 0..k {
            if let Some(row) = decoder.source_row(index, &mut pool) {
                prop_assert_eq!(row, encoder.systematic(index));
            }
        }
        if decoder.is_complete() {
            prop_assert_eq!(&decoder.finish(&mut pool).unwrap(), encoder.message());
        }
    }
}
