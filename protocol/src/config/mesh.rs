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
    /// *D_score*: when we prune, so many of the best by score stay, the others by lot; default 4.
    pub best_kept: usize,
    /// *D_out*: members that we dialled ourselves; below *D_lo* and at most *D* / 2; default 2.
    pub outbound_min: usize,
    /// *heartbeat_interval*: time between heartbeats; default 1 s.
    pub heartbeat: Duration,
    /// Time from start to the first heartbeat; default 100 ms.
    pub heartbeat_initial_delay: Duration,
    /// *PruneBackoff*: how long a pruned peer stays out; default 60 s.
    pub prune_backoff: Duration,
    /// *UnsubscribeBackoff*: the same after we left the topic, or a member did; default 10 s.
    pub unsubscribe_backoff: Duration,
    /// Longest backoff taken from a peer's PRUNE; default 1 h. Longer ones are cut to it.
    pub backoff_max: Duration,
    /// What we wait beyond a backoff before we graft, so that the peer's has ended, too; default 1 s.
    pub backoff_slack: Duration,
    /// *GraftFloodThreshold*: a GRAFT so soon after the backoff began counts twice; default 10 s.
    pub graft_flood: Duration,
    /// *OpportunisticGraftTicks*: heartbeats from one look at the median score of a mesh to the next; default 60.
    pub opportunistic_ticks: u64,
    /// *OpportunisticGraftPeers*: better peers grafted when that median is too low; default 2.
    pub opportunistic_peers: usize,
    /// Time from start to the first dial of direct peers; default 1 s.
    pub direct_delay: Duration,
    /// Heartbeats from one dial of direct peers without a link to the next; default 300.
    pub direct_ticks: u32,
    /// *fanout_ttl*: how long after our last message a topic that we are not in keeps its fanout; default 60 s.
    pub fanout_ttl: Duration,
    /// *floodPublish*: whether our own messages go to everyone in the topic, not to the mesh alone; default no, as in
    /// go: it makes the publisher's uplink the bottleneck of every large message. Only whole messages are flooded.
    /// Source: gossipsub v1.1 "Flood Publishing", which is optional.
    pub flood_publish: bool,
    /// *doPX*: whether our PRUNE names others in the topic; default no. Peers that others name are dialled from
    /// [`crate::ScoreThresholds::accept_px`] on, whatever this is.
    pub peer_exchange: bool,
    /// Peers named in one PRUNE of ours, and dialled between two heartbeats because a PRUNE named them; default 16,
    /// as the specification advises more than *D_hi*.
    pub exchange_peers: usize,
}

impl MeshSettings {
    /// The defaults at other degrees: *D_score* and *D_out* keep their defaults or become what the degrees allow.
    pub fn with_degrees(min: usize, target: usize, max: usize) -> Self {
        let default = Self::default();
        Self {
            min,
            target,
            max,
            best_kept: default.best_kept.min(target),
            outbound_min: default.outbound_min.min(target / 2).min(min.saturating_sub(1)),
            ..default
        }
    }
}

impl Default for MeshSettings {
    fn default() -> Self {
        Self {
            target: 6,
            min: 4,
            max: 12,
            best_kept: 4,
            outbound_min: 2,
            heartbeat: Duration::from_secs(1),
            heartbeat_initial_delay: Duration::from_millis(100),
            prune_backoff: Duration::from_secs(60),
            unsubscribe_backoff: Duration::from_secs(10),
            backoff_max: Duration::from_secs(3600),
            backoff_slack: Duration::from_secs(1),
            graft_flood: Duration::from_secs(10),
            opportunistic_ticks: 60,
            opportunistic_peers: 2,
            direct_delay: Duration::from_secs(1),
            direct_ticks: 300,
            fanout_ttl: Duration::from_secs(60),
            flood_publish: false,
            peer_exchange: false,
            exchange_peers: 16,
        }
    }
}
