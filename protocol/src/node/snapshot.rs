//! The state of a node at one moment, for people.

use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;

use super::Node;
use crate::{ContentId, Dedup, LinkId, Origin, PeerId, PeerScore, Protocol, Topic};

/// The state of a node at one moment.
#[derive(Clone, Debug)]
pub struct NodeSnapshot {
    /// Live links.
    pub peers: Vec<PeerState>,
    /// Joined topics.
    pub topics: Vec<TopicState>,
    /// Topics that it published to lately without being in them.
    pub fanout: Vec<Topic>,
    /// Contents delivered within the seen-cache time, oldest first; with [`Dedup::Origin`], which does not keep them,
    /// those in the message cache.
    pub seen: Vec<ContentId>,
    /// Messages of which some shards are held but not enough, with the bytes held.
    pub undecoded: Vec<(ContentId, usize)>,
}

/// What a node holds in memory at one moment: what grows with the traffic and has its bounds in the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Held {
    /// Payloads in the message cache, bytes.
    pub cached_bytes: usize,
    /// Coded messages that are served, at their padded length, bytes.
    pub served_bytes: usize,
    /// Messages not decoded yet, at their padded length, bytes.
    pub undecoded_bytes: usize,
    /// Ids remembered of messages met, delivered and finished.
    pub ids: usize,
    /// Coded messages at hand.
    pub generations: usize,
}

impl Held {
    /// All payload bytes; those that are both cached and served count twice.
    pub const fn bytes(&self) -> usize {
        self.cached_bytes + self.served_bytes + self.undecoded_bytes
    }
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
    /// What this node thinks of it; `None` when peers are not scored.
    pub score: Option<PeerScore>,
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
    /// What is held in memory now. Takes constant time.
    pub fn held(&self) -> Held {
        let mut held = Held::default();
        self.gossip.count_held(&mut held);
        self.shards.count_held(&mut held);
        held
    }

    /// What this node thinks of its peers, by peer: those with a link, and those that it remembers.
    pub fn scores(&self) -> impl Iterator<Item = PeerScore> + '_ {
        self.scores.all(&self.config.score)
    }

    /// Peers without a link that proved reliable, best first: whom a driver should dial before others.
    pub fn preferred(&self) -> Vec<PeerId> {
        let from = self.config.score.reputation.preferred_from;
        let good = |known: &PeerScore| !known.linked && known.observed && known.reputation >= from;
        let mut good: Vec<PeerScore> = self.scores().filter(good).collect();
        good.sort_by_key(|known| (Reverse(known.reputation), known.peer));
        good.into_iter().map(|known| known.peer).collect()
    }

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
                    score: self.scores.of(&self.config.score, &link.peer),
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
            fanout: self.mesh.fanout_topics().cloned().collect(),
            seen: match self.config.dedup {
                Dedup::Content => self.gossip.delivered().collect(),
                Dedup::Origin => self.gossip.cached_contents().collect(),
            },
            undecoded: self.shards.undecoded().collect(),
        }
    }
}
