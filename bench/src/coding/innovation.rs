//! T9: does a shard help? Told by its coefficients.

use braidcast_coding::{Decoder, Offer, Pool, Rank, Shard};

use super::data::Source;
use crate::meter::{Meter, Subject};
use crate::{Row, Target};

/// T9: the average of all dense vectors from rank 0 to `k`.
pub(super) fn rows(meter: &Meter) -> Vec<Row> {
    [4, 8, 16, 32, 64, 128].into_iter().flat_map(|k| offers(meter, k)).collect()
}

fn offers(meter: &Meter, k: usize) -> [Row; 2] {
    // Payloads as short as they can be: they are not looked at.
    let source = Source::new(64 * k, k);
    let shards = source.dense_shards(&mut Pool::default());
    let vectors: Vec<_> = shards
        .iter()
        .map(|shard| shard.id.coefficients(source.params).expect("an encoder makes valid shards"))
        .collect();
    let rank = Subject::prepared(
        || Rank::new(source.params),
        |rank| vectors.iter().filter(|vector| rank.offer(vector) != Ok(Offer::Redundant)).count(),
    );
    let mut pool = Pool::default();
    let decoder = Subject::prepared(
        || (Decoder::new(source.params), shards.clone()),
        move |(decoder, shards): &mut (Decoder, Vec<Shard>)| {
            for shard in shards.drain(..) {
                decoder.offer(shard, &mut pool).expect("the shards are valid");
            }
        },
    );
    let need = match k {
        ..=32 => 60.0,
        33..=64 => 150.0,
        _ => 500.0,
    };
    let row = |name: &str, ns: f64| {
        Row::at_most(Target::T9, &format!("{name}::offer k={k}"), Some(ns / k as f64), "ns", need)
    };
    let [rank, decoder] = meter.compare([rank, decoder]);
    [row("Rank", rank), row("Decoder", decoder)]
}
