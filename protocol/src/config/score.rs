//! Settings of peer scoring.
//!
//! Source: gossipsub v1.1 "Peer Scoring"; the spec's letters stand at each part. What the defaults rest on is in
//! `docs/scoring.md`.

mod check;
mod decay;
mod reputation;
mod topic;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

pub(super) use self::check::check;
pub use self::decay::Decay;
pub use self::reputation::ReputationSettings;
pub use self::topic::{
    FirstDeliverySettings, MeshDeliverySettings, MeshTimeSettings, PenaltySettings, TopicScoreSettings,
};
use crate::{Score, Topic};

/// Peer scoring. Weights are points for one unit of what is counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScoreSettings {
    /// Whether peers are scored; default no. Without, every score is zero and nothing is counted.
    pub enabled: bool,
    /// What a score is compared with.
    pub thresholds: ScoreThresholds,
    /// P1 to P4 of topics that are not in `topics`.
    pub topic: TopicScoreSettings,
    /// P1 to P4 of these topics.
    pub topics: BTreeMap<Topic, TopicScoreSettings>,
    /// *TopicScoreCap*: the most that all topics together give a peer; default 30.
    pub topics_cap: Score,
    /// P5, *AppSpecificWeight*: points for a point of [`crate::Event::Rated`]; default 1.
    pub application_weight: Score,
    /// P6, *IPColocationFactor*: many peers at one address.
    pub colocation: ColocationSettings,
    /// P7, *BehaviourPenalty*: misdeeds that are not about data, the excess squared; default -10, 0.97, 6.
    pub behaviour: PenaltySettings,
    /// Whole messages dropped because the peer did not read, the excess counted once; default -0.2, 0.9, 10.
    pub slow: PenaltySettings,
    /// *DecayInterval*: time between two steps of all decays, which happen at heartbeats; default 1 s.
    pub decay_interval: Duration,
    /// *DecayToZero*: a count below this is none, millionths; default 10,000 (0.01).
    pub decay_to_zero: u64,
    /// *RetainScore*: how long a peer that left with a blemish, or a reputation, is remembered; default 1 h.
    pub retain: Duration,
    /// How many of these, before the best of them is forgotten; default 1024.
    pub retained_max: usize,
    /// The other view on the same counts: 0 to 1.
    pub reputation: ReputationSettings,
}

/// What a score is compared with. Source: gossipsub v1.1 "Score Thresholds".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScoreThresholds {
    /// *GossipThreshold*: below it no gossip is sent to the peer or taken from it; default -10.
    pub gossip: Score,
    /// *PublishThreshold*: below it own messages are not flooded to the peer; default -50.
    pub publish: Score,
    /// *GraylistThreshold*: below it everything the peer sends is ignored, but what it subscribes to; default -80.
    pub graylist: Score,
    /// *AcceptPXThreshold*: from it peers named in a PRUNE are dialled; default 10.
    pub accept_px: Score,
    /// *OpportunisticGraftThreshold*: below it, for the median of a mesh, better peers are grafted; default 1.
    pub opportunistic_graft: Score,
}

/// P6: peers at one IP address; of IPv6, at one /64, which is what a host is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ColocationSettings {
    /// Points for the square of how many more there are than `threshold`; default -5.
    pub weight: Score,
    /// Peers that may share an address without any penalty; default 10.
    pub threshold: u32,
    /// Addresses that may hold any number. Loopback, private and link-local ones may always.
    pub allowed: Vec<IpAddr>,
}

impl Default for ScoreSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            thresholds: ScoreThresholds::default(),
            topic: TopicScoreSettings::default(),
            topics: BTreeMap::new(),
            topics_cap: Score::new(30),
            application_weight: Score::new(1),
            colocation: ColocationSettings::default(),
            behaviour: PenaltySettings {
                weight: Score::new(-10),
                decay: Decay::from_ppm(970_000),
                threshold: 6,
            },
            slow: PenaltySettings {
                weight: Score::from_millionths(-200_000),
                decay: Decay::from_ppm(900_000),
                threshold: 10,
            },
            decay_interval: Duration::from_secs(1),
            decay_to_zero: 10_000,
            retain: Duration::from_secs(3600),
            retained_max: 1024,
            reputation: ReputationSettings::default(),
        }
    }
}

impl ScoreSettings {
    /// The settings of a topic.
    pub fn of_topic(&self, topic: &Topic) -> &TopicScoreSettings {
        self.topics.get(topic).unwrap_or(&self.topic)
    }
}

impl Default for ScoreThresholds {
    fn default() -> Self {
        Self {
            gossip: Score::new(-10),
            publish: Score::new(-50),
            graylist: Score::new(-80),
            accept_px: Score::new(10),
            opportunistic_graft: Score::new(1),
        }
    }
}

impl Default for ColocationSettings {
    fn default() -> Self {
        Self { weight: Score::new(-5), threshold: 10, allowed: Vec::new() }
    }
}
