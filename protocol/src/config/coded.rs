//! Settings of coded shards, and their units.

use core::fmt;
use core::time::Duration;

use braidcast_coding::Params;

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
    /// What decides how many shards each neighbour is sent; default [`Schedule::Informed`].
    pub schedule: Schedule,
    /// What is mixed before a message is verified; default [`Integrity::Adaptive`].
    pub integrity: Integrity,
    /// How long a topic stays in verified relaying after a bad decode (adaptive); default 10 min.
    pub distrust: Duration,
    /// Payloads below this travel whole; default 4096 bytes.
    pub small_message_bytes: usize,
    /// Messages of 16 shards and more, up to so many bytes, are pushed over links outside the mesh as well, 16 in all;
    /// default no limit, none at 0.
    pub wide_bytes_max: usize,
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
    /// As many as there can be, 1 to [`ShardFactor::MAX`], with coefficients of at most a 64th of a shard, and below
    /// 24 KiB with shards of at least 2560 bytes; or up to a third more, if those take fewer packets in all.
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
                let (fewest, most) = (finest(bytes, 4), finest(bytes, 3));
                (fewest..=most).min_by_key(|k| packets(bytes, *k)).unwrap_or(fewest)
            }
        }
    }
}

/// The largest *k* with shards of so many quarters of the length that is asked of them.
fn finest(bytes: usize, quarters: usize) -> u16 {
    let least = if bytes < SHORT_BYTES { SHORT_SHARD_BYTES_MIN } else { 1 };
    let fits = |k: &u16| {
        let k = usize::from(*k);
        bytes.div_ceil(k) >= (quarters * least.max(k * COEFFICIENTS_PART)).div_ceil(4)
    };
    (1..=ShardFactor::MAX).rev().find(fits).unwrap_or(1)
}

/// Packets of *k* shards, each in packets of its own.
fn packets(bytes: usize, k: u16) -> usize {
    let k = usize::from(k);
    let shard = Params::for_message(bytes, k).map_or(bytes, |params| params.shard_len());
    k * (shard + k + SHARD_FRAME_BYTES).div_ceil(PACKET_BYTES)
}

/// With [`ShardFactor::Auto`] the coefficients are at most one part in so many of a shard.
const COEFFICIENTS_PART: usize = 64;

/// With [`ShardFactor::Auto`] messages of fewer bytes have longer shards.
const SHORT_BYTES: usize = 24 << 10;

/// So many bytes at least. Shorter ones cost more in packets, and in the time that each takes to be handled, than they
/// save on the way.
const SHORT_SHARD_BYTES_MIN: usize = 2560;

/// What a QUIC packet of 1452 bytes holds of a stream: as much as fits an Ethernet frame over IPv6. Elsewhere packets are
/// not filled as evenly, and nothing else changes.
const PACKET_BYTES: usize = 1400;

/// Bytes of a shard's frame beside shard and coefficients, at most.
const SHARD_FRAME_BYTES: usize = 56;

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

/// What decides how many shards of a message each neighbour is sent, and how many links are filled at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// The exchange bound alone, for comparison: every link is filled, every neighbour gets the same share.
    Exchange,
    /// One link at a time, a bounded fan-out, shares by how many serve a neighbour, and nothing to one whose reports
    /// say that what is on its way will do.
    Informed,
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

impl Default for CodedSettings {
    fn default() -> Self {
        Self {
            shard_factor: ShardFactor::Fixed(4),
            multiplier: Multiplier(1500),
            threshold: Threshold(750_000),
            threshold_rule: ThresholdRule::AtLeast,
            schedule: Schedule::Informed,
            integrity: Integrity::Adaptive,
            distrust: Duration::from_secs(600),
            small_message_bytes: 4096,
            wide_bytes_max: usize::MAX,
            repair_after: Duration::from_millis(500),
            undecoded_ttl: Duration::from_secs(60),
            undecoded_max: 1024,
            undecoded_bytes_max: 256 << 20,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use braidcast_coding::{Coefficients, ShardId};

    use super::*;
    use crate::CodingId;
    use crate::rpc::{Coded, Rpc, Shard};

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
        let auto =
            [10, 4096, 10 << 10, 24 << 10, 32 << 10, 64 << 10, 128 << 10, 512 << 10, 1 << 20, 10 << 20];
        let auto = auto.map(|bytes| ShardFactor::Auto.for_message(bytes));
        assert_eq!(auto, [1, 1, 4, 20, 26, 32, 49, 97, 128, 128]);
    }
    /// Frames of 128 KiB fill two packets each, where those of 45 shards need a part of a third.
    #[test]
    fn auto_fills_packets() {
        let per_shard = |bytes, k| packets(bytes, k) / usize::from(k);
        assert_eq!((per_shard(128 << 10, 45), per_shard(128 << 10, 49)), (3, 2));
        for kib in 4..1024 {
            let bytes = kib << 10;
            let (k, fewest) = (ShardFactor::Auto.for_message(bytes), finest(bytes, 4));
            assert!(k >= fewest && packets(bytes, k) <= packets(bytes, fewest), "{kib} KiB in {k}");
            assert!(
                4 * bytes.div_ceil(k.into()) >= 3 * COEFFICIENTS_PART * usize::from(k),
                "{kib} KiB in {k}"
            );
        }
    }

    #[test]
    fn a_frame_is_no_longer_than_auto_takes_it_for() {
        for (bytes, k) in [(32 << 10, 26), (10 << 20, 128)] {
            let params = Params::for_message(bytes, k).unwrap();
            let shard = Shard {
                message: CodingId::of(b""),
                id: ShardId::Dense(Coefficients::from_slice(&vec![1; k])),
                body: vec![0; params.shard_len()].into(),
                vouched: true,
            };
            let coded = Coded { shards: [shard].into_iter().collect(), ..Coded::default() };
            let frame = Rpc { coded, ..Rpc::default() }.encode();
            assert!(frame.len() <= params.shard_len() + k + SHARD_FRAME_BYTES, "{}", frame.len());
        }
    }
}
