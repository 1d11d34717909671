//! Everything that can be tuned, checked once: a [`Config`] cannot be invalid.

mod coded;
mod gossip;
mod mesh;
mod message;
mod outbox;
mod publisher;
mod score;
mod topics;

use alloc::collections::BTreeSet;
use core::ops::Deref;

pub use self::coded::{
    CodedSettings, Integrity, Multiplier, Schedule, ShardFactor, Threshold, ThresholdRule,
};
pub use self::gossip::GossipSettings;
pub use self::mesh::MeshSettings;
pub use self::message::{MessageIds, Signatures};
pub use self::outbox::OutboxSettings;
pub use self::publisher::PublisherSettings;
pub use self::score::{
    ColocationSettings, Decay, FirstDeliverySettings, MeshDeliverySettings, MeshTimeSettings,
    PenaltySettings, ReputationSettings, ScoreSettings, ScoreThresholds, TopicScoreSettings,
};
pub use self::topics::TopicFilter;
use crate::rpc::Limits;
use crate::{PeerId, Score};

/// Whether a node codes its messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Messages travel as coded shards to peers that speak the extension, whole to all others.
    Optimum,
    /// Plain GossipSub: the coded extension is neither offered nor used.
    Gossipsub,
}

/// Values to be checked by [`Config::new`]. The defaults are GossipSub's and the OptimumP2P documents'.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Coded or plain; default [`Mode::Optimum`].
    pub mode: Mode,
    /// Mesh upkeep.
    pub mesh: MeshSettings,
    /// Lazy gossip and the caches behind it.
    pub gossip: GossipSettings,
    /// Coded shards.
    pub coded: CodedSettings,
    /// Peer scoring; off by default.
    pub score: ScoreSettings,
    /// Peers with whom there is a peering agreement, in both directions: they are sent everything and stay outside
    /// of meshes and scores; default none. Source: gossipsub v1.1 "Explicit Peering Agreements".
    pub direct_peers: BTreeSet<PeerId>,
    /// How messages are named; default [`MessageIds::Origin`].
    pub message_ids: MessageIds,
    /// Who signs; default [`Signatures::StrictSign`].
    pub signatures: Signatures,
    /// What counts as the same message at delivery; default [`Dedup::Content`].
    pub dedup: Dedup,
    /// Who decides whether a message is valid; default [`Validation::Off`].
    pub validation: Validation,
    /// Messages that wait for the application's verdict before others are refused; default 8192, as in go.
    pub judging_max: usize,
    /// Largest payload that is published or accepted, bytes; default 1 MiB.
    pub message_bytes_max: usize,
    /// Topics that this node has to do with; default [`TopicFilter::Any`].
    pub topic_filter: TopicFilter,
    /// Topics joined by us, and remembered of each peer; default 1024.
    pub topics_max: usize,
    /// Longest topic name, bytes; default 1024.
    pub topic_bytes_max: usize,
    /// Whole messages that wait for one slow link.
    pub outbox: OutboxSettings,
    /// What is taken of one publisher; default everything.
    pub publisher: PublisherSettings,
    /// Bytes of own coded messages that were not handed out yet before publishing is refused; default 32 MiB.
    pub backlog_bytes_max: usize,
}

/// What counts as the same message at delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dedup {
    /// Equal bytes on one topic within the seen-cache time are delivered once.
    Content,
    /// Equal bytes published twice are delivered twice, as in GossipSub. Spares the SHA-256 of messages that come
    /// whole, where nobody asks for it.
    Origin,
}

/// Who decides whether a whole message may be forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Validation {
    /// A good signature is enough.
    Off,
    /// Delivered messages are forwarded and advertised after [`crate::Event::Judged`] accepts them.
    ///
    /// Shards are relayed before: only a complete message can be judged. One that is rejected is served no longer.
    Application,
}

/// Settings that were checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config(Settings);

/// A setting out of range, with its value and what is allowed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConfigError {
    /// The mesh degrees contradict each other.
    #[error("mesh degrees must satisfy 0 < min <= target <= max, got min {min}, target {target}, max {max}")]
    MeshDegrees {
        /// *D_lo*
        min: usize,
        /// *D*
        target: usize,
        /// *D_hi*
        max: usize,
    },
    /// *D_out* is too large for the other degrees (gossipsub v1.1 "Outbound Mesh Quotas").
    #[error("outbound_min is {outbound}, must be below min {min} and at most half of target {target}")]
    OutboundDegree {
        /// *D_out*
        outbound: usize,
        /// *D_lo*
        min: usize,
        /// *D*
        target: usize,
    },
    /// *k* is out of range.
    #[error("shard factor is {value}, allowed is 1 to {max}")]
    ShardFactor {
        /// What was given.
        value: u16,
        /// The largest allowed.
        max: u16,
    },
    /// Messages without publisher and number cannot be named by them.
    #[error("signatures StrictNoSign needs message_ids Content, got Origin")]
    AnonymousIds,
    /// The header of a coded message is signed.
    #[error("signatures StrictNoSign needs mode Gossipsub, got Optimum")]
    AnonymousCoded,
    /// Gossip would advertise what the cache no longer has.
    #[error("history_gossip ({gossip}) must not be longer than history_length ({length})")]
    History {
        /// `history_gossip`
        gossip: usize,
        /// `history_length`
        length: usize,
    },
    /// A bound or duration that must not be zero.
    #[error("{name} must be greater than zero")]
    Zero {
        /// Which.
        name: &'static str,
    },
    /// A penalty that would reward, or a threshold above the one before it.
    #[error("score: {name} is {value:?}, must be at most {limit:?}")]
    ScoreAbove {
        /// Which.
        name: &'static str,
        /// What was given.
        value: Score,
        /// The largest allowed.
        limit: Score,
    },
    /// A reward that would punish.
    #[error("score: {name} is {value:?}, must be at least {limit:?}")]
    ScoreBelow {
        /// Which.
        name: &'static str,
        /// What was given.
        value: Score,
        /// The least allowed.
        limit: Score,
    },
    /// More deliveries are expected of a mesh member than are counted.
    #[error("score: mesh_deliveries.threshold is {threshold}, must be at most the cap, {cap}")]
    MeshDeliveries {
        /// What is expected.
        threshold: u32,
        /// What is counted at most.
        cap: u32,
    },
    /// The parts of a reputation do not make a whole.
    #[error("score: the reputation's shares make {sum} thousandths, must make 1000")]
    ReputationShares {
        /// What they make.
        sum: u32,
    },
    /// A payload must fit a header's 32-bit length and a frame.
    #[error("message_bytes_max is {value}, allowed is 1 to {max}")]
    MessageBytes {
        /// What was given.
        value: usize,
        /// The largest allowed.
        max: usize,
    },
}

impl Config {
    /// Largest `message_bytes_max`: 1 GiB.
    pub const MESSAGE_BYTES_LIMIT: usize = 1 << 30;

    /// What a frame for a node with these settings may hold.
    pub fn limits(&self) -> Limits {
        Limits {
            message_bytes_max: self.message_bytes_max,
            topic_bytes_max: self.topic_bytes_max,
            entries_max: Limits::ENTRIES_MAX,
        }
    }

    /// Checks the settings.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let MeshSettings { target, min, max, outbound_min: outbound, .. } = settings.mesh;
        if min == 0 || min > target || target > max {
            return Err(ConfigError::MeshDegrees { min, target, max });
        }
        if outbound >= min || outbound > target / 2 {
            return Err(ConfigError::OutboundDegree { outbound, min, target });
        }
        if let ShardFactor::Fixed(value) = settings.coded.shard_factor
            && !(1..=ShardFactor::MAX).contains(&value)
        {
            return Err(ConfigError::ShardFactor { value, max: ShardFactor::MAX });
        }
        let GossipSettings { history_gossip, history_length, .. } = settings.gossip;
        if history_gossip > history_length {
            return Err(ConfigError::History { gossip: history_gossip, length: history_length });
        }
        if settings.signatures == Signatures::StrictNoSign {
            match (settings.message_ids, settings.mode) {
                (MessageIds::Origin, _) => return Err(ConfigError::AnonymousIds),
                (MessageIds::Content, Mode::Optimum) => return Err(ConfigError::AnonymousCoded),
                (MessageIds::Content, Mode::Gossipsub) => {}
            }
        }
        let value = settings.message_bytes_max;
        if value == 0 || value > Self::MESSAGE_BYTES_LIMIT {
            return Err(ConfigError::MessageBytes { value, max: Self::MESSAGE_BYTES_LIMIT });
        }
        score::check(&settings.score)?;
        match first_zero(&settings) {
            Some(name) => Err(ConfigError::Zero { name }),
            None => Ok(Self(settings)),
        }
    }
}

fn first_zero(settings: &Settings) -> Option<&'static str> {
    let Settings { mesh, gossip, coded, .. } = settings;
    let positive = [
        ("heartbeat", mesh.heartbeat.is_zero()),
        ("prune_backoff", mesh.prune_backoff.is_zero()),
        ("fanout_ttl", mesh.fanout_ttl.is_zero()),
        ("direct_ticks", mesh.direct_ticks == 0),
        ("judging_max", settings.judging_max == 0),
        ("opportunistic_ticks", mesh.opportunistic_ticks == 0),
        ("history_length", gossip.history_length == 0),
        ("cache_bytes_max", gossip.cache_bytes_max == 0),
        ("seen_ttl", gossip.seen_ttl.is_zero()),
        ("seen_max", gossip.seen_max == 0),
        ("iwant_max", gossip.iwant_max == 0),
        ("ihave_frames_max", gossip.ihave_frames_max == 0),
        ("iwant_ids_max", gossip.iwant_ids_max == 0),
        ("idontwant_ids_max", gossip.idontwant_ids_max == 0),
        ("ihave_ids_max", gossip.ihave_ids_max == 0),
        ("iwant_followup", gossip.iwant_followup.is_zero()),
        ("iwant_retry", gossip.iwant_retry.is_zero()),
        ("repair_after", coded.repair_after.is_zero()),
        ("undecoded_ttl", coded.undecoded_ttl.is_zero()),
        ("undecoded_max", coded.undecoded_max == 0),
        ("undecoded_bytes_max", coded.undecoded_bytes_max == 0),
        ("topics_max", settings.topics_max == 0),
        ("topic_bytes_max", settings.topic_bytes_max == 0),
        ("publisher.messages_max", settings.publisher.messages_max == Some(0)),
        ("publisher.bytes_max", settings.publisher.bytes_max == Some(0)),
        ("outbox.messages_max", settings.outbox.messages_max == 0),
        ("outbox.bytes_max", settings.outbox.bytes_max == 0),
        ("outbox.publish_wait", settings.outbox.publish_wait.is_zero()),
        ("outbox.forward_wait", settings.outbox.forward_wait.is_zero()),
        ("outbox.parallel_max", settings.outbox.parallel_max == 0),
        ("outbox.slow_bytes_per_s", settings.outbox.slow_bytes_per_s == 0),
    ];
    positive.into_iter().find_map(|(name, zero)| zero.then_some(name))
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Optimum,
            mesh: MeshSettings::default(),
            gossip: GossipSettings::default(),
            coded: CodedSettings::default(),
            score: ScoreSettings::default(),
            direct_peers: BTreeSet::new(),
            message_ids: MessageIds::Origin,
            signatures: Signatures::StrictSign,
            dedup: Dedup::Content,
            validation: Validation::Off,
            judging_max: 8192,
            message_bytes_max: 1 << 20,
            topic_filter: TopicFilter::Any,
            topics_max: 1024,
            topic_bytes_max: 1024,
            outbox: OutboxSettings::default(),
            publisher: PublisherSettings::default(),
            backlog_bytes_max: 32 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn degrees_bring_the_further_ones_with_them() {
        for (min, target, max) in [(1, 1, 1), (1, 2, 3), (2, 2, 2), (3, 6, 12), (4, 6, 12), (7, 8, 20)] {
            let mesh = MeshSettings::with_degrees(min, target, max);
            Config::new(Settings { mesh, ..Settings::default() }).unwrap();
        }
        assert_eq!(MeshSettings::with_degrees(4, 6, 12), MeshSettings::default());
    }

    #[test]
    fn contradictions_are_refused_with_their_values() {
        let refuse = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            Config::new(settings).unwrap_err()
        };
        assert!(matches!(
            refuse(|s| s.mesh.min = 7),
            ConfigError::MeshDegrees { min: 7, target: 6, max: 12 }
        ));
        assert!(matches!(refuse(|s| s.mesh.target = 13), ConfigError::MeshDegrees { .. }));
        assert!(matches!(
            refuse(|s| s.mesh.outbound_min = 4),
            ConfigError::OutboundDegree { outbound: 4, min: 4, target: 6 }
        ));
        assert!(matches!(
            refuse(|s| s.coded.shard_factor = ShardFactor::Fixed(0)),
            ConfigError::ShardFactor { value: 0, max: 128 }
        ));
        assert!(matches!(refuse(|s| s.gossip.history_gossip = 6), ConfigError::History { .. }));
        assert_eq!(refuse(|s| s.signatures = Signatures::StrictNoSign), ConfigError::AnonymousIds);
        let anonymous = |s: &mut Settings| {
            (s.signatures, s.message_ids) = (Signatures::StrictNoSign, MessageIds::Content);
        };
        assert_eq!(refuse(anonymous), ConfigError::AnonymousCoded);
        assert!(matches!(refuse(|s| s.message_bytes_max = 0), ConfigError::MessageBytes { .. }));
        assert_eq!(refuse(|s| s.mesh.heartbeat = Duration::ZERO), ConfigError::Zero { name: "heartbeat" });
    }
}
