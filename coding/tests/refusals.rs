//! Input that cannot be right is refused with a typed error, and leaves everything as it was.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::{
    Coefficients, Decoder, Encoder, FinishError, MessageLengthError, Offer, Params, Pool, Rank, Shard,
    ShardError, ShardId, Tag,
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
