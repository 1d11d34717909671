//! Settings of the reputation.

use core::time::Duration;

use super::Decay;
use crate::{Reputation, Score};

/// How a reputation is made of its parts, and what follows from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReputationSettings {
    /// Share of the latency, thousandths; default 300. The three shares make 1000.
    pub latency_share: u16,
    /// Share of the reliability, thousandths; default 500.
    pub reliability_share: u16,
    /// Share of the history, thousandths; default 200.
    pub history_share: u16,
    /// A round-trip time that gives half of the latency's share; default 500 ms.
    pub rtt_half: Duration,
    /// Time without a misdeed that gives the whole of the history's share; default 1 h.
    pub history_full: Duration,
    /// How observations fade; default 0.999.
    pub decay: Decay,
    /// Good and bad observations before anything follows from a reputation; default 20.
    pub observations_min: u32,
    /// Below it a peer is dropped; default 0.3. Zero drops nobody.
    pub drop_below: Reputation,
    /// How long a dropped peer is refused; default 10 min.
    pub refuse_for: Duration,
    /// From it a peer that left is preferred when connecting again; default 0.6.
    pub preferred_from: Reputation,
    /// Points that a reputation of 1 adds to the score; those above 0.5 count in proportion; default 1.
    pub weight: Score,
}

impl Default for ReputationSettings {
    fn default() -> Self {
        Self {
            latency_share: 300,
            reliability_share: 500,
            history_share: 200,
            rtt_half: Duration::from_millis(500),
            history_full: Duration::from_secs(3600),
            decay: Decay::from_ppm(999_000),
            observations_min: 20,
            drop_below: Reputation::from_permille(300),
            refuse_for: Duration::from_secs(600),
            preferred_from: Reputation::from_permille(600),
            weight: Score::new(1),
        }
    }
}
