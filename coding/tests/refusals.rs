//! Input that cannot be right is refused with a typed error, and leaves everything as it was.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::Strategy::{Batched, Lazy};
use braidcast_coding::{
    Coefficients, Decoder, Encoder, FinishError, MESSAGE_LEN_MAX, MessageLengthError, Offer, Params, Pool,
    Rank, Shard, ShardError, ShardId, Tag,
};
use bytes::Bytes;
use common::{canonical, encoder, message, observe};

fn dense(coefficients: &[u8], payload_len: usize) -> Shard {
    let id = ShardId::Dense(Coefficients::from_slice(coefficients));
    Shard { id, payload: message(payload_len, 3), tag: Tag::default() }
}

/// A decoder with one systematic shard, one repair shard and one spare.
fn half_full(encoder: &Encoder) -> Decoder {
    let mut pool = Pool::default();
    let mut decoder = Decoder::new(encoder.params());
    for shard in
        [canonical(encoder, 1, 1), canonical(encoder, 9, 2), common::polluted(canonical(encoder, 1, 3))]
    {
        decoder.offer(shard, &mut pool).unwrap();
    }
    assert_eq!((decoder.rank(), decoder.spares().len()), (2, 1));
    decoder
}

#[test]
fn shards_that_cannot_belong_to_the_message_are_refused_and_change_nothing() {
    let mut pool = Pool::default();
    let encoder = encoder(1000, 4);
    let mut decoder = half_full(&encoder);
    let before = observe(&decoder);
    let index = Shard { id: ShardId::Canonical(256), payload: message(256, 1), tag: Tag::default() };
    let cases = [
        (dense(&[1, 2, 3, 4], 255), ShardError::PayloadLength { bytes: 255, bytes_expected: 256 }),
        (dense(&[1, 2, 3, 4], 0), ShardError::PayloadLength { bytes: 0, bytes_expected: 256 }),
        (dense(&[1, 2, 3], 256), ShardError::CoefficientCount { count: 3, k: 4 }),
        (dense(&[1; 5], 256), ShardError::CoefficientCount { count: 5, k: 4 }),
        (dense(&[], 256), ShardError::CoefficientCount { count: 0, k: 4 }),
        (dense(&[0; 4], 256), ShardError::ZeroCoefficients { k: 4 }),
        (index, ShardError::Index { index: 256, index_max: 255 }),
    ];
    for (shard, error) in cases {
        assert_eq!(decoder.offer(shard.clone(), &mut pool), Err(error.clone()));
        if !matches!(error, ShardError::PayloadLength { .. }) {
            assert_eq!(decoder.is_innovative(&shard.id), Err(error.clone()));
            assert_eq!(encoder.encode(&[ShardId::Canonical(0), shard.id], &mut pool), Err(error));
        }
        assert_eq!(observe(&decoder), before);
    }
    assert_eq!(encoder.canonical(256, &mut pool), Err(ShardError::Index { index: 256, index_max: 255 }));
}

#[test]
fn a_decoder_goes_on_after_a_refusal_as_if_nothing_had_been_offered() {
    let mut pool = Pool::default();
    let encoder = encoder(1000, 4);
    let mut decoder = half_full(&encoder);
    decoder.offer(dense(&[0; 4], 256), &mut pool).unwrap_err();
    assert_eq!(decoder.offer(canonical(&encoder, 2, 1), &mut pool), Ok(Offer::Innovative { rank: 3 }));
    assert_eq!(decoder.offer(canonical(&encoder, 3, 1), &mut pool), Ok(Offer::Innovative { rank: 4 }));
    assert_eq!(decoder.finish(&mut pool).unwrap(), encoder.message());
}

#[test]
fn a_decoder_that_is_complete_or_in_the_middle_of_a_batch_refuses_the_same() {
    let encoder = encoder(4000, 40);
    for (strategy, held) in [(Lazy, 40), (Batched, 40), (Lazy, 23), (Batched, 23)] {
        let mut pool = Pool::default();
        let mut decoder = Decoder::with_strategy(encoder.params(), strategy);
        for coded in encoder.coded(held, &mut common::rng(1), &mut pool) {
            decoder.offer(coded.into_shard(Tag::default()), &mut pool).unwrap();
        }
        let before = observe(&decoder);
        for shard in [dense(&[1; 40], 64), dense(&[1; 39], 128), dense(&[0; 40], 128)] {
            decoder.offer(shard, &mut pool).unwrap_err();
        }
        assert_eq!(observe(&decoder), before);
        for coded in encoder.coded(45 - held, &mut common::rng(2), &mut pool) {
            decoder.offer(coded.into_shard(Tag::default()), &mut pool).unwrap();
        }
        assert_eq!(decoder.finish(&mut pool).unwrap(), encoder.message(), "{strategy:?} from {held}");
    }
}

#[test]
fn shards_of_a_message_of_another_shape_are_refused_in_both_directions() {
    let mut pool = Pool::default();
    let (small, large) = (encoder(1000, 3), encoder(1000, 5));
    for (mine, other) in [(&small, &large), (&large, &small)] {
        let mut decoder = Decoder::new(mine.params());
        for coded in other.coded(5, &mut common::rng(3), &mut pool) {
            let shard = coded.into_shard(Tag::default());
            assert!(mine.matches(&shard, &mut pool).is_err());
            assert!(decoder.is_innovative(&shard.id).is_err());
            assert!(decoder.offer(shard, &mut pool).is_err());
        }
        for index in 0..256 {
            decoder.offer(canonical(other, index, 0), &mut pool).unwrap_err();
        }
        assert_eq!(observe(&decoder), observe(&Decoder::new(mine.params())));
    }
}

#[test]
fn errors_say_what_was_wrong_with_its_value_and_the_limit() {
    let text = |error: &dyn std::error::Error| error.to_string();
    let too_many = Params::for_message(10, 256).unwrap_err();
    assert_eq!(text(&too_many), "256 source shards, must be 1 to 255");
    assert_eq!(text(&Params::new(0, 64, 10).unwrap_err()), "0 source shards, must be 1 to 255");
    let too_long = Params::for_message(MESSAGE_LEN_MAX + 1, 4).unwrap_err();
    assert_eq!(text(&too_long), "message is 1073741825 bytes, limit is 1073741824");
    let (mut decoder, mut pool) = (Decoder::new(Params::for_message(10, 2).unwrap()), Pool::default());
    let mut refusal = |shard| text(&decoder.offer(shard, &mut pool).unwrap_err());
    assert_eq!(refusal(dense(&[1, 2], 63)), "payload is 63 bytes, shards have 64");
    assert_eq!(refusal(dense(&[1, 2, 3], 64)), "3 coefficients for 2 source shards");
    assert_eq!(refusal(dense(&[0, 0], 64)), "all 2 coefficients are zero");
    assert_eq!(text(&decoder.finish(&mut pool).unwrap_err()), "rank is 0, the message needs 2");
}

#[test]
fn rank_refuses_vectors_of_the_wrong_length_and_zero_vectors() {
    let mut rank = Rank::new(Params::for_message(10, 3).unwrap());
    assert_eq!(rank.offer(&[1, 2]), Err(ShardError::CoefficientCount { count: 2, k: 3 }));
    assert_eq!(rank.offer(&[0, 0, 0]), Err(ShardError::ZeroCoefficients { k: 3 }));
    assert_eq!(rank.is_innovative(&[0, 0, 0]), Err(ShardError::ZeroCoefficients { k: 3 }));
    assert_eq!(rank.rank(), 0);
    assert_eq!(rank.offer(&[0, 0, 5]), Ok(Offer::Innovative { rank: 1 }));
    assert_eq!(rank.offer(&[0, 0, 7]), Ok(Offer::Redundant));
    assert_eq!((rank.rank(), rank.k(), rank.is_full()), (1, 3, false));
}

#[test]
fn an_encoder_refuses_a_message_of_another_length() {
    let params = Params::for_message(10, 3).unwrap();
    let error = Encoder::new(message(11, 0), params).unwrap_err();
    assert_eq!(error, MessageLengthError { bytes: 11, bytes_expected: 10 });
    assert_eq!(error.to_string(), "message is 11 bytes, the parameters say 10");
}

#[test]
fn an_incomplete_message_is_not_given_out() {
    let mut pool = Pool::default();
    let mut decoder = half_full(&encoder(1000, 4));
    assert_eq!(decoder.finish(&mut pool), Err(FinishError::Incomplete { rank: 2, k: 4 }));
}

#[test]
fn bytes_after_the_end_of_the_message_must_be_zero() {
    let mut pool = Pool::default();
    let encoder = encoder(100, 2);
    let mut row = encoder.systematic(1).to_vec();
    row[50] = 1;
    let mut decoder = Decoder::new(encoder.params());
    decoder.offer(canonical(&encoder, 0, 0), &mut pool).unwrap();
    let shard = Shard { id: ShardId::Canonical(1), payload: Bytes::from(row), tag: Tag::default() };
    decoder.offer(shard, &mut pool).unwrap();
    assert_eq!(decoder.finish(&mut pool), Err(FinishError::Padding { offset: 114, message_len: 100 }));
}
