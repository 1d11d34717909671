//! Everything that can be tuned, checked once: a [`Config`] cannot be invalid.

use core::fmt;
use core::ops::Deref;
use core::time::Duration;

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
    /// What counts as the same message at delivery; default [`Dedup::Content`].
    pub dedup: Dedup,
    /// Who decides whether a message is valid; default [`Validation::Off`].
    pub validation: Validation,
    /// Largest payload that is published or accepted, bytes; default 1 MiB.
    pub message_bytes_max: usize,
    /// Topics joined by us, and remembered of each peer; default 1024.
    pub topics_max: usize,
    /// Longest topic name, bytes; default 1024.
    pub topic_bytes_max: usize,
    /// Whole messages that wait for one slow link before the oldest is dropped; default 256.
    pub outbox_messages_max: usize,
    /// Bytes of own coded messages that were not handed out yet before publishing is refused; default 32 MiB.
    pub backlog_bytes_max: usize,
}

/// Mesh upkeep. Source: gossipsub v1.0 and v1.1, "Parameters".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeshSettings {
    /// *D*: peers to keep per topic; default 6.
    pub target: usize,
    /// *D_lo*: below this we graft; default 4.
    pub min: usize,
    /// *D_hi*: above this we prune; default 12.
    pub max: usize,
    /// Time between heartbeats; default 1 s.
    pub heartbeat: Duration,
    /// Time from start to the first heartbeat; default 100 ms.
    pub heartbeat_initial_delay: Duration,
    /// How long a pruned peer stays out; default 60 s.
    pub prune_backoff: Duration,
    /// The same after we left the topic; default 10 s.
    pub unsubscribe_backoff: Duration,
    /// Longest backoff taken from a peer's PRUNE; default 1 h. Longer ones are cut to it.
    pub backoff_max: Duration,
}

/// Lazy gossip. Source: gossipsub v1.0 "Parameters", v1.1 "Adaptive Gossip Dissemination".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GossipSettings {
    /// *D_lazy*: peers outside the mesh that hear of our messages each heartbeat; default 6.
    pub lazy: usize,
    /// Share of eligible peers to gossip to, percent, when that is more than `lazy`; default 25.
    pub factor_percent: usize,
    /// *mcache_len*: heartbeats a message stays in the cache; default 5.
    pub history_length: usize,
    /// *mcache_gossip*: heartbeats for which it is advertised; default 3.
    pub history_gossip: usize,
    /// Bytes of payload in the cache before the oldest message leaves it early; default 64 MiB.
    pub cache_bytes_max: usize,
    /// *seen_ttl*: how long a message id is remembered; default 120 s.
    pub seen_ttl: Duration,
    /// Ids remembered before the oldest is forgotten early; default 131,072.
    pub seen_max: usize,
    /// How long to wait for a message after asking for it, before asking elsewhere; default 3 s.
    pub iwant_followup: Duration,
    /// Messages asked for at a time; default 5000.
    pub iwant_max: usize,
    /// How often one peer is sent the same message on request; default 3.
    pub retransmissions_max: u8,
}

/// Coded shards. Source: `docs/spec/coded-mode.md`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CodedSettings {
    /// *k*: source shards of a message; default 4.
    pub shard_factor: ShardFactor,
    /// Shards of the publisher's first push, per source shard; default 1.5.
    pub multiplier: Multiplier,
    /// Share of *k* from which a relay codes for others; default 0.75.
    pub threshold: Threshold,
    /// How the threshold is compared; default [`ThresholdRule::AtLeast`].
    pub threshold_rule: ThresholdRule,
    /// What is mixed before a message is verified; default [`Integrity::Adaptive`].
    pub integrity: Integrity,
    /// How long a topic stays in verified relaying after a bad decode (adaptive); default 10 min.
    pub distrust: Duration,
    /// Payloads below this travel whole; default 4096 bytes.
    pub small_message_bytes: usize,
    /// Silence on an undecoded message after which shards are pulled; default 500 ms.
    pub repair_after: Duration,
    /// How long an undecoded message is kept; default 60 s.
    pub undecoded_ttl: Duration,
    /// Undecoded messages before the oldest is dropped; default 1024.
    pub undecoded_max: usize,
    /// Bytes of undecoded messages, at their full length, before the oldest is dropped; default 256 MiB.
    pub undecoded_bytes_max: usize,
}

/// How *k* is chosen for a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShardFactor {
    /// The same for all messages: 1 to [`ShardFactor::MAX`].
    Fixed(u16),
    /// One shard per 16 KiB, 1 to 64, the coefficients never above 1 % of a shard.
    Auto,
}

impl ShardFactor {
    /// Largest *k*; leaves as many Cauchy rows for repair.
    pub const MAX: u16 = 128;

    /// *k* for a payload of this many bytes.
    pub fn for_message(self, bytes: usize) -> u16 {
        match self {
            Self::Fixed(k) => k,
            Self::Auto => {
                let mut k = bytes.div_ceil(16 * 1024).clamp(1, 64);
                while k > 1 && k * 100 > bytes.div_ceil(k) {
                    k -= 1;
                }
                k as u16
            }
        }
    }
}

/// A positive factor in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Multiplier(u32);

impl Multiplier {
    /// `None` unless 0 < `value` <= 64. Rounded to thousandths, at least one.
    pub fn new(value: f64) -> Option<Self> {
        (value > 0.0 && value <= 64.0).then(|| Self(((value * 1000.0 + 0.5) as u32).max(1)))
    }

    /// `ceil(k * multiplier)`, at least *k* (every source shard is listed) and at most 255.
    pub fn shards(self, k: u16) -> u16 {
        (u32::from(k) * self.0).div_ceil(1000).clamp(u32::from(k), 255) as u16
    }
}

impl fmt::Debug for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// A share of *k*, in millionths: 0 < threshold <= 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Threshold(u32);

impl Threshold {
    /// `None` unless 0 < `value` <= 1. Rounded to millionths, at least one.
    pub fn new(value: f64) -> Option<Self> {
        (value > 0.0 && value <= 1.0).then(|| Self(((value * 1e6 + 0.5) as u32).max(1)))
    }

    /// The lowest rank at which a relay begins to code for others; never above *k*.
    ///
    /// `exceeds` at a threshold of 1 would never begin, so it begins at *k*.
    pub fn rank(self, k: u16, rule: ThresholdRule) -> u16 {
        let scaled = u64::from(k) * u64::from(self.0);
        let rank = match rule {
            ThresholdRule::AtLeast => scaled.div_ceil(1_000_000),
            ThresholdRule::Exceeds => scaled / 1_000_000 + 1,
        };
        rank.clamp(1, u64::from(k)) as u16
    }
}

impl fmt::Debug for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// How a rank is compared with the threshold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ThresholdRule {
    /// `rank >= ceil(threshold * k)`.
    AtLeast,
    /// `rank > threshold * k`: the documents' other reading, for research.
    Exceeds,
}

/// What a relay mixes into what it sends before it has decoded and verified a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Integrity {
    /// Optimistic until a decode on the topic fails its hash, then verified for a while.
    Adaptive,
    /// Only shards that match a hash of the signed header.
    Verified,
    /// Every shard it holds.
    Optimistic,
}

/// What counts as the same message at delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dedup {
    /// Equal bytes on one topic within the seen-cache time are delivered once.
    Content,
    /// Equal bytes published twice are delivered twice.
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
    /// *k* is out of range.
    #[error("shard factor is {value}, allowed is 1 to {max}")]
    ShardFactor {
        /// What was given.
        value: u16,
        /// The largest allowed.
        max: u16,
    },
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

    /// Checks the settings.
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let MeshSettings { target, min, max, .. } = settings.mesh;
        if min == 0 || min > target || target > max {
            return Err(ConfigError::MeshDegrees { min, target, max });
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
        let value = settings.message_bytes_max;
        if value == 0 || value > Self::MESSAGE_BYTES_LIMIT {
            return Err(ConfigError::MessageBytes { value, max: Self::MESSAGE_BYTES_LIMIT });
        }
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
        ("history_length", gossip.history_length == 0),
        ("cache_bytes_max", gossip.cache_bytes_max == 0),
        ("seen_ttl", gossip.seen_ttl.is_zero()),
        ("seen_max", gossip.seen_max == 0),
        ("iwant_max", gossip.iwant_max == 0),
        ("iwant_followup", gossip.iwant_followup.is_zero()),
        ("repair_after", coded.repair_after.is_zero()),
        ("undecoded_ttl", coded.undecoded_ttl.is_zero()),
        ("undecoded_max", coded.undecoded_max == 0),
        ("undecoded_bytes_max", coded.undecoded_bytes_max == 0),
        ("topics_max", settings.topics_max == 0),
        ("topic_bytes_max", settings.topic_bytes_max == 0),
        ("outbox_messages_max", settings.outbox_messages_max == 0),
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
            dedup: Dedup::Content,
            validation: Validation::Off,
            message_bytes_max: 1 << 20,
            topics_max: 1024,
            topic_bytes_max: 1024,
            outbox_messages_max: 256,
            backlog_bytes_max: 32 << 20,
        }
    }
}

impl Default for MeshSettings {
    fn default() -> Self {
        Self {
            target: 6,
            min: 4,
            max: 12,
            heartbeat: Duration::from_secs(1),
            heartbeat_initial_delay: Duration::from_millis(100),
            prune_backoff: Duration::from_secs(60),
            unsubscribe_backoff: Duration::from_secs(10),
            backoff_max: Duration::from_secs(3600),
        }
    }
}

impl Default for GossipSettings {
    fn default() -> Self {
        Self {
            lazy: 6,
            factor_percent: 25,
            history_length: 5,
            history_gossip: 3,
            cache_bytes_max: 64 << 20,
            seen_ttl: Duration::from_secs(120),
            seen_max: 1 << 17,
            iwant_followup: Duration::from_secs(3),
            iwant_max: 5000,
            retransmissions_max: 3,
        }
    }
}

impl Default for CodedSettings {
    fn default() -> Self {
        Self {
            shard_factor: ShardFactor::Fixed(4),
            multiplier: Multiplier(1500),
            threshold: Threshold(750_000),
            threshold_rule: ThresholdRule::AtLeast,
            integrity: Integrity::Adaptive,
            distrust: Duration::from_secs(600),
            small_message_bytes: 4096,
            repair_after: Duration::from_millis(500),
            undecoded_ttl: Duration::from_secs(60),
            undecoded_max: 1024,
            undecoded_bytes_max: 256 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_reach_the_documented_ranks() {
        let threshold = Threshold::new(0.75).unwrap();
        assert_eq!(threshold.rank(4, ThresholdRule::AtLeast), 3);
        assert_eq!(threshold.rank(4, ThresholdRule::Exceeds), 4);
        assert_eq!(threshold.rank(1, ThresholdRule::AtLeast), 1);
        assert_eq!(Threshold::new(1.0).unwrap().rank(4, ThresholdRule::Exceeds), 4);
        for refused in [0.0, -0.1, 1.01, f64::NAN] {
            assert_eq!(Threshold::new(refused), None);
        }
    }

    #[test]
    fn the_default_publisher_makes_six_shards_of_four() {
        let coded = CodedSettings::default();
        assert_eq!(Multiplier::new(1.5).unwrap(), coded.multiplier);
        assert_eq!(coded.multiplier.shards(4), 6);
        assert_eq!(Multiplier::new(64.0).unwrap().shards(128), 255);
        assert_eq!(Multiplier::new(0.5).unwrap().shards(4), 4);
    }

    #[test]
    fn auto_follows_the_message_size() {
        assert_eq!(ShardFactor::Auto.for_message(1 << 20), 64);
        assert_eq!(ShardFactor::Auto.for_message(10), 1);
        let k = usize::from(ShardFactor::Auto.for_message(64 << 10));
        assert!(k * 100 <= (64usize << 10).div_ceil(k));
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
            refuse(|s| s.coded.shard_factor = ShardFactor::Fixed(0)),
            ConfigError::ShardFactor { value: 0, max: 128 }
        ));
        assert!(matches!(refuse(|s| s.gossip.history_gossip = 6), ConfigError::History { .. }));
        assert!(matches!(refuse(|s| s.message_bytes_max = 0), ConfigError::MessageBytes { .. }));
        assert_eq!(refuse(|s| s.mesh.heartbeat = Duration::ZERO), ConfigError::Zero { name: "heartbeat" });
    }
}
