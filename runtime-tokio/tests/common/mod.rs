//! Networks of nodes in one process, over real sockets of the loopback interface.

#![allow(dead_code, reason = "each test file uses a part of this")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use braidcast_runtime_tokio::{Message, Mode, Node, NodeBuilder, Snapshot, Subscription};
use bytes::Bytes;

/// How long a test waits for anything. Things take milliseconds; a loaded machine may take seconds.
pub(crate) const BOUND: Duration = Duration::from_secs(30);

pub(crate) const QUIC: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
pub(crate) const TCP: &str = "/ip4/127.0.0.1/tcp/0";
pub(crate) const MODES: [Mode; 2] = [Mode::Optimum, Mode::Gossipsub];

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(BOUND, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: not within {BOUND:?}"),
    }
}

pub(crate) fn builder(mode: Mode, listen: &str) -> NodeBuilder {
    // A heartbeat is what repairs and regrafts wait for: not a second here.
    Node::builder().mode(mode).listen(listen).settings(|s| s.mesh.heartbeat = Duration::from_millis(100))
}

pub(crate) fn address(node: &Node) -> String {
    let addresses = node.listen_addrs();
    assert!(!addresses.is_empty(), "it listens when start returns");
    addresses[0].clone()
}

/// Nodes that each know all started before them.
pub(crate) async fn network(nodes: usize, mode: Mode, listen: &str) -> Vec<Node> {
    let mut started: Vec<Node> = Vec::new();
    for _ in 0..nodes {
        let builder =
            started.iter().fold(builder(mode, listen), |builder, node| builder.bootstrap(address(node)));
        started.push(within("start", builder.start()).await.unwrap());
    }
    started
}

/// Waits until a node's state is as it should be. Looks again after each event of the node.
pub(crate) async fn until(what: &str, node: &Node, is: impl Fn(&Snapshot) -> bool) {
    let mut traces = node.traces().await.unwrap();
    let look = async {
        while !is(&node.snapshot().await.unwrap()) {
            traces.next().await.expect("the node runs");
        }
    };
    within(what, look).await;
}

/// Waits until each node has the others in its mesh of this topic.
pub(crate) async fn meshed(nodes: &[Node], topic: &str) {
    for node in nodes {
        let full = |s: &Snapshot| {
            s.topics.iter().any(|t| t.topic.as_str() == topic && t.mesh.len() == nodes.len() - 1)
        };
        until("mesh", node, full).await;
    }
}

pub(crate) async fn subscribe_all(nodes: &[Node], topic: &str) -> Vec<Subscription> {
    let mut subscriptions = Vec::new();
    for node in nodes {
        subscriptions.push(within("subscribe", node.subscribe(topic)).await.unwrap());
    }
    subscriptions
}

pub(crate) async fn next(subscription: &mut Subscription) -> Arc<Message> {
    within("message", subscription.next()).await.expect("the node runs")
}

/// Bytes without structure, different for each length and salt.
pub(crate) fn payload(bytes: usize, salt: u64) -> Bytes {
    let mut state = (bytes as u64 ^ (salt << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

pub(crate) async fn stop_all(nodes: &[Node]) {
    for node in nodes {
        within("shutdown", node.shutdown(Duration::from_secs(5))).await;
    }
}
