//! Settings of lazy gossip.

use core::time::Duration;

/// Lazy gossip. Source: gossipsub v1.0 "Parameters", v1.1 "Adaptive Gossip Dissemination", "Spam Protection Measures",
/// v1.2 "IDONTWANT Message".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GossipSettings {
    /// *D_lazy*: peers outside the mesh that hear of our messages each heartbeat; default 6.
    pub lazy: usize,
    /// *GossipFactor*: share of eligible peers to gossip to, percent, when that is more than `lazy`; default 25.
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
    /// *MaxIHaveMessages*: frames with IHAVE taken from one peer between two heartbeats; default 10.
    pub ihave_frames_max: usize,
    /// *MaxIHaveLength*: ids taken from one IHAVE, and asked of one peer between two heartbeats; default 5000.
    pub ihave_ids_max: usize,
    /// *IWantFollowupTime*: how long to wait for a message after asking for it, before its sender broke a promise;
    /// default 3 s.
    pub iwant_followup: Duration,
    /// How long to wait for it before asking another peer, too, who advertised it; default 1 s. Looked at when somebody
    /// advertises it and at heartbeats.
    pub iwant_retry: Duration,
    /// Messages asked for at a time; default 5000.
    pub iwant_max: usize,
    /// Ids that one peer may ask for between two heartbeats; default 5000.
    pub iwant_ids_max: usize,
    /// *GossipRetransmission*: how often one peer is sent the same message on request; default 3.
    pub retransmissions_max: u8,
    /// Messages from this length on are declined at others as soon as they are here (IDONTWANT); default 1024 bytes.
    pub idontwant_bytes_min: usize,
    /// Whether long messages are declined at others as soon as they begin to come in; default on.
    pub idontwant_early: bool,
    /// Ids that one peer may decline between two heartbeats; default 5000. They hold for three heartbeats.
    pub idontwant_ids_max: usize,
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
            ihave_frames_max: 10,
            ihave_ids_max: 5000,
            iwant_followup: Duration::from_secs(3),
            iwant_retry: Duration::from_secs(1),
            iwant_max: 5000,
            iwant_ids_max: 5000,
            retransmissions_max: 3,
            idontwant_bytes_min: 1024,
            idontwant_early: true,
            idontwant_ids_max: 5000,
        }
    }
}
