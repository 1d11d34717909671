//! T4 and T5: new combinations of shards, coefficient vectors included.

use braidcast_coding::{Decoder, Pool, Shard};
use bytes::Bytes;

use super::baseline::Rlnc;
use super::data::{KIB, MIB, Source, rng, size, time};
use crate::meter::{Meter, Subject};
use crate::{Row, Target};

/// T4 and T5.
pub(super) fn rows(meter: &Meter) -> Vec<Row> {
    let small = [(128 * KIB, 4), (128 * KIB, 16)];
    let shapes = small.into_iter().chain([4, 8, 16, 32, 64, 128].map(|k| (MIB, k)));
    shapes.flat_map(|(len, k)| recoding(meter, len, k)).collect()
}

fn recoding(meter: &Meter, len: usize, k: usize) -> Vec<Row> {
    let source = Source::new(len, k);
    let mut pool = Pool::default();
    let shards = source.dense_shards(&mut pool);
    let aligned = holder(&source, shards.clone());
    let misaligned = holder(&source, shards.into_iter().enumerate().map(misaligned).collect());
    let theirs = Rlnc::new(&source.message, k).recoding();
    let subjects = [recoded(&aligned, 1), recoded(&misaligned, 1), recoded(&aligned, 3), theirs];
    let [one, one_misaligned, three, theirs] = meter.compare(subjects);
    let case = format!("{} k={k}", size(len));
    let ratio = |target, case: &str, ours: f64, need| {
        let measured = format!("{}, {}", time("ours", ours), time("rlnc", theirs));
        Row::at_least(target, case, Some(theirs / ours), "x rlnc", need).measured(measured)
    };
    let mut rows = vec![
        ratio(Target::T4, &case, one, if k == 128 { 2.5 } else { 1.6 }),
        ratio(Target::T4, &format!("{case} misaligned"), one_misaligned, 1.05),
    ];
    if (len, k) != (128 * KIB, 4) {
        let need = if len < MIB { 2.8 } else { 3.3 };
        rows.push(ratio(Target::T5, &format!("{case} m=3, per shard"), three / 3.0, need));
    }
    rows
}

/// A relay that has these shards.
fn holder(source: &Source, shards: Vec<Shard>) -> Decoder {
    let (mut decoder, mut pool) = (Decoder::new(source.params), Pool::default());
    for shard in shards {
        decoder.offer(shard, &mut pool).expect("the shards are valid");
    }
    decoder
}

/// The shard with its payload at an odd address, as it lies in a received packet.
fn misaligned((index, shard): (usize, Shard)) -> Shard {
    let offset = 1 + 2 * (index % 31);
    let mut packet = vec![0; offset];
    packet.reserve_exact(shard.payload.len() + 64);
    let start = packet.as_ptr().align_offset(64) + offset;
    packet.resize(start, 0);
    packet.extend_from_slice(&shard.payload);
    Shard { payload: Bytes::from(packet).slice(start..), ..shard }
}

/// Makes `m` shards of those that the relay has, beginning with the choice of them.
fn recoded(relay: &Decoder, m: usize) -> Subject<'_> {
    let (mut pool, mut rng) = (Pool::default(), rng());
    Subject::new(move || {
        let recoder = relay.recoder(|_| true).expect("the relay has shards");
        recoder.recode(m, &mut rng, &mut pool)
    })
}
