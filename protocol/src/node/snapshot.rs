//! The state of a node at one moment, for people.

use alloc::vec::Vec;
use core::time::Duration;

use super::Node;
use crate::{ContentId, LinkId, Origin, PeerId, Protocol, Topic};

/// The state of a node at one moment.
#[derive(Clone, Debug)]
pub struct NodeSnapshot {
    /// Live links.
    pub peers: Vec<PeerState>,
    /// Joined topics.
    pub topics: Vec<TopicState>,
    /// Contents delivered within the seen-cache time, oldest first.
    pub seen: Vec<ContentId>,
    /// Messages of which some shards are held but not enough, with the bytes held.
    pub undecoded: Vec<(ContentId, usize)>,
}

/// One live link.
#[derive(Clone, Debug)]
pub struct PeerState {
    /// The link.
    pub link: LinkId,
    /// Who is at its other end.
    pub peer: PeerId,
    /// Who dialed.
    pub origin: Origin,
    /// What it speaks.
    pub protocol: Protocol,
    /// Whether coded shards are exchanged with it.
    pub coded: bool,
    /// Smoothed round-trip time, once measured.
    pub rtt: Option<Duration>,
    /// Packets lost, as the transport counts.
    pub lost: u64,
    /// Topics it subscribed to.
    pub topics: Vec<Topic>,
}

/// One joined topic.
#[derive(Clone, Debug)]
pub struct TopicState {
    /// Its name.
    pub topic: Topic,
    /// Members of its mesh.
    pub mesh: Vec<PeerId>,
    /// All linked peers that subscribed to it.
    pub peers: Vec<PeerId>,
}

impl Node {
    /// The state now.
    pub fn snapshot(&self) -> NodeSnapshot {
        let peer_of = |link: &LinkId| self.links.peer(*link);
        NodeSnapshot {
            peers: self
                .links
                .iter()
                .map(|(id, link)| PeerState {
                    link: id,
                    peer: link.peer,
                    origin: link.origin,
                    protocol: link.agent.protocol,
                    coded: link.coded,
                    rtt: link.rtt,
                    lost: link.lost,
                    topics: link.topics.iter().cloned().collect(),
                })
                .collect(),
            topics: self
                .mesh
                .topics()
                .map(|topic| TopicState {
                    topic: topic.clone(),
                    mesh: self.mesh.members(topic).iter().filter_map(peer_of).collect(),
                    peers: self.links.subscribers(topic).map(|(_, link)| link.peer).collect(),
                })
                .collect(),
            seen: self.gossip.delivered().collect(),
            undecoded: self.shards.undecoded().collect(),
        }
    }
}
