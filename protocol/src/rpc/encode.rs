//! Typed RPC to frame.

use braidcast_coding::ShardId;
use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::wire::{CODED_EXTENSION, Chunks, Encode, Sink, put_body, put_bytes, put_message, put_varint};
use super::{
    Coded, Control, Extensions, HashList, Have, Header, IHave, Message, MessageId, PeerInfo, Prune, Rpc,
    Shard, Subscription, Topic, Want,
};

/// A frame in pieces, to be sent one after another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame(SmallVec<[Bytes; 4]>);

impl Frame {
    /// Length of all pieces, bytes.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces, borrowed.
    pub fn pieces(&self) -> SmallVec<[&[u8]; 4]> {
        self.0.iter().map(|piece| &**piece).collect()
    }

    /// The pieces.
    pub fn into_chunks(self) -> SmallVec<[Bytes; 4]> {
        self.0
    }

    /// The whole frame in one buffer; copies unless there is only one piece.
    pub fn into_bytes(self) -> Bytes {
        match self.0.as_slice() {
            [] => Bytes::new(),
            [one] => one.clone(),
            pieces => {
                let mut all = BytesMut::with_capacity(self.len());
                pieces.iter().for_each(|piece| all.extend_from_slice(piece));
                all.freeze()
            }
        }
    }
}

pub(super) fn rpc(rpc: &Rpc) -> Frame {
    Frame(chunks(rpc))
}

pub(super) fn rpc_len(rpc: &Rpc) -> usize {
    Encode::encoded_len(rpc)
}

/// What GossipSub signs: a fixed prefix, then the message without signature and key.
pub(super) fn signed(message: &Message) -> Frame {
    let mut chunks = chunks(&Unsigned(message));
    chunks.insert(0, Bytes::from_static(b"libp2p-pubsub:"));
    Frame(chunks)
}

fn chunks(message: &impl Encode) -> SmallVec<[Bytes; 4]> {
    let mut chunks = Chunks::default();
    message.encode(&mut chunks);
    chunks.finish()
}

impl Encode for Rpc {
    fn encode(&self, sink: &mut impl Sink) {
        for change in &self.subscriptions {
            put_message(sink, 1, change);
        }
        for message in &self.publish {
            put_message(sink, 2, &**message);
        }
        if !self.control.is_empty() {
            put_message(sink, 3, &self.control);
        }
        if !self.coded.is_empty() {
            put_message(sink, CODED_EXTENSION, &self.coded);
        }
    }
}

impl Encode for Subscription {
    fn encode(&self, sink: &mut impl Sink) {
        put_varint(sink, 1, u64::from(self.subscribe));
        put_bytes(sink, 2, self.topic.as_str().as_bytes());
    }
}

struct Unsigned<'a>(&'a Message);

impl Encode for Unsigned<'_> {
    fn encode(&self, sink: &mut impl Sink) {
        if let Some(publisher) = &self.0.publisher {
            put_bytes(sink, 1, publisher.as_bytes());
        }
        put_body(sink, 2, &self.0.data);
        if let Some(seqno) = self.0.seqno {
            put_bytes(sink, 3, &seqno.to_be_bytes());
        }
        put_bytes(sink, 4, self.0.topic.as_str().as_bytes());
    }
}

/// Everything short goes ahead of the payload, so that the receiver knows early what is coming
/// ([`super::MessageHead`]). What is signed has the specification's order.
impl Encode for Message {
    fn encode(&self, sink: &mut impl Sink) {
        if let Some(publisher) = &self.publisher {
            put_bytes(sink, 1, publisher.as_bytes());
        }
        if let Some(seqno) = self.seqno {
            put_bytes(sink, 3, &seqno.to_be_bytes());
        }
        put_bytes(sink, 4, self.topic.as_str().as_bytes());
        put_body(sink, 2, &self.data);
        if !self.signature.is_empty() {
            put_bytes(sink, 5, &self.signature);
        }
        if !self.key.is_empty() {
            put_bytes(sink, 6, &self.key);
        }
    }
}

impl Encode for Control {
    fn encode(&self, sink: &mut impl Sink) {
        for ihave in &self.ihave {
            put_message(sink, 1, ihave);
        }
        if !self.iwant.is_empty() {
            put_message(sink, 2, &Ids(&self.iwant));
        }
        for topic in &self.graft {
            put_message(sink, 3, &Graft(topic));
        }
        for prune in &self.prune {
            put_message(sink, 4, prune);
        }
        if !self.idontwant.is_empty() {
            put_message(sink, 5, &Ids(&self.idontwant));
        }
        if let Some(extensions) = &self.extensions {
            put_message(sink, 6, extensions);
        }
    }
}

impl Encode for IHave {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.topic.as_str().as_bytes());
        for id in &self.ids {
            put_bytes(sink, 2, id.as_bytes());
        }
    }
}

/// IWANT and IDONTWANT are the same on the wire.
struct Ids<'a>(&'a [MessageId]);

impl Encode for Ids<'_> {
    fn encode(&self, sink: &mut impl Sink) {
        for id in self.0 {
            put_bytes(sink, 1, id.as_bytes());
        }
    }
}

struct Graft<'a>(&'a Topic);

impl Encode for Graft<'_> {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.0.as_str().as_bytes());
    }
}

impl Encode for Prune {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.topic.as_str().as_bytes());
        for info in &self.peers {
            put_message(sink, 2, info);
        }
        if let Some(backoff) = self.backoff_s {
            put_varint(sink, 3, backoff);
        }
    }
}

impl Encode for PeerInfo {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.peer.as_bytes());
        if let Some(record) = &self.record {
            put_bytes(sink, 2, record);
        }
    }
}

impl Encode for Extensions {
    fn encode(&self, sink: &mut impl Sink) {
        if self.coded {
            put_varint(sink, CODED_EXTENSION, 1);
        }
    }
}

impl Encode for Coded {
    fn encode(&self, sink: &mut impl Sink) {
        for header in &self.headers {
            put_message(sink, 1, &**header);
        }
        for shard in &self.shards {
            put_message(sink, 2, shard);
        }
        for have in &self.haves {
            put_message(sink, 3, have);
        }
        for want in &self.wants {
            put_message(sink, 4, want);
        }
        for list in &self.lists {
            put_message(sink, 5, list);
        }
    }
}

impl Encode for Header {
    fn encode(&self, sink: &mut impl Sink) {
        put_body(sink, 1, self.body());
        put_bytes(sink, 2, self.signature());
        if !self.key().is_empty() {
            put_bytes(sink, 3, self.key());
        }
    }
}

impl Encode for HashList {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.message.as_bytes());
        put_body(sink, 2, self.hashes.as_bytes());
    }
}

impl Encode for Shard {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.message.as_bytes());
        match &self.id {
            ShardId::Canonical(index) => put_varint(sink, 2, u64::from(*index)),
            ShardId::Dense(coefficients) => put_bytes(sink, 3, coefficients),
        }
        put_body(sink, 4, &self.body);
        if self.vouched {
            put_varint(sink, 5, 1);
        }
    }
}

impl Encode for Have {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.message.as_bytes());
        put_varint(sink, 2, u64::from(self.rank));
        if self.verified != 0 {
            put_varint(sink, 3, self.verified);
        }
        if self.sources != 0 {
            put_varint(sink, 4, u64::from(self.sources));
        }
        if self.checks {
            put_varint(sink, 5, 1);
        }
        if self.doubts {
            put_varint(sink, 6, 1);
        }
    }
}

impl Encode for Want {
    fn encode(&self, sink: &mut impl Sink) {
        put_bytes(sink, 1, self.message.as_bytes());
        put_varint(sink, 2, u64::from(self.count));
        if !self.indices.is_empty() {
            put_bytes(sink, 3, &self.indices);
        }
    }
}
