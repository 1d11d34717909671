//! Settings of mesh upkeep.

use core::time::Duration;

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
