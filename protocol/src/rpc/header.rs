//! The signed header of a coded message.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use braidcast_coding::{Params, ParamsError};
use bytes::Bytes;

use super::decode::{at_most, peer_id, required};
use super::wire::{Chunks, Encode, Sink, Value, each_field, put_bytes, put_varint};
use super::{HashCommitment, Message, RpcFault};
use crate::{CodingId, ContentId, Keys, MessageId, MessageIds, PeerId, Topic};

/// Before the body in what the publisher signs, so that no other signature can be taken for a header's.
const SIGNING_PREFIX: &[u8] = b"braidcast-coded-header:";

/// What a publisher says of a coded message ahead of its shards.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeaderFields {
    /// Where.
    pub topic: Topic,
    /// Who.
    pub publisher: PeerId,
    /// The publisher's sequence number.
    pub seqno: u64,
    /// *k*, shard length and payload length.
    pub params: Params,
    /// The payload's SHA-256.
    pub content: ContentId,
    /// By what the canonical shards 0..n can be checked.
    pub hashes: HashCommitment,
    /// Signature of the whole message as GossipSub carries it, so that any node can pass it on to a peer that
    /// does not speak the extension.
    pub message_signature: Bytes,
}

/// A header with its signature. Equal headers have equal bodies.
#[derive(Clone)]
pub struct Header {
    fields: HeaderFields,
    id: CodingId,
    body: Bytes,
    signature: Bytes,
    key: Bytes,
}

/// Why a header cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderFault {
    /// *k* or the lengths are out of range.
    #[error("{0}")]
    Params(ParamsError),
    /// Not *k* to 255 shards have hashes.
    #[error("hashes of {n} shards for k = {k}")]
    Hashes {
        /// How many have.
        n: u64,
        /// *k*
        k: usize,
    },
}

impl Header {
    /// Longest body without its topic: a signature and the small fields.
    pub const BODY_BYTES_MAX: usize = 2048;

    /// Signs the fields.
    pub fn sign(fields: HeaderFields, keys: &dyn Keys) -> Self {
        let mut chunks = Chunks::default();
        fields.encode(&mut chunks);
        let body = chunks.finish().into_iter().fold(alloc::vec::Vec::new(), |mut body, chunk| {
            body.extend_from_slice(&chunk);
            body
        });
        let signature = keys.sign(&[SIGNING_PREFIX, &body]);
        let key = keys.public_key().unwrap_or_default();
        Self { id: CodingId::of(&body), fields, body: body.into(), signature, key }
    }

    /// Reads a header as it came; the signature is not checked yet.
    pub(super) fn from_parts(body: Bytes, signature: Bytes, key: Bytes) -> Result<Self, RpcFault> {
        let fields = HeaderFields::decode(body.clone())?;
        // The frame's buffer holds shards as well and must not live as long as the header.
        let detach = |bytes: &Bytes| Bytes::copy_from_slice(bytes);
        Ok(Self {
            id: CodingId::of(&body),
            fields,
            body: detach(&body),
            signature: detach(&signature),
            key: detach(&key),
        })
    }

    /// Whether the publisher signed it.
    pub fn verify(&self, keys: &dyn Keys) -> bool {
        let key = (!self.key.is_empty()).then_some(&*self.key);
        keys.verify(&self.fields.publisher, key, &[SIGNING_PREFIX, &self.body], &self.signature)
    }

    /// The coding id: BLAKE3 of the body.
    pub const fn id(&self) -> CodingId {
        self.id
    }

    /// The GossipSub id of the same message.
    pub fn message_id(&self, scheme: MessageIds) -> MessageId {
        match scheme {
            MessageIds::Origin => MessageId::of(&self.fields.publisher, self.fields.seqno),
            MessageIds::Content => MessageId::of_content(&self.fields.content),
        }
    }

    /// The encoded fields: what is hashed and signed.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The publisher's signature.
    pub const fn signature(&self) -> &Bytes {
        &self.signature
    }

    /// The publisher's key, where its peer id does not contain it, else empty.
    pub const fn key(&self) -> &Bytes {
        &self.key
    }

    /// *n*: how many canonical shards can be checked against their hash.
    pub const fn hashed_shards(&self) -> u16 {
        self.fields.hashes.n
    }

    /// The message as GossipSub carries it.
    pub fn message(&self, data: Bytes) -> Message {
        Message {
            publisher: Some(self.fields.publisher),
            seqno: Some(self.fields.seqno),
            topic: self.fields.topic.clone(),
            data,
            signature: self.fields.message_signature.clone(),
            key: self.key.clone(),
        }
    }
}

impl Deref for Header {
    type Target = HeaderFields;

    fn deref(&self) -> &HeaderFields {
        &self.fields
    }
}

impl Encode for HeaderFields {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.topic.as_str().as_bytes());
        put_bytes(sink, 2, self.publisher.as_bytes());
        put_varint(sink, 3, self.seqno);
        put_varint(sink, 4, self.params.message_len() as u64);
        put_varint(sink, 5, self.params.k() as u64);
        put_bytes(sink, 6, self.content.as_bytes());
        put_varint(sink, 7, u64::from(self.hashes.n));
        put_bytes(sink, 8, &self.hashes.list);
        put_bytes(sink, 9, &self.hashes.first);
        put_bytes(sink, 10, &self.message_signature);
    }
}

impl HeaderFields {
    fn decode(body: Bytes) -> Result<Self, RpcFault> {
        let (mut topic, mut publisher, mut seqno, mut content) = (None, None, None, None);
        let (mut length, mut k) = (0, 0);
        let (mut n, mut list, mut first, mut message_signature) = (0, None, None, Bytes::new());
        each_field(body, |tag, value| {
            match (tag, value) {
                (1, Value::Bytes(bytes)) => topic = core::str::from_utf8(&bytes).ok().map(Topic::new),
                (2, Value::Bytes(bytes)) => publisher = Some(peer_id("header publisher", &bytes)?),
                (3, Value::Varint(value)) => seqno = Some(value),
                (4, Value::Varint(value)) => length = usize::try_from(value).unwrap_or(usize::MAX),
                (5, Value::Varint(value)) => k = usize::try_from(value).unwrap_or(usize::MAX),
                (6, Value::Bytes(bytes)) => content = bytes.as_ref().try_into().ok(),
                (7, Value::Varint(value)) => n = value,
                (8, Value::Bytes(bytes)) => list = bytes.as_ref().try_into().ok(),
                (9, Value::Bytes(bytes)) => first = bytes.as_ref().try_into().ok(),
                (10, Value::Bytes(bytes)) => {
                    at_most("message signature", bytes.len(), super::Limits::SIGNATURE_BYTES_MAX)?;
                    message_signature = Bytes::copy_from_slice(&bytes);
                }
                (_, Value::Bytes(_) | Value::Varint(_)) => {}
            }
            Ok(())
        })?;
        let params = Params::for_message(length, k)
            .map_err(|fault| RpcFault::BadHeader(HeaderFault::Params(fault)))?;
        if n < k as u64 || n > 255 {
            return Err(RpcFault::BadHeader(HeaderFault::Hashes { n, k }));
        }
        let hashes = HashCommitment {
            n: n as u16,
            list: required("header hashes", list)?,
            first: required("header hash of the first shard", first)?,
        };
        Ok(Self {
            topic: required("header topic", topic)?,
            publisher: required("header publisher", publisher)?,
            seqno: required("header seqno", seqno)?,
            params,
            content: ContentId::from_bytes(required("header content", content)?),
            hashes,
            message_signature,
        })
    }
}

impl PartialEq for Header {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.signature == other.signature
    }
}

impl Eq for Header {}

impl Hash for Header {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
        self.signature.hash(state);
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("id", &self.id)
            .field("topic", &self.fields.topic)
            .field("publisher", &self.fields.publisher)
            .field("seqno", &self.fields.seqno)
            .field("params", &self.fields.params)
            .finish_non_exhaustive()
    }
}
