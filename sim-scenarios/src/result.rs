//! What a run found, as the JSON object that is printed and stored.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::sweep::{StoreError, store};

/// Version of [`RunResult`]'s form; a change of meaning raises it.
pub const SCHEMA: u32 = 1;

/// One run. Times are milliseconds of virtual time from a message's publication; sizes are bytes as charged.
///
/// Shares of nodes are of those that are up at the end and honest. With several messages the times are means over them,
/// and `None` when one of them did not get so far.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// The values of a sweep's axes, by key path; empty for a single run.
    pub point: BTreeMap<String, serde_json::Value>,
    /// What everything random follows from.
    pub seed: u64,
    /// How many nodes.
    pub nodes: usize,
    /// How many messages were published.
    pub messages: usize,
    /// Messages not published because their publisher was down.
    pub unpublished: usize,
    /// Length of a message.
    pub message_bytes: u64,
    /// Pieces that a message is sent in.
    pub chunks: u64,
    /// Share of the wanted deliveries that were made, 0 to 1; the publishers' own do not count.
    pub delivery: f64,
    /// Time to half of the nodes.
    pub t50_ms: Option<f64>,
    /// Time to 95 % of the nodes.
    pub t95_ms: Option<f64>,
    /// Time to 99 % of the nodes.
    pub t99_ms: Option<f64>,
    /// Time to all nodes.
    pub t100_ms: Option<f64>,
    /// The greater bound for all nodes, of [`Bounds`]: no network can be faster. `None` without rates or latency.
    pub bound_ms: Option<f64>,
    /// `t100_ms / bound_ms`.
    pub ratio: Option<f64>,
    /// Bytes received by a node over the bytes published, mean over nodes, all traffic since the first publication.
    pub rx_x: f64,
    /// The same of bytes sent.
    pub tx_x: f64,
    /// Body bytes received by a node beyond the first copy, in copies; mean over receivers.
    pub duplicates: f64,
    /// Links on the way by which a node was first sent anything of a message, mean over receivers.
    pub hops_mean: f64,
    /// The most of them.
    pub hops_max: u16,
    /// Digest of every command, event and action.
    pub trace_hash: String,
    /// Digest of every delivery.
    pub delivery_hash: String,
    /// Events given to nodes.
    pub events: u64,
    /// Time the run took.
    pub wall_s: f64,
    /// Most memory that the process had by its end, where the system tells.
    pub peak_rss_mib: Option<f64>,
    /// What the result is to be compared with.
    pub bounds: Bounds,
    /// What was sent.
    pub traffic: Traffic,
    /// Delivery times of all nodes and messages: the 0th to the 100th percentile, `None` where not reached.
    pub delivery_ms: Vec<Option<f64>>,
    /// What adversaries achieved; `None` without any, unless nodes are scored.
    #[serde(default)]
    pub defence: Option<Defence>,
    /// Each message by itself.
    pub published: Vec<MessageResult>,
    /// The trace hash at points in virtual time: where two runs part can be told from these.
    pub checkpoints: Vec<Checkpoint>,
    /// The scenario as it was given, for running it again.
    pub config: serde_json::Value,
}

/// What no network can beat, and what whole copies would take. `None` without an uplink rate.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bounds {
    /// The message once through an uplink and one latency: `S/B + L`.
    pub fluid_ms: Option<f64>,
    /// Postal model for these pieces, to 50, 95, 99 and 100 % of the nodes.
    pub postal_ms: Option<[f64; 4]>,
    /// The same to each percentile of [`RunResult::delivery_ms`]; empty without a rate.
    pub postal_curve_ms: Vec<f64>,
    /// From the rates of all nodes and the shortest paths, to 50, 95, 99 and 100 % of the nodes, for the first message.
    pub heterogeneous_ms: Option<[f64; 4]>,
    /// Postal model for whole messages, to all nodes.
    pub whole_ms: Option<f64>,
}

/// Traffic since the first publication.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Traffic {
    /// Frames of shards and messages.
    pub data_frames: u64,
    /// Their bytes.
    pub data_bytes: u64,
    /// Frames without a body.
    pub control_frames: u64,
    /// Their bytes.
    pub control_bytes: u64,
    /// Shards that told nothing new.
    pub useless_shards: u64,
    /// Shards that were not what their name said.
    pub invalid_shards: u64,
    /// Whole messages that were known.
    pub duplicate_messages: u64,
    /// Whole messages that a node did not send to one neighbour: no room in the outbox, or they waited too long there.
    #[serde(default)]
    pub dropped_messages: u64,
    /// Lost frames that were sent again.
    pub retransmissions: u64,
    /// Frames that found the queue of a downlink full.
    pub refused_frames: u64,
    /// The longest queue of any uplink.
    pub queue_bytes_max: u64,
    /// The most payload bytes that one node's core held, at their real size.
    pub held_bytes_max: u64,
    /// The longest queue of any downlink.
    pub downlink_bytes_max: u64,
    /// Mean over nodes of their longest queue.
    pub queue_bytes_mean: f64,
}

/// What adversaries achieved, as of the end where nothing else is said.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Defence {
    /// Share of the places in the meshes of honest nodes that adversaries have, 0 to 1.
    pub mesh_share: f64,
    /// The most that it ever was after the first publication.
    pub mesh_share_max: f64,
    /// Virtual milliseconds from the start of the run after which they never again had more than a twentieth of the
    /// places; `None` when they have at the end.
    #[serde(default)]
    pub nearly_clear_ms: Option<f64>,
    /// Virtual milliseconds from the start of the run after which no honest node had an adversary in its mesh;
    /// `None` when one has at the end.
    pub clear_ms: Option<f64>,
    /// The lowest score that an honest node ever gave an honest one, if that was below zero.
    pub honest_score_min: f64,
    /// The lowest that one gave an adversary.
    pub adversary_score_min: f64,
}

/// One message.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MessageResult {
    /// The node that published it.
    pub publisher: usize,
    /// When, milliseconds from the start of the run.
    pub at_ms: f64,
    /// How many nodes of those up at the end have it, the publisher not counted.
    pub delivered: usize,
    /// How many should.
    pub wanted: usize,
    /// Time to 50, 95, 99 and 100 % of the nodes.
    pub times_ms: [Option<f64>; 4],
}

/// The state of the trace hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Virtual milliseconds from the start of the run.
    pub at_ms: u64,
    /// The hash.
    pub trace_hash: String,
}

/// A message at a node: a row of the Parquet files.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct DeliveryRow {
    /// Number of the message, in order of publication.
    pub message: usize,
    /// Which node.
    pub node: usize,
    /// Milliseconds from the publication.
    pub ms: f64,
    /// How often the node had been restarted.
    pub life: u32,
}

impl RunResult {
    /// Reads a stored result.
    pub fn read(path: &Path) -> Result<Self, StoreError> {
        let result: Self = store::read_json(path)?;
        if result.schema == SCHEMA {
            return Ok(result);
        }
        let problem = format!("has schema {}, this program reads {SCHEMA}", result.schema);
        Err(StoreError::Content { path: path.to_owned(), problem })
    }

    /// The figure of this name, one of [`METRICS`].
    pub fn metric(&self, name: &str) -> Option<f64> {
        match name {
            "delivery" => Some(self.delivery),
            "t50_ms" => self.t50_ms,
            "t95_ms" => self.t95_ms,
            "t99_ms" => self.t99_ms,
            "t100_ms" => self.t100_ms,
            "ratio" => self.ratio,
            "rx_x" => Some(self.rx_x),
            "tx_x" => Some(self.tx_x),
            "duplicates" => Some(self.duplicates),
            "dropped" => Some(self.traffic.dropped_messages as f64),
            "mesh_share" => self.defence.as_ref().map(|defence| defence.mesh_share),
            "nearly_clear_ms" => self.defence.as_ref().and_then(|defence| defence.nearly_clear_ms),
            "clear_ms" => self.defence.as_ref().and_then(|defence| defence.clear_ms),
            "honest_score_min" => self.defence.as_ref().map(|defence| defence.honest_score_min),
            "held_kib_max" => Some(self.traffic.held_bytes_max as f64 / 1024.0),
            _ => None,
        }
    }
}

/// The figures that sweeps compare.
pub const METRICS: &[&str] = &[
    "delivery",
    "t50_ms",
    "t95_ms",
    "t99_ms",
    "t100_ms",
    "ratio",
    "rx_x",
    "tx_x",
    "duplicates",
    "dropped",
    "held_kib_max",
    "mesh_share",
    "nearly_clear_ms",
    "clear_ms",
    "honest_score_min",
];

/// Shares of nodes that times are given for.
pub const SHARES: [usize; 4] = [50, 95, 99, 100];
