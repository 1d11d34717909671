//! Frame to typed RPC, within limits that hold before anything is allocated.

use alloc::sync::Arc;
use alloc::vec::Vec;

use braidcast_coding::{Coefficients, ShardId};
use bytes::Bytes;

use super::wire::{CODED_EXTENSION, Value, each_field};
use super::{
    Coded, Control, Extensions, HashList, Have, Header, HeaderFault, IHave, Message, PeerInfo, Prune, Rpc,
    Shard, ShardHashes, Subscription, Want,
};
use crate::{CodingId, MessageId, PeerId, Topic};

/// What a frame may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Longest payload, bytes.
    pub message_bytes_max: usize,
    /// Longest topic name, bytes.
    pub topic_bytes_max: usize,
    /// Entries of all kinds together.
    pub entries_max: usize,
}

impl Limits {
    /// Room in a frame for everything but bodies, bytes.
    pub const OVERHEAD_BYTES: usize = 64 * 1024;

    /// Longest message id that is taken, bytes.
    pub const MESSAGE_ID_BYTES_MAX: usize = 256;

    /// Longest signature or public key, bytes (RSA-4096 with room to spare).
    pub const SIGNATURE_BYTES_MAX: usize = 1024;

    /// Longest signed peer record, bytes.
    pub const RECORD_BYTES_MAX: usize = 8192;

    /// Default of [`Self::entries_max`].
    pub const ENTRIES_MAX: usize = 10_000;

    /// Longest frame that can be well-formed, bytes.
    pub const fn frame_bytes_max(&self) -> usize {
        self.message_bytes_max + Self::OVERHEAD_BYTES
    }
}

/// What is wrong with a frame. The peer that sent it is to blame.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RpcFault {
    /// It ends within a field, or is no protobuf.
    #[error("truncated or no protobuf")]
    Truncated,
    /// The frame is longer than allowed.
    #[error("frame of {bytes} bytes, limit is {bytes_max}")]
    FrameTooLong {
        /// Its length, as far as it is known.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A field is longer than allowed.
    #[error("{field} of {bytes} bytes, limit is {bytes_max}")]
    TooLong {
        /// Which.
        field: &'static str,
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// More entries than allowed.
    #[error("more than {max} entries")]
    TooManyEntries {
        /// The limit.
        max: usize,
    },
    /// A required field is absent or has no sensible value.
    #[error("bad or missing {field}")]
    BadField {
        /// Which.
        field: &'static str,
    },
    /// A coded header contradicts itself.
    #[error("bad header: {0}")]
    BadHeader(HeaderFault),
}

/// Decodes with a budget of entries.
struct Decoder<'a> {
    limits: &'a Limits,
    entries: usize,
}

pub(super) fn rpc(frame: Bytes, limits: &Limits) -> Result<Rpc, RpcFault> {
    let (bytes, bytes_max) = (frame.len(), limits.frame_bytes_max());
    if bytes > bytes_max {
        return Err(RpcFault::FrameTooLong { bytes, bytes_max });
    }
    let mut decoder = Decoder { limits, entries: 0 };
    let mut rpc = Rpc::default();
    each_field(frame, |tag, value| {
        match (tag, value) {
            (1, Value::Bytes(bytes)) => rpc.subscriptions.push(decoder.subscription(bytes)?),
            (2, Value::Bytes(bytes)) => rpc.publish.push(Arc::new(decoder.message(bytes)?)),
            (3, Value::Bytes(bytes)) => decoder.control(bytes, &mut rpc.control)?,
            (CODED_EXTENSION, Value::Bytes(bytes)) => decoder.coded(bytes, &mut rpc.coded)?,
            (_, Value::Bytes(_) | Value::Varint(_)) => {}
        }
        Ok(())
    })?;
    Ok(rpc)
}

impl Decoder<'_> {
    /// Counts one entry of any kind, before it is stored.
    fn entry(&mut self) -> Result<(), RpcFault> {
        self.entries += 1;
        match self.entries <= self.limits.entries_max {
            true => Ok(()),
            false => Err(RpcFault::TooManyEntries { max: self.limits.entries_max }),
        }
    }

    fn topic(&self, bytes: &[u8]) -> Result<Topic, RpcFault> {
        at_most("topic", bytes.len(), self.limits.topic_bytes_max)?;
        core::str::from_utf8(bytes).map(Topic::new).map_err(|_| RpcFault::BadField { field: "topic" })
    }

    fn message_id(&mut self, bytes: &[u8]) -> Result<MessageId, RpcFault> {
        self.entry()?;
        at_most("message id", bytes.len(), Limits::MESSAGE_ID_BYTES_MAX)?;
        Ok(MessageId::from_bytes(bytes))
    }

    fn subscription(&mut self, bytes: Bytes) -> Result<Subscription, RpcFault> {
        self.entry()?;
        let (mut subscribe, mut topic) = (false, None);
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Varint(value)) => subscribe = value != 0,
                (2, Value::Bytes(bytes)) => topic = Some(self.topic(&bytes)?),
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        Ok(Subscription { subscribe, topic: required("subscription topic", topic)? })
    }

    fn message(&mut self, bytes: Bytes) -> Result<Message, RpcFault> {
        self.entry()?;
        let (mut publisher, mut seqno, mut topic) = (None, None, None);
        let (mut data, mut signature, mut key) = (Bytes::new(), Bytes::new(), Bytes::new());
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => publisher = Some(peer_id("message from", &bytes)?),
                (2, Value::Bytes(bytes)) => {
                    at_most("message data", bytes.len(), self.limits.message_bytes_max)?;
                    data = bytes;
                }
                (3, Value::Bytes(bytes)) => seqno = Some(seqno_of(&bytes)?),
                (4, Value::Bytes(bytes)) => topic = Some(self.topic(&bytes)?),
                (5, Value::Bytes(bytes)) => signature = credential("signature", bytes)?,
                (6, Value::Bytes(bytes)) => key = credential("key", bytes)?,
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        Ok(Message { publisher, seqno, topic: required("message topic", topic)?, data, signature, key })
    }

    fn control(&mut self, bytes: Bytes, control: &mut Control) -> Result<(), RpcFault> {
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => control.ihave.push(self.ihave(bytes)?),
                (2, Value::Bytes(bytes)) => self.ids(bytes, &mut control.iwant)?,
                (3, Value::Bytes(bytes)) => control.graft.push(self.graft(bytes)?),
                (4, Value::Bytes(bytes)) => control.prune.push(self.prune(bytes)?),
                (5, Value::Bytes(bytes)) => self.ids(bytes, &mut control.idontwant)?,
                (6, Value::Bytes(bytes)) => control.extensions = Some(extensions(bytes)?),
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })
    }

    fn ihave(&mut self, bytes: Bytes) -> Result<IHave, RpcFault> {
        self.entry()?;
        let (mut topic, mut ids) = (None, Vec::new());
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => topic = Some(self.topic(&bytes)?),
                (2, Value::Bytes(bytes)) => ids.push(self.message_id(&bytes)?),
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        Ok(IHave { topic: required("ihave topic", topic)?, ids })
    }

    fn ids(&mut self, bytes: Bytes, ids: &mut Vec<MessageId>) -> Result<(), RpcFault> {
        each_field(bytes, |tag, value| {
            if let (1, Value::Bytes(bytes)) = (tag, value) {
                ids.push(self.message_id(&bytes)?);
            }
            Ok(())
        })
    }

    fn graft(&mut self, bytes: Bytes) -> Result<Topic, RpcFault> {
        self.entry()?;
        let mut topic = None;
        each_field(bytes, |tag, value| {
            if let (1, Value::Bytes(bytes)) = (tag, value) {
                topic = Some(self.topic(&bytes)?);
            }
            Ok(())
        })?;
        required("graft topic", topic)
    }

    fn prune(&mut self, bytes: Bytes) -> Result<Prune, RpcFault> {
        self.entry()?;
        let (mut topic, mut peers, mut backoff_s) = (None, Vec::new(), None);
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => topic = Some(self.topic(&bytes)?),
                (2, Value::Bytes(bytes)) => peers.push(self.peer_info(bytes)?),
                (3, Value::Varint(value)) => backoff_s = Some(value),
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        Ok(Prune { topic: required("prune topic", topic)?, peers, backoff_s })
    }

    fn peer_info(&mut self, bytes: Bytes) -> Result<PeerInfo, RpcFault> {
        self.entry()?;
        let (mut peer, mut record) = (None, None);
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => peer = Some(peer_id("peer to turn to", &bytes)?),
                (2, Value::Bytes(bytes)) => {
                    at_most("signed peer record", bytes.len(), Limits::RECORD_BYTES_MAX)?;
                    record = Some(Bytes::copy_from_slice(&bytes));
                }
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        Ok(PeerInfo { peer: required("peer to turn to", peer)?, record })
    }

    fn coded(&mut self, bytes: Bytes, coded: &mut Coded) -> Result<(), RpcFault> {
        each_field(bytes, |tag, value| {
            self.entry()?;
            match (tag, value) {
                (1, Value::Bytes(bytes)) => coded.headers.push(Arc::new(self.header(bytes)?)),
                (2, Value::Bytes(bytes)) => coded.shards.push(self.shard(bytes)?),
                (3, Value::Bytes(bytes)) => coded.haves.push(have(bytes)?),
                (4, Value::Bytes(bytes)) => coded.wants.push(want(bytes)?),
                (5, Value::Bytes(bytes)) => coded.lists.push(hash_list(bytes)?),
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })
    }

    fn header(&mut self, bytes: Bytes) -> Result<Header, RpcFault> {
        let (mut body, mut signature, mut key) = (Bytes::new(), Bytes::new(), Bytes::new());
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => {
                    at_most("header", bytes.len(), Header::BODY_BYTES_MAX + self.limits.topic_bytes_max)?;
                    body = bytes;
                }
                (2, Value::Bytes(bytes)) => signature = credential("signature", bytes)?,
                (3, Value::Bytes(bytes)) => key = credential("key", bytes)?,
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        let header = Header::from_parts(body, signature, key)?;
        at_most("topic", header.topic.as_str().len(), self.limits.topic_bytes_max)?;
        at_most("message", header.params.message_len(), self.limits.message_bytes_max)?;
        Ok(header)
    }

    fn shard(&mut self, bytes: Bytes) -> Result<Shard, RpcFault> {
        let (mut message, mut id, mut body, mut vouched) = (None, None, Bytes::new(), false);
        each_field(bytes, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => message = Some(coding_id(&bytes)?),
                (2, Value::Varint(index)) => {
                    let index =
                        u16::try_from(index).map_err(|_| RpcFault::BadField { field: "shard index" })?;
                    id = Some(ShardId::Canonical(index));
                }
                (3, Value::Bytes(bytes)) => {
                    at_most("coefficients", bytes.len(), usize::from(u8::MAX))?;
                    id = Some(ShardId::Dense(Coefficients::from_bytes(bytes)));
                }
                (4, Value::Bytes(bytes)) => body = bytes,
                (5, Value::Varint(value)) => vouched = value != 0,
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        let (message, id) = (required("shard message", message)?, required("shard kind", id)?);
        Ok(Shard { message, id, body, vouched })
    }
}

fn extensions(bytes: Bytes) -> Result<Extensions, RpcFault> {
    let mut extensions = Extensions::default();
    each_field(bytes, |tag, value| {
        if let (CODED_EXTENSION, Value::Varint(value)) = (tag, value) {
            extensions.coded = value != 0;
        }
        Ok(())
    })?;
    Ok(extensions)
}

fn have(bytes: Bytes) -> Result<Have, RpcFault> {
    let (mut message, mut rank, mut verified, mut sources) = (None, None, 0, 0);
    let (mut checks, mut doubts) = (false, false);
    each_field(bytes, |tag, value| {
        match (tag, value) {
            (1, Value::Bytes(bytes)) => message = Some(coding_id(&bytes)?),
            (2, Value::Varint(value)) => rank = u16::try_from(value).ok(),
            (3, Value::Varint(value)) => verified = value,
            (4, Value::Varint(value)) => sources = u16::try_from(value).unwrap_or(u16::MAX),
            (5, Value::Varint(value)) => checks = value != 0,
            (6, Value::Varint(value)) => doubts = value != 0,
            (_, Value::Bytes(_) | Value::Varint(_)) => {}
        }
        Ok(())
    })?;
    let (message, rank) = (required("have message", message)?, required("have rank", rank)?);
    Ok(Have { message, rank, verified, sources, checks, doubts })
}

fn want(bytes: Bytes) -> Result<Want, RpcFault> {
    let (mut message, mut count, mut indices) = (None, None, Bytes::new());
    each_field(bytes, |tag, value| {
        match (tag, value) {
            (1, Value::Bytes(bytes)) => message = Some(coding_id(&bytes)?),
            (2, Value::Varint(value)) => count = u16::try_from(value).ok(),
            (3, Value::Bytes(bytes)) => {
                at_most("want indices", bytes.len(), usize::from(u8::MAX))?;
                indices = bytes;
            }
            (_, Value::Bytes(_) | Value::Varint(_)) => {}
        }
        Ok(())
    })?;
    Ok(Want {
        message: required("want message", message)?,
        count: required("want count", count)?,
        indices: indices.as_ref().into(),
    })
}

fn hash_list(bytes: Bytes) -> Result<HashList, RpcFault> {
    let (mut message, mut hashes) = (None, None);
    each_field(bytes, |tag, value| {
        match (tag, value) {
            (1, Value::Bytes(bytes)) => message = Some(coding_id(&bytes)?),
            (2, Value::Bytes(bytes)) => hashes = ShardHashes::new(bytes),
            (_, Value::Bytes(_) | Value::Varint(_)) => {}
        }
        Ok(())
    })?;
    Ok(HashList { message: required("hashes' message", message)?, hashes: required("hashes", hashes)? })
}

pub(super) fn peer_id(field: &'static str, bytes: &[u8]) -> Result<PeerId, RpcFault> {
    PeerId::from_bytes(bytes).ok_or(RpcFault::BadField { field })
}

fn coding_id(bytes: &[u8]) -> Result<CodingId, RpcFault> {
    bytes.try_into().map(CodingId::from_bytes).map_err(|_| RpcFault::BadField { field: "coding id" })
}

/// Source: pubsub specification, `seqno` is a 64-bit big-endian unsigned integer.
fn seqno_of(bytes: &[u8]) -> Result<u64, RpcFault> {
    bytes.try_into().map(u64::from_be_bytes).map_err(|_| RpcFault::BadField { field: "message seqno" })
}

fn credential(field: &'static str, bytes: Bytes) -> Result<Bytes, RpcFault> {
    at_most(field, bytes.len(), Limits::SIGNATURE_BYTES_MAX)?;
    Ok(bytes)
}

pub(super) fn at_most(field: &'static str, bytes: usize, bytes_max: usize) -> Result<(), RpcFault> {
    match bytes <= bytes_max {
        true => Ok(()),
        false => Err(RpcFault::TooLong { field, bytes, bytes_max }),
    }
}

pub(super) fn required<T>(field: &'static str, value: Option<T>) -> Result<T, RpcFault> {
    value.ok_or(RpcFault::BadField { field })
}
