//! What the machine can do at most.

use std::hint::black_box;

use braidcast_coding::SHARD_ALIGN;
use braidcast_coding::kernel::limits::{PRODUCTS_PER_ROUND, multiply, read};
use bytes::Bytes;

use super::data::{KIB, MIB, buffer, random_bytes, size};
use crate::meter::{Meter, Subject};
use crate::{Better, Row, Target};

/// Copying, reading and multiplying, as fast as it goes.
pub(super) fn rows(meter: &Meter) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |case: &str, speed: Option<f64>| {
        rows.push(Row::info(Target::Limit, case, speed, "GB/s", Better::Higher));
    };
    for len in [16 * KIB, 128 * KIB, MIB, 4 * MIB] {
        let bytes = random_bytes(len, 0);
        let [copy_ns, read_ns] = meter.compare([copying(&bytes), reading(&bytes)]);
        add(&format!("{} memcpy", size(len)), Some(len as f64 / copy_ns));
        add(&format!("{} read", size(len)), Some(len as f64 / read_ns));
    }
    let [ns] = meter.compare([multiplying()]);
    add("byte products (GFNI)", products_per_ns(ns));
    rows
}

/// Copies the bytes to a place of their own.
pub(super) fn copying(bytes: &Bytes) -> Subject<'static> {
    let (bytes, mut buffer) = (bytes.clone(), buffer(bytes.len(), 1));
    let start = buffer.as_ptr().align_offset(SHARD_ALIGN);
    Subject::new(move || black_box(&mut buffer[start..][..bytes.len()]).copy_from_slice(black_box(&bytes)))
}

/// Reads the bytes.
pub(super) fn reading(bytes: &Bytes) -> Subject<'static> {
    let bytes = bytes.clone();
    Subject::new(move || read(black_box(&bytes)))
}

/// Multiplies bytes in registers; see [`products_per_ns`].
pub(super) fn multiplying() -> Subject<'static> {
    Subject::new(|| multiply(ROUNDS))
}

/// Byte products per nanosecond, if [`multiplying`] took `ns` and the processor has an instruction for them.
pub(super) fn products_per_ns(ns: f64) -> Option<f64> {
    multiply(1).map(|_| (ROUNDS * PRODUCTS_PER_ROUND) as f64 / ns)
}

const ROUNDS: usize = 1000;
