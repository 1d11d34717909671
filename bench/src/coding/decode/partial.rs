//! T7: most source shards arrived as such. T8: what remains to be done after the last shard.

use std::cell::RefCell;
use std::rc::Rc;

use braidcast_coding::{Pool, SHARD_ALIGN, Shard, ShardId, Strategy, Tag};

use super::super::data::{MIB, Source, time};
use super::super::encode::coded;
use super::{Task, decoding};
use crate::meter::{Meter, Subject};
use crate::{Row, Target};

/// T7 and T8.
pub(in super::super) fn rows(meter: &Meter) -> Vec<Row> {
    let mut rows: Vec<Row> = MISSING.iter().map(|(k, missing)| some_missing(meter, *k, *missing)).collect();
    rows.extend([32, 64, 128].into_iter().flat_map(|k| after_last(meter, k)));
    rows
}

/// T7: from `missing` dense shards, the others being in place, against the parts: eliminating these shards, and encoding
/// as many.
fn some_missing(meter: &Meter, k: usize, missing: usize) -> Row {
    let (source, placed) = (Source::new(MIB, k), k - missing);
    let shards = received(&source, missing);
    // Eliminating does not look at payloads, and many decoders with short ones fit into the cache.
    let short_source = Source::new(SHARD_ALIGN * k, k);
    let short_shards = received(&short_source, missing);
    let [decode, eliminate, encode] = meter.compare([
        resumed(&source, Strategy::Lazy, &shards, placed, |task, pool| drop(task.finish(pool))),
        resumed(&short_source, Strategy::Lazy, &short_shards, placed, |task, pool| task.offer(missing, pool)),
        coded(&source, missing),
    ]);
    let case = format!("1 MiB k={k}, {missing} missing");
    let parts = format!("{}, {}", time("eliminate", eliminate), time("encode", encode));
    Row::at_most(Target::T7, &case, Some(decode / (eliminate + encode)), "x sum of parts", 1.15)
        .measured(format!("{}, {parts}", time("decode", decode)))
}

/// T8: dense shards, one of which is missing; and the price in all.
fn after_last(meter: &Meter, k: usize) -> [Row; 2] {
    let source = Source::new(MIB, k);
    let shards = source.dense_shards(&mut Pool::default());
    let last = resumed(&source, Strategy::Batched, &shards, k - 1, |task, pool| drop(task.finish(pool)));
    let whole = |strategy| decoding(&source, strategy, &shards, drop);
    let [last, batched, lazy] = meter.compare([last, whole(Strategy::Batched), whole(Strategy::Lazy)]);
    let case = format!("1 MiB k={k}");
    [
        Row::at_most(Target::T8, &format!("{case}, after the last shard"), Some(last / 1e3), "us", 50.0),
        Row::at_most(Target::T8, &format!("{case}, in all"), Some(batched / lazy), "x lazy decoding", 1.6)
            .measured(format!("{}, {}", time("batched", batched), time("lazy", lazy))),
    ]
}

/// Continues with a decoder that has had the first `before` shards.
fn resumed<'a>(
    source: &'a Source,
    strategy: Strategy,
    shards: &'a [Shard],
    before: usize,
    mut work: impl FnMut(&mut Task, &mut Pool) + 'a,
) -> Subject<'a> {
    // Both closures use the pool, one after the other.
    let pool = Rc::new(RefCell::new(Pool::default()));
    let prepare_pool = pool.clone();
    let prepare = move || {
        let mut task = Task::new(source, strategy, shards);
        task.offer(before, &mut prepare_pool.borrow_mut());
        task
    };
    Subject::prepared(prepare, move |task| work(task, &mut pool.borrow_mut()))
}

/// All source shards but the first `missing`, and as many dense ones instead.
fn received(source: &Source, missing: usize) -> Vec<Shard> {
    let systematic = |index: usize| {
        let id = ShardId::Canonical(u16::try_from(index).expect("k is below 256"));
        Shard { id, payload: source.encoder.systematic(index), tag: Tag::default() }
    };
    let dense = source.dense_shards(&mut Pool::default());
    (missing..source.params.k()).map(systematic).chain(dense.into_iter().take(missing)).collect()
}

/// Numbers of source shards, and how many of them are missing.
const MISSING: [(usize, usize); 13] = [
    (4, 1),
    (4, 2),
    (16, 1),
    (16, 2),
    (16, 4),
    (16, 8),
    (32, 1),
    (32, 8),
    (32, 16),
    (64, 1),
    (64, 16),
    (128, 1),
    (128, 32),
];
