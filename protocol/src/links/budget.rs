//! What one peer may ask of us between two heartbeats.
//!
//! Source: gossipsub v1.1 "Spam Protection Measures", v1.2 "IDONTWANT Message".

use alloc::collections::BTreeMap;

use crate::ctx::Ctx;
use crate::{Config, LinkId, MessageId, Misdeed};

/// A kind of control, as far as it is limited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Frames with IHAVE.
    IHaveFrames,
    /// Ids that we asked for because of the peer's IHAVE.
    Asked,
    /// Ids in IWANT.
    IWant,
    /// Ids in IWANT of messages that the peer was sent as often as it may be.
    Repeated,
    /// Ids in IDONTWANT.
    IDontWant,
    /// Topics in GRAFT.
    Graft,
    /// Topics in PRUNE.
    Prune,
    /// Subscriptions that are not kept.
    Subscription,
}

/// What one peer used up since the last heartbeat.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    used: [u32; 8],
    /// It has been blamed for a flood.
    blamed: bool,
}

impl Kind {
    fn max(self, config: &Config) -> usize {
        match self {
            Self::IHaveFrames => config.gossip.ihave_frames_max,
            Self::Asked => config.gossip.ihave_ids_max,
            Self::IWant => config.gossip.iwant_ids_max,
            Self::IDontWant => config.gossip.idontwant_ids_max,
            Self::Graft | Self::Prune => config.topics_max,
            Self::Repeated | Self::Subscription => 0,
        }
    }

    /// How much of it is taken for a flood. Honest peers may gossip often; a hundred IHAVE in a second is no gossip.
    /// What we asked for ourselves is never one.
    fn flood(self, config: &Config) -> usize {
        match self {
            Self::IHaveFrames => self.max(config).saturating_mul(GROSSLY),
            Self::Asked => usize::MAX,
            Self::Repeated => REPEATED_MAX,
            Self::IWant | Self::IDontWant | Self::Graft | Self::Prune => self.max(config),
            Self::Subscription => config.topics_max,
        }
    }
}

/// How many are left until the next heartbeat.
pub(crate) fn left(cx: &Ctx<'_>, link: LinkId, kind: Kind) -> usize {
    let used = cx.links.get(link).map_or(u32::MAX, |held| held.budget.used[kind as usize]);
    kind.max(cx.config).saturating_sub(used as usize)
}

/// How many of `count` are still allowed. Who goes far beyond is blamed, once a heartbeat.
pub(crate) fn allow(cx: &mut Ctx<'_>, link: LinkId, kind: Kind, count: usize) -> usize {
    let Some(held) = cx.links.get_mut(link) else { return 0 };
    let used = &mut held.budget.used[kind as usize];
    let left = kind.max(cx.config).saturating_sub(*used as usize);
    *used = used.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    if *used as usize > kind.flood(cx.config) && !held.budget.blamed {
        held.budget.blamed = true;
        cx.misbehaved(link, Misdeed::ControlFlood, None);
    }
    count.min(left)
}

/// Messages that a peer does not want, with the heartbeats for which it is taken at its word.
///
/// Bounded by [`crate::GossipSettings::idontwant_ids_max`] for each heartbeat.
#[derive(Debug, Default)]
pub(crate) struct Unwanted(BTreeMap<MessageId, u8>);

impl Unwanted {
    pub(crate) fn insert(&mut self, id: MessageId) {
        self.0.insert(id, UNWANTED_TICKS);
    }

    pub(crate) fn remove(&mut self, id: &MessageId) {
        self.0.remove(id);
    }

    pub(crate) fn contains(&self, id: &MessageId) -> bool {
        self.0.contains_key(id)
    }

    pub(crate) fn heartbeat(&mut self) {
        self.0.retain(|_, ticks| {
            *ticks -= 1;
            *ticks > 0
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Heartbeats for which an IDONTWANT holds, as in go.
pub(crate) const UNWANTED_TICKS: u8 = 3;

/// How far beyond the limit frames with IHAVE are taken for a flood.
const GROSSLY: usize = 10;

/// Ids that a peer may ask for once more after it was sent them three times.
///
/// Deviation: the specification ignores such requests. Nobody needs a message for a fourth time, so more than a few
/// mistakes of that kind between two heartbeats are a flood.
const REPEATED_MAX: usize = 10;
