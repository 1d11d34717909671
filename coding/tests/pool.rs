//! Blocks are used again, but never under a reader.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use std::collections::BTreeSet;

use braidcast_coding::{Decoder, Encoder, Params, Pool, Tag};
use bytes::Bytes;
use common::{below, message, rng};
use proptest::prelude::*;

/// A message decoded from random shards, and those shards' payloads.
fn decode(seed: u64, len: usize, k: usize, pool: &mut Pool) -> (Bytes, Vec<Bytes>) {
    let params = Params::for_message(len, k).unwrap();
    let encoder = Encoder::new(message(len, seed), params).unwrap();
    let (mut decoder, mut payloads, mut rng) = (Decoder::new(params), Vec::new(), rng(seed));
    while !decoder.is_complete() {
        for coded in encoder.coded(2, &mut rng, pool) {
            payloads.push(coded.payload.clone());
            decoder.offer(coded.into_shard(Tag::default()), pool).unwrap();
        }
    }
    let decoded = decoder.finish(pool).unwrap();
    assert_eq!(decoded, encoder.message());
    (decoded, payloads)
}

proptest! {
    #[test]
    fn readers_keep_what_they_read_whatever_the_pool_does_next(
        bytes_max in prop_oneof![Just(0), 0_usize..20_000, Just(1 << 20)],
        messages in prop::collection::vec((0_usize..5000, 1_usize..40), 1..12),
        seed in any::<u64>(),
    ) {
        let mut pool = Pool::new(bytes_max);
        let mut rng = rng(seed);
        let mut readers: Vec<(Bytes, Vec<u8>)> = Vec::new();
        for (n, (len, k)) in messages.into_iter().enumerate() {
            let (decoded, payloads) = decode(seed ^ n as u64, len, k, &mut pool);
            prop_assert!(pool.bytes() <= bytes_max);
            for bytes in payloads.into_iter().chain([decoded]) {
                // Whole, or a piece of it only.
                let piece = below(bytes.len() + 1, &mut rng)..;
                match below(3, &mut rng) {
                    0 => {}
                    1 => readers.push((bytes.slice(piece.clone()), bytes[piece].to_vec())),
                    _ => readers.push((bytes.clone(), bytes.to_vec())),
                }
            }
            // Some readers leave, so that their blocks come back.
            readers.retain(|_| below(4, &mut rng) > 0);
            for (bytes, held) in &readers {
                prop_assert_eq!(&bytes[..], &held[..]);
            }
        }
    }
}

#[test]
fn decoders_that_share_a_pool_do_not_disturb_each_other() {
    let mut pool = Pool::default();
    let mut rng = rng(6);
    let params = Params::for_message(9000, 20).unwrap();
    let encoders: Vec<Encoder> = (0..8).map(|n| Encoder::new(message(9000, n), params).unwrap()).collect();
    let mut decoders: Vec<Decoder> = encoders.iter().map(|_| Decoder::new(params)).collect();
    while decoders.iter().any(|decoder| !decoder.is_complete()) {
        // In turn, so that blocks of all of them are in use at the same time.
        for (encoder, decoder) in encoders.iter().zip(&mut decoders) {
            for coded in encoder.coded(1, &mut rng, &mut pool) {
                decoder.offer(coded.into_shard(Tag::default()), &mut pool).unwrap();
            }
        }
    }
    let messages: Vec<Bytes> =
        decoders.iter_mut().map(|decoder| decoder.finish(&mut pool).unwrap()).collect();
    assert!(messages.iter().zip(&encoders).all(|(message, encoder)| message == encoder.message()));
}

#[test]
fn a_second_message_is_made_in_the_memory_of_the_first() {
    let mut pool = Pool::default();
    let start = |bytes: &Bytes| bytes.as_ptr().addr();
    let (first, payloads) = decode(1, 9000, 20, &mut pool);
    let known: BTreeSet<usize> = payloads.iter().chain([&first]).map(start).collect();
    let bytes = pool.bytes();
    drop((first, payloads));
    let (second, payloads) = decode(2, 9000, 20, &mut pool);
    let again = payloads.iter().chain([&second]).filter(|bytes| known.contains(&start(bytes))).count();
    assert!(again * 10 >= known.len() * 9, "{again} of {} blocks were used again", known.len());
    assert!(pool.bytes() * 10 <= bytes * 11, "{} bytes after {bytes}", pool.bytes());
}
