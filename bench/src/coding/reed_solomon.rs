//! The crate `reed-solomon-simd` beside ours: a block code, which cannot recode.

use braidcast_coding::{Pool, Shard, ShardId, Strategy, Tag};
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use super::data::{MIB, Source, time};
use super::decode::decoding;
use crate::meter::{Meter, Subject};
use crate::{Better, Row, Target};

/// Times to make repair shards, and to decode when as many source shards are lost.
pub(super) fn rows(meter: &Meter) -> Vec<Row> {
    let shapes = [(4, 4), (16, 4), (16, 16), (128, 32), (128, 128)];
    shapes.into_iter().flat_map(|(k, repair)| beside(meter, k, repair)).collect()
}

fn beside(meter: &Meter, k: usize, repair: usize) -> [Row; 2] {
    let source = Source::new(MIB, k);
    let ids: Vec<ShardId> = (k..k + repair).map(canonical).collect();
    let mut pool = Pool::default();
    let repairs = source.encoder.encode(&ids, &mut pool).expect("the ids are valid");
    let received = (repair..k).map(|index| (canonical(index), source.encoder.systematic(index)));
    let shards: Vec<Shard> = received
        .chain(ids.iter().cloned().zip(repairs))
        .map(|(id, payload)| Shard { id, payload, tag: Tag::default() })
        .collect();
    let encode = Subject::new(|| source.encoder.encode(&ids, &mut pool).expect("the ids are valid"));
    let decode = decoding(&source, Strategy::Lazy, &shards, drop);
    let [encode, their_encode, decode, their_decode] =
        meter.compare([encode, encoding(&source, repair), decode, decoding_theirs(&source, repair)]);
    let row = |name: &str, theirs: f64, ours: f64| {
        let case = format!("reed-solomon-simd {name} 1 MiB {k}+{repair}");
        Row::info(Target::Info, &case, Some(theirs / 1e3), "us", Better::Lower).measured(time("ours", ours))
    };
    [row("encode", their_encode, encode), row("decode", their_decode, decode)]
}

/// Makes `repair` shards.
fn encoding(source: &Source, repair: usize) -> Subject<'_> {
    let mut encoder = reed_solomon_encoder(source, repair);
    Subject::new(move || {
        for row in source.rows() {
            encoder.add_original_shard(row).expect("there are k rows of this length");
        }
        encoder.encode().expect("all rows are there").recovery_iter().count()
    })
}

/// Restores the first `repair` source shards from as many repair shards and the other source shards.
fn decoding_theirs(source: &Source, repair: usize) -> Subject<'_> {
    let mut encoder = reed_solomon_encoder(source, repair);
    for row in source.rows() {
        encoder.add_original_shard(row).expect("there are k rows of this length");
    }
    let made = encoder.encode().expect("all rows are there");
    let repairs: Vec<Vec<u8>> = made.recovery_iter().map(<[u8]>::to_vec).collect();
    let (k, len) = (source.params.k(), source.params.shard_len());
    let mut decoder = ReedSolomonDecoder::new(k, repair, len).expect("the shapes measured are valid");
    Subject::new(move || {
        for (index, row) in source.rows().into_iter().enumerate().skip(repair) {
            decoder.add_original_shard(index, row).expect("each row once");
        }
        for (index, row) in repairs.iter().enumerate() {
            decoder.add_recovery_shard(index, row).expect("each row once");
        }
        decoder.decode().expect("there are k shards").restored_original_iter().count()
    })
}

fn reed_solomon_encoder(source: &Source, repair: usize) -> ReedSolomonEncoder {
    let (k, len) = (source.params.k(), source.params.shard_len());
    ReedSolomonEncoder::new(k, repair, len).expect("the shapes measured are valid")
}

fn canonical(index: usize) -> ShardId {
    ShardId::Canonical(u16::try_from(index).expect("there are 256 canonical shards"))
}
