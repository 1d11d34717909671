//! T6: the message from dense shards only. T14: and its digest.

use std::hint::black_box;

use braidcast_coding::{Pool, Strategy};

use super::super::baseline::Rlnc;
use super::super::data::{KIB, MIB, Source, size, time};
use super::super::limits::{copying, multiplying, products_per_ns};
use super::decoding;
use crate::meter::{Meter, Subject};
use crate::{Row, Target};

/// T6 and T14.
pub(in super::super) fn rows(meter: &Meter) -> Vec<Row> {
    let mut rows: Vec<Row> = SHAPES.iter().flat_map(|(len, k)| dense(meter, *len, *k)).collect();
    rows.push(verified(meter));
    rows
}

fn dense(meter: &Meter, len: usize, k: usize) -> Vec<Row> {
    let source = Source::new(len, k);
    let shards = source.dense_shards(&mut Pool::default());
    let ours = decoding(&source, Strategy::Lazy, &shards, drop);
    let theirs = Rlnc::new(&source.message, k).decoding();
    let [ours, theirs, copy, limit] = meter.compare([ours, theirs, copying(&source.message), multiplying()]);
    let case = format!("{} k={k}", size(len));
    let ours_text = time("ours", ours);
    let need = match len {
        MIB if k == 4 => 5.8,
        MIB.. => 4.8,
        _ if len >= 128 * KIB => 4.3,
        _ => 3.8,
    };
    let mut rows = vec![
        Row::at_least(Target::T6, &case, Some(theirs / ours), "x rlnc", need)
            .measured(format!("{ours_text}, {}", time("rlnc", theirs))),
    ];
    if (len, k) == (MIB, 4) {
        rows.push(
            Row::at_least(Target::T6, &case, Some(copy / ours), "x memcpy", 0.85)
                .measured(format!("{ours_text}, {}", time("memcpy", copy))),
        );
    }
    if len >= 128 * KIB && k >= 16 {
        let speed = (len * k) as f64 / ours;
        let share = products_per_ns(limit).map(|limit| speed / limit);
        rows.push(
            Row::at_least(Target::T6, &case, share, "of GFNI limit", 0.85)
                .measured(format!("{speed:.0} byte products/ns")),
        );
    }
    rows
}

/// T14: decoding and verifying, against the sum of its parts.
fn verified(meter: &Meter) -> Row {
    let source = Source::new(MIB, 4);
    let shards = source.dense_shards(&mut Pool::default());
    let decode = decoding(&source, Strategy::Lazy, &shards, drop);
    let hash = Subject::new(|| blake3::hash(black_box(&source.message)));
    let both = decoding(&source, Strategy::Lazy, &shards, |message| blake3::hash(&message));
    let [both, decoded, hashed] = meter.compare([both, decode, hash]);
    let parts = format!("{}, {}", time("decode", decoded), time("BLAKE3", hashed));
    Row::at_most(Target::T14, "1 MiB k=4", Some(both / (decoded + hashed)), "x sum of parts", 1.1)
        .measured(format!("{}, {parts}", time("together", both)))
}

/// Message lengths and numbers of source shards.
const SHAPES: [(usize, usize); 14] = [
    (16 * KIB, 4),
    (16 * KIB, 16),
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
    (4 * MIB, 64),
    (4 * MIB, 128),
];
