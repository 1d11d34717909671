//! The test vectors of `docs/spec/vectors`, which were made from the specification without our code: what we write
//! is what they say, and what they say is what we read.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod frames;
mod headers;
mod shards;

use braidcast_coding::{Coefficients, ShardId};
use braidcast_protocol::rpc::Limits;
use bytes::Bytes;
use serde_json::Value;

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The entries of a list, of which there must be some.
fn list(value: &Value) -> &[Value] {
    let entries = value.as_array().unwrap();
    assert!(!entries.is_empty());
    entries
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap().try_into().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Bytes {
    let digits = text(value);
    assert!(digits.len().is_multiple_of(2), "{digits}");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Which combination an entry with `index` or `coefficients` is.
fn id(entry: &Value) -> ShardId {
    match entry.get("index") {
        Some(index) => ShardId::Canonical(number(index).try_into().unwrap()),
        None => ShardId::Dense(Coefficients::from_slice(&bytes(&entry["coefficients"]))),
    }
}

/// What a reader must be set to for the outcomes that a file tells.
fn limits(file: &Value) -> Limits {
    let limits = &file["limits"];
    Limits {
        message_bytes_max: number(&limits["message_bytes_max"]),
        topic_bytes_max: number(&limits["topic_bytes_max"]),
        entries_max: Limits::ENTRIES_MAX,
    }
}
