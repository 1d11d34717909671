//! A ring of nodes with chords, and the messages through it.

use std::fs;
use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Plan, Sample};

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
    /// A message of somebody else was delivered; its number.
    Delivered(u64),
}

impl Told {
    /// The delivery of a message with this payload.
    pub(super) fn delivered(payload: &[u8]) -> Self {
        Self::Delivered(payload.first_chunk().map_or(u64::MAX, |number| u64::from_be_bytes(*number)))
    }
}

/// One node of either kind, with [`DEGREE`] as its mesh's size.
pub(super) trait Peer: Sized {
    /// Starts a node that dials these, and joins [`TOPIC`].
    fn start(
        plan: &Plan,
        neighbours: Vec<String>,
        told: mpsc::Sender<Told>,
    ) -> impl Future<Output = Result<Self, NetworkError>>;

    /// Where it is dialed, as a multiaddr with its peer id.
    fn address(&self) -> String;

    /// Publishes to [`TOPIC`].
    fn publish(&self, payload: Vec<u8>) -> impl Future<Output = Result<(), NetworkError>>;
}

pub(super) async fn run<P: Peer>(plan: &Plan) -> Result<Sample, NetworkError> {
    let (sender, mut told) = mpsc::channel(TOLD_MAX);
    let mut nodes: Vec<P> = Vec::with_capacity(plan.nodes);
    for index in 0..plan.nodes {
        // A ring with chords: i is linked with i ± 1 and i ± 2. Each link is dialed by the one started later.
        let steps = [1, 2, plan.nodes - 2, plan.nodes - 1];
        let neighbours = nodes.iter().enumerate().filter(|(other, _)| steps.contains(&(index - other)));
        let addresses = neighbours.map(|(_, node)| node.address()).collect();
        nodes.push(P::start(plan, addresses, sender.clone()).await?);
    }
    for meshed in 0..plan.nodes {
        match next(&mut told, || format!("only {meshed} of {} nodes have their mesh", plan.nodes)).await? {
            Told::Meshed => {}
            early @ Told::Delivered(_) => {
                return Err(NetworkError::Node(format!("{early:?} before all meshes were full")));
            }
        }
    }
    let mut flow = Flow { nodes: &nodes, told, plan, published: Vec::new(), times: Vec::new() };
    flow.deliver(plan.load.messages / 10).await?;
    (flow.published, flow.times) = (Vec::new(), Vec::new());
    let (cpu, wall, wire) = (now_ns(), Instant::now(), loopback_bytes());
    flow.deliver(plan.load.messages).await?;
    flow.times.sort_unstable();
    Ok(Sample {
        cpu_ns: now_ns() - cpu,
        wall_s: wall.elapsed().as_secs_f64(),
        delivered: flow.times.len() * (plan.nodes - 1),
        wanted: plan.load.messages * (plan.nodes - 1),
        t100_p50_ms: flow.times.get(flow.times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e3),
        wire_bytes: wire.zip(loopback_bytes()).map(|(before, after)| after - before),
        peak_rss_mib: peak_rss_mib(),
    })
}

/// Messages through a network.
struct Flow<'a, P> {
    nodes: &'a [P],
    told: mpsc::Receiver<Told>,
    plan: &'a Plan,
    /// Number, time of publication and deliveries of those that not all have yet.
    published: Vec<(u64, Instant, usize)>,
    /// From publication to the last node, of those that all have.
    times: Vec<Duration>,
}

impl<P: Peer> Flow<'_, P> {
    /// Publishes so many messages, at most the load's window ahead of their delivery to all.
    async fn deliver(&mut self, messages: usize) -> Result<(), NetworkError> {
        let mut started = 0;
        while self.times.len() < messages {
            if started < messages && self.published.len() < self.plan.load.window {
                let (number, payload) = payload(self.plan.load.bytes);
                self.published.push((number, Instant::now(), 0));
                self.nodes[started % self.nodes.len()].publish(payload).await?;
                started += 1;
                continue;
            }
            let waiting = self.published.len();
            let late = || format!("{waiting} of {started} messages not everywhere");
            let Told::Delivered(number) = next(&mut self.told, late).await? else {
                return Err(NetworkError::Node("a node filled its mesh twice".to_owned()));
            };
            self.on_delivered(number)?;
        }
        Ok(())
    }

    fn on_delivered(&mut self, number: u64) -> Result<(), NetworkError> {
        let at = self.published.iter().position(|(published, ..)| *published == number);
        let at = at.ok_or_else(|| NetworkError::Node(format!("message {number} came once too often")))?;
        self.published[at].2 += 1;
        if self.published[at].2 == self.nodes.len() - 1 {
            self.times.push(self.published.swap_remove(at).1.elapsed());
        }
        Ok(())
    }
}

async fn next(told: &mut mpsc::Receiver<Told>, late: impl Fn() -> String) -> Result<Told, NetworkError> {
    match timeout(PATIENCE, told.recv()).await {
        Ok(Some(it)) => Ok(it),
        Ok(None) => Err(NetworkError::Node("all of them stopped".to_owned())),
        Err(_) => Err(NetworkError::Late { what: late(), seconds: PATIENCE.as_secs() }),
    }
}

/// Bytes that no other message of this process has: they begin with its number.
fn payload(bytes: usize) -> (u64, Vec<u8>) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut payload = vec![0; bytes];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    (number, payload)
}

/// What the loopback interface has carried since the machine started, other programs' bytes too; Linux only.
fn loopback_bytes() -> Option<u64> {
    let table = fs::read_to_string("/proc/net/dev").ok()?;
    let row = table.lines().find_map(|line| line.trim_start().strip_prefix("lo:"))?;
    row.split_whitespace().next()?.parse().ok()
}

/// The process's high-water mark; Linux only.
fn peak_rss_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let row = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    row.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
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

/// Longest wait for one event.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// More than a window's deliveries.
const TOLD_MAX: usize = 1024;
