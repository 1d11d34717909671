//! Eight nodes, their graph, and the messages through it.

use std::future::Future;
use std::io;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Load, Sample};

/// Why a network did not deliver.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The system refuses threads or timers.
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] io::Error),
    /// A node did not start or stopped.
    #[error("node: {0}")]
    Node(String),
    /// Not in time: the mesh, or messages.
    #[error("{what} after {seconds} s")]
    Late {
        /// What had not happened.
        what: String,
        /// How long it was waited for.
        seconds: u64,
    },
}

impl NetworkError {
    pub(super) fn node(error: impl ToString) -> Self {
        Self::Node(error.to_string())
    }
}

/// What nodes tell the one who drives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// All its neighbours are in its mesh; once.
    Meshed,
    /// A message of somebody else was delivered.
    Delivered,
}

/// One node of either kind, with [`DEGREE`] as its mesh's size.
pub(super) trait Peer: Sized {
    /// Starts a node that dials these, and joins [`TOPIC`].
    fn start(
        neighbours: Vec<String>,
        told: mpsc::Sender<Told>,
    ) -> impl Future<Output = Result<Self, NetworkError>>;

    /// Where it is dialed, as a multiaddr with its peer id.
    fn address(&self) -> String;

    /// Publishes to [`TOPIC`].
    fn publish(&self, payload: Vec<u8>) -> impl Future<Output = Result<(), NetworkError>>;
}

pub(super) async fn run<P: Peer>(load: Load) -> Result<Sample, NetworkError> {
    let (sender, mut told) = mpsc::channel(TOLD_MAX);
    let mut nodes: Vec<P> = Vec::with_capacity(NODES);
    for index in 0..NODES {
        // A ring with chords: i is linked with i ± 1 and i ± 2. Each link is dialed by the one started later.
        let neighbours = nodes.iter().enumerate().filter(|(other, _)| STEPS.contains(&(index - other)));
        let addresses = neighbours.map(|(_, node)| node.address()).collect();
        nodes.push(P::start(addresses, sender.clone()).await?);
    }
    for meshed in 0..NODES {
        expect(&mut told, Told::Meshed, || format!("only {meshed} of {NODES} nodes have their mesh")).await?;
    }
    deliver(&nodes, &mut told, load, load.messages / 10).await?;
    let before = now_ns();
    deliver(&nodes, &mut told, load, load.messages).await?;
    Ok(Sample { cpu_ns: now_ns() - before, delivered: load.messages * (NODES - 1) })
}

/// Publishes so many messages, at most the load's window ahead of their delivery.
async fn deliver<P: Peer>(
    nodes: &[P],
    told: &mut mpsc::Receiver<Told>,
    load: Load,
    messages: usize,
) -> Result<(), NetworkError> {
    let (mut published, mut delivered) = (0, 0);
    while delivered < messages * (NODES - 1) {
        if published < messages && published * (NODES - 1) < delivered + load.window * (NODES - 1) {
            nodes[published % NODES].publish(payload(load.bytes)).await?;
            published += 1;
            continue;
        }
        let late = || format!("{delivered} deliveries of {published} messages");
        expect(told, Told::Delivered, late).await?;
        delivered += 1;
    }
    Ok(())
}

async fn expect(
    told: &mut mpsc::Receiver<Told>,
    wanted: Told,
    late: impl Fn() -> String,
) -> Result<(), NetworkError> {
    match timeout(PATIENCE, told.recv()).await {
        Ok(Some(it)) if it == wanted => Ok(()),
        Ok(Some(it)) => Err(NetworkError::Node(format!("{it:?} instead of {wanted:?}"))),
        Ok(None) => Err(NetworkError::Node("all of them stopped".to_owned())),
        Err(_) => Err(NetworkError::Late { what: late(), seconds: PATIENCE.as_secs() }),
    }
}

/// Bytes that no other message of this process has.
fn payload(bytes: usize) -> Vec<u8> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let mut payload = vec![0; bytes];
    payload[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    payload
}

/// The time of all threads of this process on processors, in nanoseconds.
fn now_ns() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Where everything is published.
pub(super) const TOPIC: &str = "bench";

/// Links, and mesh members, of each node.
pub(super) const DEGREE: usize = 4;

/// Largest RPC of rust-libp2p, which holds all that it has read at once against it: far above a window of messages.
pub(super) const RPC_BYTES_MAX: usize = 64 << 20;

const NODES: usize = 8;

/// From each node to those after it, around the ring of [`NODES`].
const STEPS: [usize; 4] = [1, 2, NODES - 2, NODES - 1];

/// Longest wait for one event.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// More than a window's deliveries.
const TOLD_MAX: usize = 1024;
