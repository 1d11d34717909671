//! A node's state at one moment, for people and for the HTTP API.

use std::time::Duration;

use braidcast_protocol::{ContentId, Mode, PeerId, PeerScore, Protocol, Topic};

/// A node's state at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// This node.
    pub peer_id: PeerId,
    /// Coded or plain.
    pub mode: Mode,
    /// Multiaddrs it listens on, without the peer id.
    pub listen: Vec<String>,
    /// Its live links.
    pub peers: Vec<PeerSnapshot>,
    /// The topics it has joined.
    pub topics: Vec<TopicSnapshot>,
    /// Messages seen within the seen-cache time, oldest first.
    pub seen: Vec<ContentId>,
    /// Messages of which it holds some shards but not yet enough, with the bytes held.
    pub undecoded: Vec<(ContentId, usize)>,
    /// Counters since the start.
    pub counters: Counters,
}

/// One live link.
#[derive(Clone, Debug)]
pub struct PeerSnapshot {
    /// Who.
    pub peer: PeerId,
    /// Where, as a multiaddr.
    pub address: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// Whether it takes coded shards.
    pub coded: bool,
    /// Smoothed round-trip time, once measured.
    pub rtt: Option<Duration>,
    /// Topics it has subscribed to.
    pub topics: Vec<Topic>,
    /// What this node thinks of it; `None` when peers are not scored.
    pub score: Option<PeerScore>,
}

/// One joined topic.
#[derive(Clone, Debug)]
pub struct TopicSnapshot {
    /// Its name.
    pub topic: Topic,
    /// Members of its mesh.
    pub mesh: Vec<PeerId>,
    /// All linked peers that subscribed to it.
    pub peers: Vec<PeerId>,
}

/// Counters since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Frames sent.
    pub frames_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Frames received.
    pub frames_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Messages published here.
    pub published: u64,
    /// Messages delivered here, own ones included.
    pub delivered: u64,
}
