//! The trace messages as tables: number, name and kind of each field, in the order Go prints them.

/// One field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// Its number on the wire.
    pub(super) number: u64,
    /// Its name in JSON.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) kind: Kind,
    /// Whether it is a list.
    pub(super) is_list: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A signed or unsigned number; those here print alike.
    Int,
    /// `true` or `false`.
    Bool,
    /// Text.
    Text,
    /// Bytes, printed as base64.
    Bytes,
    /// Another message.
    Message(&'static [Field]),
}

const fn one(number: u64, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, is_list: false }
}

const fn list(number: u64, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, is_list: true }
}

/// Names of the event types, by number; gossipsub has those before the shards.
pub(super) const TYPES: &[&str] = &[
    "PUBLISH_MESSAGE",
    "REJECT_MESSAGE",
    "DUPLICATE_MESSAGE",
    "DELIVER_MESSAGE",
    "ADD_PEER",
    "REMOVE_PEER",
    "RECV_RPC",
    "SEND_RPC",
    "DROP_RPC",
    "JOIN",
    "LEAVE",
    "GRAFT",
    "PRUNE",
    "DUPLICATE_SHARD",
    "UNHELPFUL_SHARD",
    "UNNECESSARY_SHARD",
    "NEW_SHARD",
];

/// The types with a line of their own, and the field that holds the shard.
pub(super) const SHARD_TYPES: &[(&str, &str)] = &[
    ("DUPLICATE_SHARD", "duplicateShard"),
    ("UNHELPFUL_SHARD", "unhelpfulShard"),
    ("UNNECESSARY_SHARD", "unnecessaryShard"),
    ("NEW_SHARD", "newShard"),
];

/// `optimum.pb.TraceEvent`.
pub(super) const OPTIMUM: &[Field] = &[
    one(1, "type", Kind::Int),
    one(2, "peerID", Kind::Bytes),
    one(3, "timestamp", Kind::Int),
    one(4, "publishMessage", Kind::Message(PUBLISH)),
    one(5, "rejectMessage", Kind::Message(REJECT)),
    one(6, "duplicateMessage", Kind::Message(DUPLICATE)),
    one(7, "deliverMessage", Kind::Message(DELIVER)),
    one(8, "addPeer", Kind::Message(ADD_PEER)),
    one(9, "removePeer", Kind::Message(PEER)),
    one(10, "recvRPC", Kind::Message(OPTIMUM_RECV)),
    one(11, "sendRPC", Kind::Message(OPTIMUM_SEND)),
    one(12, "dropRPC", Kind::Message(OPTIMUM_DROP)),
    one(13, "join", Kind::Message(JOIN)),
    one(14, "leave", Kind::Message(LEAVE)),
    one(15, "graft", Kind::Message(PEER_AND_TOPIC)),
    one(16, "prune", Kind::Message(PEER_AND_TOPIC)),
    one(17, "duplicateShard", Kind::Message(SHARD)),
    one(18, "unhelpfulShard", Kind::Message(SHARD)),
    one(19, "unnecessaryShard", Kind::Message(SHARD)),
    one(20, "newShard", Kind::Message(SHARD)),
];

/// `pubsub.pb.TraceEvent`.
pub(super) const GOSSIPSUB: &[Field] = &[
    one(1, "type", Kind::Int),
    one(2, "peerID", Kind::Bytes),
    one(3, "timestamp", Kind::Int),
    one(4, "publishMessage", Kind::Message(PUBLISH)),
    one(5, "rejectMessage", Kind::Message(REJECT)),
    one(6, "duplicateMessage", Kind::Message(DUPLICATE)),
    one(7, "deliverMessage", Kind::Message(DELIVER)),
    one(8, "addPeer", Kind::Message(ADD_PEER)),
    one(9, "removePeer", Kind::Message(PEER)),
    one(10, "recvRPC", Kind::Message(GOSSIPSUB_RECV)),
    one(11, "sendRPC", Kind::Message(GOSSIPSUB_SEND)),
    one(12, "dropRPC", Kind::Message(GOSSIPSUB_SEND)),
    one(13, "join", Kind::Message(JOIN)),
    one(14, "leave", Kind::Message(LEAVE)),
    one(15, "graft", Kind::Message(PEER_AND_TOPIC)),
    one(16, "prune", Kind::Message(PEER_AND_TOPIC)),
];

const PUBLISH: &[Field] = &[one(1, "messageID", Kind::Bytes), one(2, "topic", Kind::Text)];
const REJECT: &[Field] = &[
    one(1, "messageID", Kind::Bytes),
    one(2, "receivedFrom", Kind::Bytes),
    one(3, "reason", Kind::Text),
    one(4, "topic", Kind::Text),
];
const DUPLICATE: &[Field] =
    &[one(1, "messageID", Kind::Bytes), one(2, "receivedFrom", Kind::Bytes), one(3, "topic", Kind::Text)];
/// Topic and sender are the other way round than in a duplicate.
const DELIVER: &[Field] =
    &[one(1, "messageID", Kind::Bytes), one(2, "topic", Kind::Text), one(3, "receivedFrom", Kind::Bytes)];
const ADD_PEER: &[Field] = &[one(1, "peerID", Kind::Bytes), one(2, "proto", Kind::Text)];
const PEER: &[Field] = &[one(1, "peerID", Kind::Bytes)];
const JOIN: &[Field] = &[one(1, "topic", Kind::Text)];
/// There is no field 1.
const LEAVE: &[Field] = &[one(2, "topic", Kind::Text)];
const PEER_AND_TOPIC: &[Field] = &[one(1, "peerID", Kind::Bytes), one(2, "topic", Kind::Text)];
const SHARD: &[Field] = &[
    one(1, "messageID", Kind::Bytes),
    one(2, "receivedFrom", Kind::Bytes),
    one(3, "coefficients", Kind::Bytes),
];

const OPTIMUM_RECV: &[Field] = &[
    one(1, "receivedFrom", Kind::Bytes),
    one(2, "meta", Kind::Message(OPTIMUM_META)),
    one(3, "length", Kind::Int),
];
const OPTIMUM_SEND: &[Field] = &[
    one(1, "sendTo", Kind::Bytes),
    one(2, "meta", Kind::Message(OPTIMUM_META)),
    one(3, "length", Kind::Int),
];
const OPTIMUM_DROP: &[Field] = &[one(1, "sendTo", Kind::Bytes), one(2, "meta", Kind::Message(OPTIMUM_META))];
const OPTIMUM_META: &[Field] = &[
    list(1, "messages", Kind::Message(PUBLISH)),
    list(2, "shards", Kind::Message(SHARD_META)),
    list(3, "subscription", Kind::Message(SUBSCRIPTION)),
    one(4, "control", Kind::Message(CONTROL)),
];

const GOSSIPSUB_RECV: &[Field] =
    &[one(1, "receivedFrom", Kind::Bytes), one(2, "meta", Kind::Message(GOSSIPSUB_META))];
const GOSSIPSUB_SEND: &[Field] =
    &[one(1, "sendTo", Kind::Bytes), one(2, "meta", Kind::Message(GOSSIPSUB_META))];
const GOSSIPSUB_META: &[Field] = &[
    list(1, "messages", Kind::Message(PUBLISH)),
    list(2, "subscription", Kind::Message(SUBSCRIPTION)),
    one(3, "control", Kind::Message(CONTROL)),
];

const SHARD_META: &[Field] = &[one(1, "messageID", Kind::Bytes)];
const SUBSCRIPTION: &[Field] = &[one(1, "subscribe", Kind::Bool), one(2, "topic", Kind::Text)];
const CONTROL: &[Field] = &[
    list(1, "ihave", Kind::Message(IHAVE)),
    list(2, "iwant", Kind::Message(IDS)),
    list(3, "graft", Kind::Message(JOIN)),
    list(4, "prune", Kind::Message(PRUNE)),
    list(5, "idontwant", Kind::Message(IDS)),
];
const IHAVE: &[Field] = &[one(1, "topic", Kind::Text), list(2, "messageIDs", Kind::Bytes)];
const IDS: &[Field] = &[list(1, "messageIDs", Kind::Bytes)];
const PRUNE: &[Field] = &[one(1, "topic", Kind::Text), list(2, "peers", Kind::Bytes)];
