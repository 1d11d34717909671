//! The nodes of a devnet: started one after the other, each knowing some that came before.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use braidcast_runtime_tokio::{Node, NodeBuilder, Snapshot, SystemUsage};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::options::{Link, PORTS_PER_NODE, Plan};
use super::watch::Formation;
use crate::stack::{Services, Stack};

/// Running nodes with their services.
#[derive(Debug)]
pub(crate) struct Network {
    /// In the order they were started.
    pub(crate) stacks: Vec<Stack>,
}

impl Network {
    /// Starts all nodes; they may not have found each other yet.
    pub(crate) async fn start(plan: &Plan) -> anyhow::Result<Self> {
        let usage = SystemUsage::start();
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
        let mut stacks: Vec<Stack> = Vec::with_capacity(plan.nodes);
        for index in 0..plan.nodes {
            let mut builder = builder(plan, index);
            for known in bootstraps(index, &mut random) {
                let addresses = stacks[known].node.listen_addrs();
                let address = addresses.first().with_context(|| format!("node {known} listens nowhere"))?;
                builder = builder.bootstrap(address);
            }
            let stack = Stack::start(builder, &services(plan, index), usage.clone()).await;
            stacks.push(stack.with_context(|| format!("node {index}"))?);
        }
        Ok(Self { stacks })
    }

    /// Where everything listens.
    pub(crate) fn describe(&self) -> Vec<String> {
        let describe = |(index, stack): (usize, &Stack)| {
            let p2p = stack.node.listen_addrs().join(" ");
            format!("node {index}: sidecar {}  http http://{}  p2p {p2p}", stack.sidecar, stack.api)
        };
        self.stacks.iter().enumerate().map(describe).collect()
    }

    /// Waits until the meshes of a topic connect all nodes.
    pub(crate) async fn formed(&self, topic: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let formation = Formation::of(&self.snapshots().await?, topic);
            if formation.is_complete() {
                return Ok(());
            }
            if start.elapsed() > FORMATION_MAX {
                bail!("no mesh after {} s: {formation}", FORMATION_MAX.as_secs());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Bytes that all nodes have sent to others since their start.
    pub(crate) async fn bytes_sent(&self) -> anyhow::Result<u64> {
        Ok(self.snapshots().await?.iter().map(|snapshot| snapshot.counters.bytes_sent).sum())
    }

    async fn snapshots(&self) -> anyhow::Result<Vec<Snapshot>> {
        let mut snapshots = Vec::with_capacity(self.stacks.len());
        for stack in &self.stacks {
            snapshots.push(stack.node.snapshot().await?);
        }
        Ok(snapshots)
    }

    /// Stops all nodes, at the same time.
    pub(crate) async fn stop(self) {
        let mut stopping = tokio::task::JoinSet::new();
        for stack in self.stacks {
            stopping.spawn(stack.stop());
        }
        stopping.join_all().await;
    }
}

fn builder(plan: &Plan, index: usize) -> NodeBuilder {
    let port = plan.port(index, 0);
    let address = match plan.link {
        Link::Quic => format!("/ip4/127.0.0.1/udp/{port}/quic-v1"),
        Link::Tcp => format!("/ip4/127.0.0.1/tcp/{port}"),
    };
    Node::builder().mode(plan.mode).listen(address).settings(|settings| {
        settings.message_bytes_max = plan.message_bytes_max(settings.message_bytes_max);
    })
}

fn services(plan: &Plan, index: usize) -> Services {
    let on_loopback = |service| SocketAddr::from((Ipv4Addr::LOCALHOST, plan.port(index, service)));
    Services {
        sidecar: on_loopback(1),
        api: on_loopback(2),
        random_message_bytes: RANDOM_MESSAGE_BYTES,
        message_bytes_max: plan.message_bytes_max(0),
    }
}

/// Whom node `index` knows: the first, and a few others that are already there.
fn bootstraps(index: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let mut known: Vec<usize> = (0..index).collect();
    while known.len() > BOOTSTRAPS {
        let place = 1 + random.next_u64() as usize % (known.len() - 1);
        known.swap_remove(place);
    }
    known
}

impl Plan {
    /// A port of a node: 0 (a free one) unless there is a base.
    fn port(&self, index: usize, service: usize) -> u16 {
        self.base_port.map_or(0, |base| base + (index * PORTS_PER_NODE + service) as u16)
    }

    /// Room for the messages to publish, and no less than usual.
    fn message_bytes_max(&self, usual: usize) -> usize {
        self.load.map_or(usual, |load| load.bytes.max(usual))
    }
}

/// Nodes that a new node is told of.
const BOOTSTRAPS: usize = 3;
/// Time for all nodes to find and graft each other.
const FORMATION_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const RANDOM_MESSAGE_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_knows_the_first_and_at_most_two_others() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        assert!(bootstraps(0, &mut random).is_empty());
        assert_eq!(bootstraps(3, &mut random), [0, 1, 2]);
        for index in 4..100 {
            let known = bootstraps(index, &mut random);
            assert!(known.len() == 3 && known[0] == 0 && known[1] != known[2], "{known:?}");
            assert!(known.iter().all(|other| *other < index));
        }
    }
}
