//! Settings of peer scoring.

use crate::Score;

/// Peer scoring. Source: gossipsub v1.1 "Peer Scoring".
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ScoreSettings {
    /// Whether peers are scored; default no. Without, every score is zero.
    pub enabled: bool,
    /// What a score is compared with.
    pub thresholds: ScoreThresholds,
}

/// What a score is compared with. Source: gossipsub v1.1 "Score Thresholds".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScoreThresholds {
    /// Below it no gossip is sent to the peer or taken from it; default -10.
    pub gossip: Score,
    /// Below it own messages are not flooded to the peer; default -50.
    pub publish: Score,
    /// Below it everything the peer sends is ignored; default -80.
    pub graylist: Score,
    /// From it peers named in a PRUNE are dialled; default 10.
    pub accept_px: Score,
    /// Below it, for the median of a mesh, better peers are grafted; default 20.
    pub opportunistic_graft: Score,
}

impl Default for ScoreThresholds {
    fn default() -> Self {
        Self {
            gossip: Score::new(-10),
            publish: Score::new(-50),
            graylist: Score::new(-80),
            accept_px: Score::new(10),
            opportunistic_graft: Score::new(20),
        }
    }
}
