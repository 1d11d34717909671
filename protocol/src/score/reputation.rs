//! The other view on the same counts: how far a peer can be relied on, 0 to 1. Not in the specification.
//!
//! Three parts with shares of 0.3, 0.5 and 0.2 by default. *Latency*: `h / (h + rtt)`, a half until it is measured.
//! *Reliability*: `good / (good + bad)`, where messages that the peer was the first to bring are good and misdeeds are
//! bad; a half until there are enough of both. *History*: time since the link came up or the last misdeed, until it
//! counts in full. So a peer that does nothing but harm ends below 0.3, however near it is.

use core::fmt;
use core::time::Duration;

use super::counter::{Counter, ONE};
use crate::{ReputationSettings, Score, Time};

/// How far a peer can be relied on, in thousandths: 0 to 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Reputation(u16);

impl Reputation {
    /// From thousandths; more than 1000 is 1000.
    pub const fn from_permille(permille: u16) -> Self {
        Self(if permille > 1000 { 1000 } else { permille })
    }

    /// In thousandths.
    pub const fn permille(self) -> u16 {
        self.0
    }
}

impl fmt::Debug for Reputation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

/// What was observed of a peer.
#[derive(Clone, Hash, Debug)]
pub(super) struct Conduct {
    good: Counter,
    bad: Counter,
    /// When the link came up, or the last misdeed after that.
    since: Time,
    rtt: Option<Duration>,
}

impl Conduct {
    pub(super) fn new(now: Time) -> Self {
        Self { good: Counter::default(), bad: Counter::default(), since: now, rtt: None }
    }

    pub(super) const fn on_good(&mut self, millionths: u64) {
        self.good.add(millionths);
    }

    pub(super) const fn on_bad(&mut self, now: Time) {
        self.bad.add(ONE);
        self.since = now;
    }

    /// The peer came back.
    pub(super) const fn on_link_up(&mut self, now: Time) {
        self.since = now;
    }

    pub(super) const fn measured(&mut self, rtt: Option<Duration>) {
        self.rtt = rtt;
    }

    pub(super) const fn fade(&mut self, settings: &ReputationSettings, floor: u64) {
        self.good.fade(settings.decay, floor);
        self.bad.fade(settings.decay, floor);
    }

    /// The peer served its time: it begins anew when it comes back.
    pub(super) fn forget(&mut self) {
        self.good = Counter::default();
        self.bad = Counter::default();
    }

    /// Whether there are enough observations to go by.
    pub(super) const fn is_observed(&self, settings: &ReputationSettings) -> bool {
        let observed = self.good.millionths().saturating_add(self.bad.millionths());
        observed >= settings.observations_min as u64 * ONE
    }

    pub(super) fn reputation(&self, settings: &ReputationSettings, now: Time) -> Reputation {
        let half = settings.rtt_half.as_nanos();
        let latency = self.rtt.map_or(500, |rtt| permille(half, half + rtt.as_nanos()));
        let (good, bad) = (u128::from(self.good.millionths()), u128::from(self.bad.millionths()));
        let observed = self.is_observed(settings) && good + bad > 0;
        let reliability = if observed { permille(good, good + bad) } else { 500 };
        let full = settings.history_full.as_nanos();
        let history = permille(now.since(self.since).as_nanos().min(full), full);
        let sum = latency * u64::from(settings.latency_share)
            + reliability * u64::from(settings.reliability_share)
            + history * u64::from(settings.history_share);
        Reputation::from_permille((sum / 1000) as u16)
    }
}

/// Points for what is above a half: 1 gives all of the weight.
pub(super) fn points(settings: &ReputationSettings, reputation: Reputation) -> Score {
    let above = u64::from(reputation.permille().saturating_sub(500));
    let mut count = Counter::default();
    count.add(above * 2 * ONE / 1000);
    count.times(settings.weight)
}

/// `part / whole` in thousandths; `part` is at most `whole`.
const fn permille(part: u128, whole: u128) -> u64 {
    (part * 1000 / whole) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reputation_follows_latency_reliability_and_history() {
        let settings = ReputationSettings::default();
        let (start, later) = (Time::EPOCH, Time::EPOCH + settings.history_full);
        let mut peer = Conduct::new(start);
        assert_eq!(peer.reputation(&settings, start), Reputation(400), "nothing is known");
        peer.measured(Some(Duration::ZERO));
        assert_eq!(peer.reputation(&settings, start), Reputation(550));
        assert_eq!(peer.reputation(&settings, later), Reputation(750));
        peer.on_good(99 * ONE);
        assert_eq!(peer.reputation(&settings, later), Reputation(1000));
        peer.measured(Some(settings.rtt_half));
        assert_eq!(peer.reputation(&settings, later), Reputation(850));
        peer.on_bad(later);
        assert_eq!(peer.reputation(&settings, later), Reputation(645), "its history begins anew");
    }

    #[test]
    fn a_peer_that_does_only_harm_falls_below_the_limit_however_near_it_is() {
        let settings = ReputationSettings::default();
        let mut peer = Conduct::new(Time::EPOCH);
        peer.measured(Some(Duration::from_millis(2)));
        assert!(!peer.is_observed(&settings));
        let now = Time::EPOCH + settings.history_full;
        (0..settings.observations_min).for_each(|_| peer.on_bad(now));
        assert!(peer.is_observed(&settings));
        assert!(peer.reputation(&settings, now) < settings.drop_below);
    }

    #[test]
    fn only_what_is_above_a_half_gives_points() {
        let settings = ReputationSettings::default();
        assert_eq!(points(&settings, Reputation(500)), Score::ZERO);
        assert_eq!(points(&settings, Reputation(0)), Score::ZERO);
        assert_eq!(points(&settings, Reputation(1000)), settings.weight);
        assert_eq!(points(&settings, Reputation(750)).millionths(), 500_000);
    }
}
