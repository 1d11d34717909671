//! What surrounds the nodes, the same for all of them.

use std::time::Duration;

use crate::latency::{Distribution, Latencies};
use crate::{Congestion, Processing};

/// Frame loss on links that retransmit: a lost frame arrives late, and those behind it on its stream wait for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Loss {
    /// Chance of each transmission to be lost, parts per million, below a million.
    pub ppm: u32,
    /// Time after which a lost frame is sent again; doubles with each further loss of the same frame.
    pub timeout: Duration,
}

/// How the frames of one link wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Streams {
    /// Each for all before it, as over TCP.
    #[default]
    One,
    /// Shards only for what was sent as [`braidcast_protocol::SendClass::Data`] before them, and nothing for shards: each
    /// has a stream of its own, as over QUIC.
    PerShard,
}

/// How the frames of several links use one line.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Sharing {
    /// One frame after another, in the order in which they came.
    #[default]
    Fifo,
    /// All links at once, each with its max-min fair share, as many TCP or QUIC connections approach it.
    FairShare,
}

/// Rates of one node, bytes per second; `None` is unlimited.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Rates {
    pub(crate) up: Option<u64>,
    pub(crate) down: Option<u64>,
}

/// What surrounds the nodes.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) latencies: Latencies,
    /// Added to each frame's latency.
    pub(crate) jitter: Option<Distribution>,
    pub(crate) loss: Loss,
    pub(crate) streams: Streams,
    pub(crate) uplinks: Sharing,
    pub(crate) downlinks: Sharing,
    pub(crate) congestion: Option<Congestion>,
    pub(crate) processing: Processing,
    /// What may wait for one link at its uplink before further control closes it.
    pub(crate) send_queue_bytes: Option<u64>,
    /// What may wait at a downlink before further frames are lost there.
    pub(crate) receive_queue_bytes: Option<u64>,
    pub(crate) window_bytes: u64,
    /// What a node may hold.
    pub(crate) held_bytes_max: Option<usize>,
    /// A link on which nothing comes through is given up after this time.
    pub(crate) link_timeout: Duration,
    pub(crate) body_scale: u32,
    pub(crate) codec: bool,
    pub(crate) check_invariants: bool,
    pub(crate) drop_frame: Option<u64>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            latencies: Latencies::constant(Duration::from_millis(10)),
            jitter: None,
            loss: Loss { ppm: 0, timeout: Duration::from_millis(200) },
            streams: Streams::One,
            uplinks: Sharing::Fifo,
            downlinks: Sharing::Fifo,
            congestion: None,
            processing: Processing::default(),
            send_queue_bytes: None,
            receive_queue_bytes: None,
            window_bytes: 64 * 1024,
            held_bytes_max: None,
            link_timeout: Duration::from_secs(30),
            body_scale: 1,
            codec: false,
            check_invariants: false,
            drop_frame: None,
        }
    }
}
