//! A network of our nodes, beside one of rust-libp2p's GossipSub: processor time per delivered message.
//!
//! Nodes in one process, each linked with four others on the loopback interface, all of them in each other's meshes;
//! every node publishes in turn. Both sides sign and verify, send 64 bits of sequence number, use the same message ids,
//! deliver equal bytes published twice twice, and do not flood. Each network runs in a process of its own, the two kinds
//! in turns, and what is counted is that process's time on all its processors while messages are delivered. It is
//! divided by the messages that were delivered to an application, one less than there are nodes for each that was
//! published.

mod libp2p;
mod network;
mod ours;
mod result;

use std::io;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::network::NetworkError;
pub use self::result::{Comparison, Figures, table};

/// Whose nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Ours.
    Ours,
    /// rust-libp2p's, as plain GossipSub nodes over TCP, Noise and Yamux.
    Libp2p,
}

/// How nodes are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP, Noise and Yamux.
    Tcp,
    /// QUIC.
    Quic,
}

/// One network and what it has to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many nodes; at least [`Plan::NODES_MIN`].
    pub nodes: usize,
    /// How ours are linked.
    pub transport: Transport,
    /// Whether ours code their messages.
    pub coded: bool,
    /// What they deliver.
    pub load: Load,
}

impl Plan {
    /// Below it the four neighbours of a node are not four.
    pub const NODES_MIN: usize = 5;
}

/// Messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Bytes of a message, at least 8.
    pub bytes: usize,
    /// How many messages are published while the time is taken; as many as a tenth of them before, to warm up.
    pub messages: usize,
    /// How many of them are on their way at a time.
    pub window: usize,
}

impl Load {
    /// As many messages of this size as take seconds.
    #[must_use]
    pub fn of(bytes: usize) -> Self {
        let messages = (SAMPLE_BYTES / bytes.max(1)).clamp(40, 5000);
        Self { bytes, messages, window: (WINDOW_BYTES / bytes.max(1)).clamp(2, 32) }
    }
}

/// What one network took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Processor time of the process, nanoseconds.
    pub cpu_ns: f64,
    /// From the first publication to the last delivery, seconds.
    pub wall_s: f64,
    /// Messages that were delivered in that time.
    pub delivered: usize,
    /// Messages that should have been.
    pub wanted: usize,
    /// Median time from a publication to the last node's delivery, milliseconds.
    pub t100_p50_ms: f64,
    /// Bytes on the loopback interface in that time, those of other programs included.
    pub wire_bytes: Option<u64>,
    /// The process's high-water mark.
    pub peak_rss_mib: Option<f64>,
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum NodeBenchError {
    /// A process could not be run.
    #[error("cannot run the network's process: {0}")]
    Spawn(#[from] io::Error),
    /// It failed; it has said why on standard error.
    #[error("the network's process failed: {status}")]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It did not print a [`Sample`].
    #[error("the network's process printed no result: {0}")]
    Output(#[from] serde_json::Error),
}

/// Measures a plan in several rounds, with a baseline in turns.
///
/// `launch` gives the command of a process that calls [`run_network`] and prints the sample as JSON.
///
/// # Errors
///
/// When a process cannot be run or does not finish its work.
pub fn run(
    plan: &Plan,
    baseline: Option<Subject>,
    rounds: usize,
    launch: impl Fn(Subject, &Plan) -> Command,
) -> Result<Comparison, NodeBenchError> {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(sample(launch(Subject::Ours, plan))?);
        if let Some(baseline) = baseline {
            others.push(sample(launch(baseline, plan))?);
        }
    }
    Ok(Comparison::new(plan.load, &ours, &others))
}

fn sample(mut command: Command) -> Result<Sample, NodeBenchError> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(NodeBenchError::Failed { status: output.status });
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs one network until it has delivered its load. Needs a process of its own.
///
/// # Errors
///
/// When nodes do not start, do not find each other or lose messages.
pub fn run_network(subject: Subject, plan: &Plan) -> Result<Sample, NetworkError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match subject {
            Subject::Ours => network::run::<ours::Ours>(plan).await,
            Subject::Libp2p => network::run::<libp2p::Libp2p>(plan).await,
        }
    })
}

/// Payload published for one sample: 60 messages of 1 MiB.
const SAMPLE_BYTES: usize = 60 << 20;
/// Payload on its way at a time.
const WINDOW_BYTES: usize = 4 << 20;
