//! What a node tells about itself: the events of the GossipSub tracer and those of coded shards.
//!
//! Timestamps and the node's own id are added by whoever records them.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{ContentId, MessageId, Misdeed, PeerId, Protocol, Topic};

/// One trace event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trace {
    /// This node published a message.
    PublishMessage {
        /// Which.
        content: ContentId,
        /// Where.
        topic: Topic,
    },
    /// A message was refused.
    RejectMessage {
        /// Its GossipSub id.
        message: MessageId,
        /// Who sent it.
        from: PeerId,
        /// Where.
        topic: Topic,
        /// Why.
        reason: RejectReason,
    },
    /// A whole message came again.
    DuplicateMessage {
        /// Which.
        content: ContentId,
        /// Who sent it.
        from: PeerId,
        /// Where.
        topic: Topic,
    },
    /// A message was complete for the first time.
    DeliverMessage {
        /// Which.
        content: ContentId,
        /// Where.
        topic: Topic,
        /// Who completed it; this node itself for its own messages.
        from: PeerId,
    },
    /// A link came up.
    AddPeer {
        /// Who.
        peer: PeerId,
        /// What it speaks.
        protocol: Protocol,
    },
    /// A link went down.
    RemovePeer {
        /// Who.
        peer: PeerId,
    },
    /// A frame came in.
    RecvRpc {
        /// From whom.
        from: PeerId,
        /// What was in it.
        meta: RpcMeta,
    },
    /// A frame was handed to the driver.
    SendRpc {
        /// To whom.
        to: PeerId,
        /// What was in it.
        meta: RpcMeta,
    },
    /// A message waited too long for a slow link and was dropped.
    DropRpc {
        /// To whom it should have gone.
        to: PeerId,
        /// What was lost.
        meta: RpcMeta,
    },
    /// This node joined a topic.
    Join {
        /// Which.
        topic: Topic,
    },
    /// This node left a topic.
    Leave {
        /// Which.
        topic: Topic,
    },
    /// A peer entered the mesh.
    Graft {
        /// Who.
        peer: PeerId,
        /// Of which topic.
        topic: Topic,
    },
    /// A peer left the mesh.
    Prune {
        /// Who.
        peer: PeerId,
        /// Of which topic.
        topic: Topic,
    },
    /// A shard that raised the rank.
    NewShard(ShardTrace),
    /// A shard that was held already.
    DuplicateShard(ShardTrace),
    /// A shard that depends on those held.
    UnhelpfulShard(ShardTrace),
    /// A shard of a message that is complete.
    UnnecessaryShard(ShardTrace),
    /// The shards held made another message than the published one: those unverified were thrown away.
    PollutedMessage {
        /// Which.
        content: ContentId,
        /// Where.
        topic: Topic,
    },
    /// A peer did something against the rules.
    Misbehaved {
        /// Who.
        peer: PeerId,
        /// What.
        misdeed: Misdeed,
        /// In which topic, when it was in one.
        topic: Option<Topic>,
    },
    /// An undecoded message was given up: too old, or no room.
    ExpiredMessage {
        /// Which.
        content: ContentId,
        /// Where.
        topic: Topic,
    },
}

/// The shard that an event is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardTrace {
    /// Its message.
    pub content: ContentId,
    /// Who sent it.
    pub from: PeerId,
    /// Its *k* coefficients.
    pub coefficients: Bytes,
}

/// Why a message was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RejectReason {
    /// The publisher's signature does not match.
    InvalidSignature,
    /// A signature or an origin is missing, or is there where none may be ([`crate::Signatures`]).
    SignaturePolicy,
    /// A shard does not match its hash in the header.
    InvalidShard,
    /// Too many messages wait for the application.
    ValidationQueueFull,
    /// Its publisher says more than it may ([`crate::PublisherSettings`]).
    PublisherLimit,
    /// The application refused it.
    Validation,
    /// The application ignored it.
    ValidationIgnored,
}

/// What a frame holds, by name. Message ids are content ids where this node knows them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RpcMeta {
    /// Encoded size, bytes, without the length prefix of the stream.
    pub bytes: usize,
    /// Whole messages.
    pub messages: Vec<(ContentId, Topic)>,
    /// Coded shards, by message.
    pub shards: Vec<ContentId>,
    /// Subscription changes: joined or left.
    pub subscriptions: Vec<(bool, Topic)>,
    /// IHAVE entries.
    pub ihave: Vec<(Topic, Vec<MessageId>)>,
    /// IWANT entries.
    pub iwant: Vec<Vec<MessageId>>,
    /// GRAFT entries.
    pub graft: Vec<Topic>,
    /// PRUNE entries.
    pub prune: Vec<Topic>,
    /// IDONTWANT entries.
    pub idontwant: Vec<Vec<MessageId>>,
}
