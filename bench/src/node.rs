//! A network of our nodes against one of rust-libp2p's GossipSub: processor time per delivered message.
//!
//! Eight nodes in one process, each linked with four others over TCP, Noise and Yamux on the loopback interface, all of
//! them in each other's meshes; every node publishes in turn. Both sides sign and verify, send 64 bits of sequence
//! number, use the same message ids and do not flood. Each network runs in a process of its own, the two kinds in turns,
//! and what is counted is that process's time on all its processors while messages are delivered. It is divided by the
//! messages that were delivered to an application, seven for each that was published.

mod libp2p;
mod network;
mod ours;
mod result;

use std::io;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::network::NetworkError;
pub use self::result::{Comparison, table};

/// Whose nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Ours, as plain GossipSub nodes.
    Ours,
    /// rust-libp2p's.
    Libp2p,
}

/// What one network has to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Bytes of a message.
    pub bytes: usize,
    /// How many messages are published while the time is taken; as many as a tenth of them before, to warm up.
    pub messages: usize,
    /// How many of them are on their way at a time.
    pub window: usize,
}

/// What one network took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Processor time of the process, nanoseconds.
    pub cpu_ns: f64,
    /// Messages that were delivered in that time.
    pub delivered: usize,
}

impl Sample {
    fn us_per_delivery(&self) -> f64 {
        self.cpu_ns / 1000.0 / self.delivered as f64
    }
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum NodeBenchError {
    /// A process could not be run.
    #[error("cannot run the network's process: {0}")]
    Spawn(#[from] io::Error),
    /// It failed; it has said why on standard error.
    #[error("the process of the network ({subject:?}) failed: {status}")]
    Failed {
        /// Whose nodes.
        subject: Subject,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// It did not print a [`Sample`].
    #[error("the network's process printed no result: {0}")]
    Output(#[from] serde_json::Error),
}

/// Compares both kinds of network under each load, in turns.
///
/// `launch` gives the command of a process that calls [`run_network`] and prints the sample as JSON.
///
/// # Errors
///
/// When a process cannot be run or does not finish its work.
pub fn run(
    quick: bool,
    launch: impl Fn(Subject, Load) -> Command,
) -> Result<Vec<Comparison>, NodeBenchError> {
    let loads = if quick {
        LOADS.map(|(load, need)| (Load { messages: load.messages / 10, ..load }, need))
    } else {
        LOADS
    };
    let rounds = if quick { 1 } else { ROUNDS };
    loads.into_iter().map(|(load, need)| compare(load, need, rounds, &launch)).collect()
}

fn compare(
    load: Load,
    need: f64,
    rounds: usize,
    launch: &impl Fn(Subject, Load) -> Command,
) -> Result<Comparison, NodeBenchError> {
    let mut pairs = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let ours = sample(Subject::Ours, load, launch)?;
        let libp2p = sample(Subject::Libp2p, load, launch)?;
        pairs.push((ours.us_per_delivery(), libp2p.us_per_delivery()));
    }
    Ok(Comparison::new(load, need, &pairs))
}

fn sample(
    subject: Subject,
    load: Load,
    launch: &impl Fn(Subject, Load) -> Command,
) -> Result<Sample, NodeBenchError> {
    let output = launch(subject, load).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(NodeBenchError::Failed { subject, status: output.status });
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Runs one network until it has delivered its load. Needs a process of its own.
///
/// # Errors
///
/// When nodes do not start, do not find each other or lose messages.
pub fn run_network(subject: Subject, load: Load) -> Result<Sample, NetworkError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match subject {
            Subject::Ours => network::run::<ours::Ours>(load).await,
            Subject::Libp2p => network::run::<libp2p::Libp2p>(load).await,
        }
    })
}

/// What is compared, and the ratio of processor time that ours may take.
const LOADS: [(Load, f64); 2] = [
    (Load { bytes: 1 << 10, messages: 5000, window: 32 }, 0.7),
    (Load { bytes: 1 << 20, messages: 60, window: 4 }, 0.5),
];

/// How often, each kind in turn.
const ROUNDS: usize = 5;
