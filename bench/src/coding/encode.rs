//! T1 to T3: products of the whole message.

use std::hint::black_box;

use braidcast_coding::Pool;
use braidcast_coding::kernel::{self, Mode};

use super::baseline::Rlnc;
use super::data::{KIB, MIB, Source, aligned_rows, buffer, random_bytes, rng, size, time};
use super::limits::{copying, multiplying, products_per_ns, reading};
use crate::meter::{Meter, Subject};
use crate::{Row, Target};

/// T1 to T3.
pub(super) fn rows(meter: &Meter) -> Vec<Row> {
    let mut rows = Vec::new();
    for len in [128 * KIB, MIB] {
        rows.extend([4, 8, 16, 32, 64, 128].into_iter().flat_map(|k| single_product(meter, len, k)));
    }
    for (len, k) in SHAPES {
        rows.extend(encoding(meter, len, k));
    }
    rows
}

/// T1: one output of all source shards, against reading and copying the message.
fn single_product(meter: &Meter, len: usize, k: usize) -> [Row; 2] {
    let source = Source::new(len, k);
    let (coefficients, shard_len) = (random_bytes(k, 0), source.params.shard_len());
    let (sources, mut buffer) = (source.rows(), buffer(shard_len, 1));
    let mut outputs = aligned_rows(&mut buffer, shard_len);
    let product = Subject::new(|| {
        kernel::product(&mut outputs, black_box(&sources), &coefficients, Mode::Overwrite);
    });
    let subjects = [product, reading(&source.message), copying(&source.message)];
    let [ours, read, copy] = meter.compare(subjects);
    let case = format!("{} k={k}", size(len));
    let (need_read, need_copy) = if k < 8 { (0.72, 1.5) } else { (0.80, 1.65) };
    let ours_text = time("ours", ours);
    [
        Row::at_least(Target::T1, &case, Some(read / ours), "x read", need_read)
            .measured(format!("{ours_text}, {}", time("read", read))),
        Row::at_least(Target::T1, &case, Some(copy / ours), "x memcpy", need_copy)
            .measured(format!("{ours_text}, {}", time("memcpy", copy))),
    ]
}

/// T2 and T3: one, four and eight shards in one pass.
fn encoding(meter: &Meter, len: usize, k: usize) -> Vec<Row> {
    let source = Source::new(len, k);
    let rlnc = Rlnc::new(&source.message, k);
    let subjects = [coded(&source, 1), coded(&source, 4), coded(&source, 8), rlnc.encoding(), multiplying()];
    let [one, four, eight, theirs, limit] = meter.compare(subjects);
    let case = format!("{} k={k}", size(len));
    let theirs_text = time("rlnc", theirs);
    let need = if k <= 32 { 1.7 } else { 1.35 };
    let mut rows = vec![
        Row::at_least(Target::T2, &case, Some(theirs / one), "x rlnc", need)
            .measured(format!("{}, {theirs_text}", time("ours", one))),
    ];
    if len < 128 * KIB {
        return rows;
    }
    let need = match k {
        64.. => 2.9,
        _ if len < MIB => 3.4,
        _ => 4.0,
    };
    let need_share = if k < 16 { 0.70 } else { 0.82 };
    for (m, ns) in [(4, four), (8, eight)] {
        let case = format!("{case} m={m}");
        let shard = ns / m as f64;
        let speed = len as f64 / shard;
        rows.push(
            Row::at_least(Target::T3, &case, Some(theirs / shard), "x rlnc", need)
                .measured(format!("{} per shard, {theirs_text}", time("ours", shard))),
        );
        let share = products_per_ns(limit).map(|limit| speed / limit);
        rows.push(
            Row::at_least(Target::T3, &case, share, "of GFNI limit", need_share)
                .measured(format!("{speed:.0} byte products/ns")),
        );
    }
    rows
}

/// Makes `m` random shards in one pass.
pub(super) fn coded(source: &Source, m: usize) -> Subject<'_> {
    let (mut pool, mut rng) = (Pool::default(), rng());
    Subject::new(move || source.encoder.coded(m, &mut rng, &mut pool))
}

/// Message lengths and numbers of source shards.
const SHAPES: [(usize, usize); 12] = [
    (16 * KIB, 4),
    (128 * KIB, 4),
    (128 * KIB, 16),
    (MIB, 4),
    (MIB, 8),
    (MIB, 16),
    (MIB, 32),
    (MIB, 64),
    (MIB, 128),
    (4 * MIB, 4),
    (4 * MIB, 16),
    (4 * MIB, 128),
];
