//! Reliable peers that were lost are found again by the node itself.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;

use std::time::Duration;

use braidcast_runtime_tokio::{
    Identity, Listener, Mode, Node, NodeBuilder, Reputation, Settings, Subscription, Trace, TraceRecord,
};

use common::{BOUND, QUIC, address, builder, next, payload, stop_all, until, within};

/// A peer that can be started again at the same place as the same one.
struct Peer {
    identity: Identity,
    node: Node,
    at: String,
}

impl Peer {
    async fn start() -> Self {
        let identity = Identity::generate();
        let node = plain(QUIC, &identity).start().await.unwrap();
        node.join("t").await.unwrap();
        let at = address(&node);
        Self { identity, node, at }
    }

    async fn restart(&mut self) {
        within("shutdown", self.node.shutdown(BOUND)).await;
        let listen = self.at.split_once("/p2p/").unwrap().0;
        self.node = plain(listen, &self.identity).start().await.unwrap();
    }

    /// Makes it a peer of `seeker` that has brought a message.
    async fn prove(&self, seeker: &Node, subscription: &mut Subscription) {
        seeker.dial(&self.at).await.unwrap();
        let seeker_id = seeker.peer_id();
        until("mesh", &self.node, |s| s.topics[0].mesh.contains(&seeker_id)).await;
        self.deliver(subscription).await;
    }

    async fn deliver(&self, subscription: &mut Subscription) {
        let content = self.node.publish("t", payload(100, rand())).await.unwrap();
        while next(subscription).await.content() != content {}
    }
}

fn plain(listen: &str, identity: &Identity) -> NodeBuilder {
    builder(Mode::Gossipsub, listen).identity(identity.clone())
}

/// A number that was not used before.
fn rand() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Wants one link. Whoever brought a message is reliable, the more so the longer it has been there.
fn seeking(settings: &mut Settings) {
    (settings.mesh.min, settings.mesh.target, settings.mesh.max) = (1, 1, 3);
    settings.mesh.outbound_min = 0;
    settings.score.enabled = true;
    let reputation = &mut settings.score.reputation;
    (reputation.latency_share, reputation.reliability_share, reputation.history_share) = (0, 0, 1000);
    reputation.history_full = Duration::from_secs(60);
    (reputation.observations_min, reputation.preferred_from) = (1, Reputation::from_permille(1));
    reputation.drop_below = Reputation::from_permille(0);
}

async fn added(traces: &mut Listener<TraceRecord>) -> braidcast_runtime_tokio::PeerId {
    let look = async {
        loop {
            if let Trace::AddPeer { peer, .. } = &*traces.next().await.expect("the node runs").trace {
                return *peer;
            }
        }
    };
    within("a new link", look).await
}

#[tokio::test]
async fn of_those_that_were_lost_the_best_is_dialed_first() {
    let seeker = builder(Mode::Gossipsub, QUIC).settings(seeking).start().await.unwrap();
    let mut subscription = seeker.subscribe("t").await.unwrap();
    let (mut best, mut other, last) = (Peer::start().await, Peer::start().await, Peer::start().await);
    best.prove(&seeker, &mut subscription).await;
    let experienced = Reputation::from_permille(10);
    while seeker.snapshot().await.unwrap().peers[0].score.as_ref().unwrap().reputation < experienced {
        best.deliver(&mut subscription).await;
    }
    other.prove(&seeker, &mut subscription).await;
    last.prove(&seeker, &mut subscription).await;
    // One link is enough, so nobody is dialed for these two.
    for peer in [&mut best, &mut other] {
        peer.restart().await;
    }
    until("one link", &seeker, |s| s.peers.len() == 1).await;
    let mut traces = seeker.traces().await.unwrap();
    within("shutdown", last.node.shutdown(BOUND)).await;
    assert_eq!(added(&mut traces).await, best.node.peer_id());
    stop_all(&[seeker, best.node, other.node]).await;
}
