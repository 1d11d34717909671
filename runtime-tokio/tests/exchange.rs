//! Peers beyond meshes: those that a node without room in its mesh names to whom it turns away, and direct peers.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;

use std::time::Duration;

use braidcast_runtime_tokio::{Identity, Mode, Node, NodeBuilder, Score, Settings, StartError, peer_id_text};

use common::{QUIC, TCP, address, builder, next, payload, stop_all, subscribe_all, until};

/// Believes whom anybody names, and comes back soon after it was turned away.
fn trusting(listen: &str) -> NodeBuilder {
    builder(Mode::Gossipsub, listen).settings(|s| {
        s.score.thresholds.accept_px = Score::ZERO;
        s.mesh.prune_backoff = Duration::from_secs(1);
        s.mesh.backoff_slack = Duration::ZERO;
    })
}

/// The first and the last know only the middle one, which has room for one of them.
#[tokio::test]
async fn two_that_know_only_a_third_find_each_other() {
    for listen in [QUIC, TCP] {
        let one = |s: &mut Settings| {
            (s.mesh.min, s.mesh.target, s.mesh.max) = (1, 1, 1);
            (s.mesh.outbound_min, s.mesh.peer_exchange) = (0, true);
        };
        let middle = trusting(listen).settings(one).start().await.unwrap();
        let first = trusting(listen).bootstrap(address(&middle)).start().await.unwrap();
        let last = trusting(listen).bootstrap(address(&middle)).start().await.unwrap();
        let nodes = [first, middle, last];
        let mut subscriptions = subscribe_all(&nodes, "t").await;
        for (node, other) in [(&nodes[0], &nodes[2]), (&nodes[2], &nodes[0])] {
            let other = other.peer_id();
            until("a link to whom it was told of", node, |s| s.peers.iter().any(|p| p.peer == other)).await;
        }
        until("mesh", &nodes[2], |s| s.topics[0].mesh.contains(&nodes[0].peer_id())).await;
        nodes[1].publish("t", payload(1000, 0)).await.unwrap();
        for subscription in &mut subscriptions {
            assert_eq!(next(subscription).await.payload, payload(1000, 0));
        }
        stop_all(&nodes).await;
    }
}

/// One of them knows where the other is, both know who.
#[tokio::test]
async fn direct_peers_are_sent_everything_outside_of_meshes() {
    let identity = Identity::generate();
    let nowhere = format!("/ip4/127.0.0.1/udp/1/quic-v1/p2p/{}", peer_id_text(&identity.peer_id()));
    let first = builder(Mode::Gossipsub, QUIC).direct_peer(nowhere).start().await.unwrap();
    let second = builder(Mode::Gossipsub, QUIC).identity(identity).direct_peer(address(&first));
    let nodes = [first, second.start().await.unwrap()];
    let mut subscriptions = subscribe_all(&nodes, "t").await;
    for node in &nodes {
        until("its subscription", node, |s| s.topics[0].peers.len() == 1).await;
    }
    for (salt, node) in nodes.iter().enumerate() {
        node.publish("t", payload(1000, salt as u64)).await.unwrap();
        for subscription in &mut subscriptions {
            assert_eq!(next(subscription).await.payload, payload(1000, salt as u64));
        }
        assert!(node.snapshot().await.unwrap().topics[0].mesh.is_empty());
    }
    stop_all(&nodes).await;
}

#[tokio::test]
async fn a_direct_peer_without_an_id_is_refused() {
    let refused = Node::builder().direct_peer("/ip4/127.0.0.1/tcp/1").start().await.unwrap_err();
    assert!(matches!(refused, StartError::Address { option: "direct peer", .. }), "{refused}");
}
