//! T10: heap allocations in the steady state.

use std::collections::VecDeque;
use std::hint::black_box;

use braidcast_coding::counting::allocations;
use braidcast_coding::{Decoder, Pool, Strategy};

use super::data::{MIB, Source, rng};
use crate::meter::Meter;
use crate::{Row, Target};

/// Heap allocations of encoding and recoding per shard, and of decoding per message, once pools are filled.
pub(super) fn rows(_: &Meter) -> Vec<Row> {
    let counts = allocations(|| black_box(Box::new(0_u8))).0 > 0;
    let mut rows = Vec::new();
    for k in [4, 16, 64, 128] {
        let source = Source::new(MIB, k);
        let (mut pool, mut rng) = (Pool::default(), rng());
        let shards = source.dense_shards(&mut Pool::default());
        let mut row = |name: &str, per: usize, need: f64, work: &mut dyn FnMut()| {
            // Pools fill up until they find an idle block at every turn.
            (0..WARM_UP).for_each(|_| work());
            let (count, ()) = allocations(|| (0..RUNS).for_each(|_| work()));
            let value = counts.then_some(count as f64 / (RUNS * per) as f64);
            let case = format!("{name} 1 MiB k={k}");
            rows.push(Row::at_most(Target::T10, &case, value, "allocations", need));
        };
        for m in [1, 8] {
            row(&format!("encode, per shard, m={m}"), m, 0.0, &mut || {
                drop(source.encoder.coded(m, &mut rng, &mut pool));
            });
        }
        let mut in_flight = VecDeque::with_capacity(IN_FLIGHT + 1);
        row(&format!("encode, per shard, {IN_FLIGHT} in flight"), 1, 0.0, &mut || {
            in_flight.extend(source.encoder.coded(1, &mut rng, &mut pool));
            if in_flight.len() > IN_FLIGHT {
                in_flight.pop_front();
            }
        });
        drop(in_flight);
        let mut relay = Decoder::new(source.params);
        for shard in &shards {
            relay.offer(shard.clone(), &mut pool).expect("the shards are valid");
        }
        for m in [1, 3] {
            row(&format!("recode, per shard, m={m}"), m, 0.0, &mut || {
                let recoder = relay.recoder(|_| true).expect("the relay has shards");
                drop(recoder.recode(m, &mut rng, &mut pool));
            });
        }
        for strategy in [Strategy::Lazy, Strategy::Batched] {
            row(&format!("decode {strategy:?}, per message"), 1, 2.0, &mut || {
                let mut decoder = Decoder::with_strategy(source.params, strategy);
                for shard in &shards {
                    decoder.offer(shard.clone(), &mut pool).expect("the shards are valid");
                }
                drop(decoder.finish(&mut pool).expect("the shards are k and independent"));
            });
        }
    }
    rows
}

/// Shards that wait to be sent while others are made.
const IN_FLIGHT: usize = 16;

const WARM_UP: usize = 256;
const RUNS: usize = 64;
