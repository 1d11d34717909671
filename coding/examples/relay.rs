//! A source, a relay that recodes without ever decoding, and a sink, over links that lose shards.
//!
//! Run with `cargo run -p braidcast-coding --example relay`.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use braidcast_coding::{Decoder, Encoder, Offer, Params, Pool, Tag};
use bytes::Bytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const MESSAGE_LEN: usize = 100_000;
const K: usize = 16;
const LOSS_PERCENT: u32 = 30;

const FROM_SOURCE: Tag = Tag::new(0);
const FROM_RELAY: Tag = Tag::new(1);

fn main() -> Result<(), Box<dyn Error>> {
    let mut pool = Pool::default();
    let mut rng = ChaCha8Rng::from_seed([1; 32]);
    let mut message = vec![0; MESSAGE_LEN];
    rng.fill_bytes(&mut message);
    let message = Bytes::from(message);

    let params = Params::for_message(message.len(), K)?;
    let source = Encoder::new(message.clone(), params)?;
    let mut relay = Decoder::new(params);
    let mut sink = Decoder::new(params);
    let (mut sent, mut lost, mut redundant) = (0, 0, 0);

    // Each round the source sends one shard to the relay, and the relay one of its own making to the sink.
    while !sink.is_complete() {
        for coded in source.coded(1, &mut rng, &mut pool) {
            sent += 1;
            if is_lost(&mut rng) {
                lost += 1;
            } else {
                relay.offer(coded.into_shard(FROM_SOURCE), &mut pool)?;
            }
        }
        // All shards here come from the source itself, so the relay may mix them unverified.
        let Some(recoder) = relay.recoder(|shard| shard.tag == FROM_SOURCE) else { continue };
        for coded in recoder.recode(1, &mut rng, &mut pool) {
            sent += 1;
            if is_lost(&mut rng) {
                lost += 1;
            } else if sink.offer(coded.into_shard(FROM_RELAY), &mut pool)? == Offer::Redundant {
                redundant += 1;
            }
        }
    }

    assert_eq!(sink.finish(&mut pool)?, message);
    println!("{} bytes in {K} shards of {} bytes", params.message_len(), params.shard_len());
    println!("{sent} shards sent over two links, {lost} lost, {redundant} redundant at the sink");
    println!("relay at rank {} of {K} when the sink was done", relay.rank());
    Ok(())
}

fn is_lost(rng: &mut ChaCha8Rng) -> bool {
    rng.next_u32() % 100 < LOSS_PERCENT
}
