//! Protobuf primitives: fields in, fields out, over `prost::encoding`.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, decode_key, decode_varint, encode_varint, encoded_len_varint, skip_field};
use smallvec::SmallVec;

use super::RpcFault;

/// The field of our extension in `RPC` and in `ControlExtensions`.
///
/// Experimental extensions take a number above 0x200000 (gossipsub v1.3, "Extensions").
pub(super) const CODED_EXTENSION: u32 = 0x2b_8a1d;

/// A field's value, as far as we use it.
pub(super) enum Value {
    Varint(u64),
    Bytes(Bytes),
}

/// Calls `visit` for each field of a message; unknown wire types are skipped.
pub(super) fn each_field(
    mut message: Bytes,
    mut visit: impl FnMut(u32, Value) -> Result<(), RpcFault>,
) -> Result<(), RpcFault> {
    while message.has_remaining() {
        let (tag, wire) = decode_key(&mut message).map_err(|_| RpcFault::Truncated)?;
        match wire {
            WireType::Varint => {
                let value = decode_varint(&mut message).map_err(|_| RpcFault::Truncated)?;
                visit(tag, Value::Varint(value))?;
            }
            WireType::LengthDelimited => {
                let length = decode_varint(&mut message).map_err(|_| RpcFault::Truncated)?;
                let length = usize::try_from(length).map_err(|_| RpcFault::Truncated)?;
                if length > message.remaining() {
                    return Err(RpcFault::Truncated);
                }
                visit(tag, Value::Bytes(message.split_to(length)))?;
            }
            WireType::ThirtyTwoBit | WireType::SixtyFourBit | WireType::StartGroup | WireType::EndGroup => {
                skip_field(wire, tag, &mut message, prost::encoding::DecodeContext::default())
                    .map_err(|_| RpcFault::Truncated)?;
            }
        }
    }
    Ok(())
}

/// Where fields are written to: a buffer, or a counter of their length.
pub(super) trait Sink {
    fn varint(&mut self, value: u64);
    fn bytes(&mut self, bytes: &[u8]);
    /// A body that need not be copied.
    fn body(&mut self, body: &Bytes);
}

/// A message that can write its fields.
pub(super) trait Encode {
    fn encode(&self, sink: &mut impl Sink);

    fn encoded_len(&self) -> usize {
        let mut counter = Counter(0);
        self.encode(&mut counter);
        counter.0
    }
}

pub(super) fn put_varint(sink: &mut impl Sink, tag: u32, value: u64) {
    put_key(sink, tag, WireType::Varint);
    sink.varint(value);
}

pub(super) fn put_bytes(sink: &mut impl Sink, tag: u32, bytes: &[u8]) {
    put_key(sink, tag, WireType::LengthDelimited);
    sink.varint(bytes.len() as u64);
    sink.bytes(bytes);
}

pub(super) fn put_body(sink: &mut impl Sink, tag: u32, body: &Bytes) {
    put_key(sink, tag, WireType::LengthDelimited);
    sink.varint(body.len() as u64);
    sink.body(body);
}

/// A nested message.
pub(super) fn put_message(sink: &mut impl Sink, tag: u32, message: &impl Encode) {
    put_key(sink, tag, WireType::LengthDelimited);
    sink.varint(message.encoded_len() as u64);
    message.encode(sink);
}

fn put_key(sink: &mut impl Sink, tag: u32, wire: WireType) {
    sink.varint(u64::from(tag) << 3 | wire as u64);
}

/// Adds up lengths.
struct Counter(usize);

impl Sink for Counter {
    fn varint(&mut self, value: u64) {
        self.0 += encoded_len_varint(value);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn body(&mut self, body: &Bytes) {
        self.0 += body.len();
    }
}

/// Collects bytes; bodies of at least [`JOIN_BYTES_MAX`] become chunks of their own.
#[derive(Default)]
pub(super) struct Chunks {
    done: SmallVec<[Bytes; 4]>,
    open: BytesMut,
}

/// Below this, copying a body is cheaper than another chunk in a vectored write.
const JOIN_BYTES_MAX: usize = 1024;

impl Chunks {
    pub(super) fn finish(mut self) -> SmallVec<[Bytes; 4]> {
        if !self.open.is_empty() {
            self.done.push(self.open.freeze());
        }
        self.done
    }
}

impl Sink for Chunks {
    fn varint(&mut self, value: u64) {
        encode_varint(value, &mut self.open);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.open.put_slice(bytes);
    }

    fn body(&mut self, body: &Bytes) {
        if body.len() < JOIN_BYTES_MAX {
            return self.open.put_slice(body);
        }
        if !self.open.is_empty() {
            self.done.push(self.open.split().freeze());
        }
        self.done.push(body.clone());
    }
}
