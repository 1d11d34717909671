//! The typed GossipSub RPC with our coded extension, and its codec.
//!
//! Field numbers: pubsub `rpc.proto` of the libp2p specifications for everything up to `extensions`;
//! `docs/spec/coded-mode.md` for the coded part.

mod decode;
mod encode;
mod hashes;
mod head;
mod header;
mod split;
mod wire;

use alloc::sync::Arc;
use alloc::vec::Vec;

use braidcast_coding::ShardId;
use bytes::Bytes;
use smallvec::SmallVec;

pub use self::decode::{Limits, RpcFault};
pub use self::encode::Frame;
pub use self::hashes::{HashCommitment, ShardHashes};
pub use self::head::MessageHead;
pub use self::header::{Header, HeaderFault, HeaderFields};
use crate::{CodingId, ContentId, Keys, MessageId, MessageIds, PeerId, Topic};

/// One frame between two peers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Rpc {
    /// Topics that the sender joins or leaves.
    pub subscriptions: Vec<Subscription>,
    /// Whole messages.
    pub publish: Vec<Arc<Message>>,
    /// Mesh and gossip control.
    pub control: Control,
    /// Coded shards and what steers them.
    pub coded: Coded,
}

impl Rpc {
    /// Reads a frame (without its length prefix); bodies are slices of it.
    pub fn decode(frame: Bytes, limits: &Limits) -> Result<Self, RpcFault> {
        decode::rpc(frame, limits)
    }

    /// Writes a frame without its length prefix; bodies are not copied.
    pub fn encode(&self) -> Frame {
        encode::rpc(self)
    }

    /// Length of [`Self::encode`]'s result, bytes.
    pub fn encoded_len(&self) -> usize {
        encode::rpc_len(self)
    }

    /// Ids in the IDONTWANT of one frame: go reads no more.
    pub const IDONTWANT_IDS_MAX: usize = 10;

    /// Subscriptions in one frame: rust-libp2p takes no more.
    pub const SUBSCRIPTIONS_MAX: usize = 100;

    /// Spreads control over frames of at most about `bytes_max`, and of as many entries as others take; a frame with
    /// bodies stays as it is.
    ///
    /// rust-libp2p closes a stream on which a frame has more than 16 KiB of control.
    pub fn split(self, bytes_max: usize) -> Vec<Self> {
        split::split(self, bytes_max)
    }

    /// Bytes of payload and shards in it.
    pub fn body_bytes(&self) -> usize {
        let messages: usize = self.publish.iter().map(|message| message.data.len()).sum();
        let shards: usize = self.coded.shards.iter().map(|shard| shard.body.len()).sum();
        messages + shards
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.subscriptions.is_empty()
            && self.publish.is_empty()
            && self.control.is_empty()
            && self.coded.is_empty()
    }
}

impl Control {
    /// Whether it says nothing.
    pub const fn is_empty(&self) -> bool {
        let Self { ihave, iwant, graft, prune, idontwant, extensions } = self;
        ihave.is_empty()
            && iwant.is_empty()
            && graft.is_empty()
            && prune.is_empty()
            && idontwant.is_empty()
            && extensions.is_none()
    }
}

impl Coded {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        let Self { headers, shards, haves, wants, lists } = self;
        headers.is_empty() && shards.is_empty() && haves.is_empty() && wants.is_empty() && lists.is_empty()
    }
}

/// A change of one subscription.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Subscription {
    /// Joins, or leaves.
    pub subscribe: bool,
    /// What.
    pub topic: Topic,
}

/// A whole message as GossipSub carries it.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Message {
    /// Who published it, unless it is anonymous.
    pub publisher: Option<PeerId>,
    /// The publisher's sequence number, unless it is anonymous.
    pub seqno: Option<u64>,
    /// Where.
    pub topic: Topic,
    /// What.
    pub data: Bytes,
    /// The publisher's signature, else empty: [`Message::signed`].
    pub signature: Bytes,
    /// The publisher's public key where the peer id does not contain it, else empty.
    pub key: Bytes,
}

impl Message {
    /// The message id. One that lacks what the scheme needs is named by its content; it is going to be refused.
    pub fn id(&self, scheme: MessageIds) -> MessageId {
        match (scheme, self.publisher, self.seqno) {
            (MessageIds::Origin, Some(publisher), Some(seqno)) => MessageId::of(&publisher, seqno),
            (MessageIds::Origin | MessageIds::Content, _, _) => {
                MessageId::of_content(&ContentId::of(&self.data))
            }
        }
    }

    /// Signs it with a node's key; that node is its publisher.
    pub fn sign(&mut self, keys: &dyn Keys) {
        self.signature = keys.sign(&self.signed().pieces());
        self.key = keys.public_key().unwrap_or_default();
    }

    /// Whether `publisher` signed it.
    pub fn verify(&self, publisher: &PeerId, keys: &dyn Keys) -> bool {
        let key = (!self.key.is_empty()).then_some(&*self.key);
        keys.verify(publisher, key, &self.signed().pieces(), &self.signature)
    }

    /// What the signature is over. Source: pubsub specification, "Message Signing".
    pub fn signed(&self) -> Frame {
        encode::signed(self)
    }
}

/// GossipSub control.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Control {
    /// Messages that the sender has.
    pub ihave: Vec<IHave>,
    /// Messages that the sender asks for.
    pub iwant: Vec<MessageId>,
    /// Topics into whose mesh the sender takes us.
    pub graft: Vec<Topic>,
    /// Topics from whose mesh the sender drops us.
    pub prune: Vec<Prune>,
    /// Messages that the sender does not need any more.
    pub idontwant: Vec<MessageId>,
    /// What the sender speaks beside the standard; only in a link's first frame.
    pub extensions: Option<Extensions>,
}

/// Messages of one topic that the sender has.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct IHave {
    /// Their topic.
    pub topic: Topic,
    /// Their ids.
    pub ids: Vec<MessageId>,
}

/// The end of a mesh membership.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Prune {
    /// In which mesh.
    pub topic: Topic,
    /// Others in the topic whom the pruned peer may turn to (gossipsub v1.1 "Peer Exchange").
    pub peers: Vec<PeerInfo>,
    /// How long not to graft again, seconds; `None` from peers before v1.1.
    pub backoff_s: Option<u64>,
}

/// A peer that another one names.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct PeerInfo {
    /// Who.
    pub peer: PeerId,
    /// Its signed record: an envelope as libp2p defines it, which nobody has verified yet.
    pub record: Option<Bytes>,
}

/// Extensions of GossipSub v1.3 that we know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Extensions {
    /// Coded shards, as in `docs/spec/coded-mode.md`.
    pub coded: bool,
}

/// The coded part of a frame. A header stands in the frame of its first shard or in an earlier one, and so does a list
/// of hashes with its first canonical shard.
#[derive(Clone, PartialEq, Eq, Debug, Default, Hash)]
pub struct Coded {
    /// Messages of which shards follow.
    pub headers: Vec<Arc<Header>>,
    /// Shards.
    pub shards: SmallVec<[Shard; 1]>,
    /// What the sender has.
    pub haves: Vec<Have>,
    /// What the sender asks for.
    pub wants: Vec<Want>,
    /// Hashes of the canonical shards that follow.
    pub lists: Vec<HashList>,
}

/// The hashes of a message's canonical shards.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct HashList {
    /// Of which message.
    pub message: CodingId,
    /// The hashes that its header means.
    pub hashes: ShardHashes,
}

/// A linear combination of a message's source shards.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Shard {
    /// Of which message.
    pub message: CodingId,
    /// Which combination.
    pub id: ShardId,
    /// The combination, shard length bytes.
    pub body: Bytes,
    /// The sender says that it is right: made of nothing but what it verified itself. Not needed of canonical shards.
    pub vouched: bool,
}

/// What the sender has of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Have {
    /// Of which message.
    pub message: CodingId,
    /// Its rank; *k* says "decoded, send nothing more".
    pub rank: u16,
    /// Bit *i*: the verified canonical shard *i* (the first 64).
    pub verified: u64,
    /// How many neighbours push shards to it; 0 when it does not say.
    pub sources: u16,
    /// It mixes only shards that it can check, so it needs the hashes ahead of canonical ones.
    pub checks: bool,
    /// It takes no dense shard of ours for which we do not vouch.
    pub doubts: bool,
}

/// A request for shards.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Want {
    /// Of which message.
    pub message: CodingId,
    /// How many, of any kind.
    pub count: u16,
    /// Canonical shards asked for by index; when not empty, only these are useful.
    pub indices: SmallVec<[u8; 16]>,
}
