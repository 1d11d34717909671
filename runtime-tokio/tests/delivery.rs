//! Networks deliver every byte, once, over both transports and in both modes.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test may panic, its helpers too")]

mod common;

use std::collections::BTreeSet;

use braidcast_runtime_tokio::{ContentId, Mode, NodeError, PublishError, Settings, SubscribeError, Trace};
use bytes::Bytes;

use common::{
    MODES, QUIC, TCP, address, builder, meshed, network, next, payload, stop_all, subscribe_all, until,
    within,
};

/// 4096 is where coding begins; 1 MiB is the limit.
const SIZES: [usize; 6] = [0, 1, 4095, 4096, 100_000, 1 << 20];

async fn delivers(nodes: usize, mode: Mode, listen: &str) {
    let nodes = network(nodes, mode, listen).await;
    let mut subscriptions = subscribe_all(&nodes, "sizes").await;
    meshed(&nodes, "sizes").await;
    for (salt, bytes) in SIZES.into_iter().enumerate() {
        let (publisher, sent) = (&nodes[salt % nodes.len()], payload(bytes, salt as u64));
        let content = within("publish", publisher.publish("sizes", sent.clone())).await.unwrap();
        assert_eq!(content, ContentId::of(&sent));
        for (node, subscription) in nodes.iter().zip(&mut subscriptions) {
            let message = next(subscription).await;
            assert!(message.payload == sent, "{bytes} bytes came as {}", message.payload.len());
            assert_eq!(message.topic.as_str(), "sizes");
            assert_eq!((message.content(), message.publisher), (content, Some(publisher.peer_id())));
            assert_eq!(message.via == node.peer_id(), node.peer_id() == publisher.peer_id());
        }
    }
    for (node, subscription) in nodes.iter().zip(&subscriptions) {
        let snapshot = node.snapshot().await.unwrap();
        assert_eq!(snapshot.counters.delivered, SIZES.len() as u64);
        assert_eq!(snapshot.seen.len(), SIZES.len());
        assert_eq!((snapshot.undecoded.len(), subscription.dropped()), (0, 0));
        assert!(snapshot.counters.bytes_received > 0 && snapshot.counters.bytes_sent > 0);
        assert!(snapshot.peers.iter().all(|peer| peer.coded == (mode == Mode::Optimum)));
        assert!(snapshot.peers.iter().all(|peer| !peer.address.is_empty()));
    }
    stop_all(&nodes).await;
}

#[tokio::test]
async fn two_nodes_over_quic() {
    for mode in MODES {
        delivers(2, mode, QUIC).await;
    }
}

#[tokio::test]
async fn two_nodes_over_tcp() {
    for mode in MODES {
        delivers(2, mode, TCP).await;
    }
}

#[tokio::test]
async fn three_nodes_over_quic() {
    for mode in MODES {
        delivers(3, mode, QUIC).await;
    }
}

#[tokio::test]
async fn three_nodes_over_tcp() {
    for mode in MODES {
        delivers(3, mode, TCP).await;
    }
}

/// The middle one relays what the ends cannot send each other.
#[tokio::test]
async fn a_chain_relays() {
    for mode in MODES {
        let middle = builder(mode, QUIC).start().await.unwrap();
        let ends = [TCP, QUIC].map(|listen| builder(mode, listen).bootstrap(address(&middle)).start());
        let [left, right] = ends;
        let nodes = [left.await.unwrap(), middle, right.await.unwrap()];
        let mut subscriptions = subscribe_all(&nodes, "chain").await;
        for (node, mesh) in nodes.iter().zip([1, 2, 1]) {
            until("mesh", node, |s| s.topics[0].mesh.len() == mesh).await;
        }
        let sent = payload(300_000, 0);
        nodes[0].publish("chain", sent.clone()).await.unwrap();
        for subscription in &mut subscriptions {
            assert!(next(subscription).await.payload == sent);
        }
        stop_all(&nodes).await;
    }
}

/// A limit that is no multiple of anything, and all that goes with it: frames, shards, the receiver's checks.
#[tokio::test]
async fn the_largest_message_is_delivered_and_one_byte_more_is_refused() {
    const LIMIT: usize = 2_500_001;
    for mode in MODES {
        let limited = || builder(mode, QUIC).settings(|s| s.message_bytes_max = LIMIT);
        let first = limited().start().await.unwrap();
        let second = limited().bootstrap(address(&first)).start().await.unwrap();
        let nodes = [first, second];
        let mut subscriptions = subscribe_all(&nodes, "limit").await;
        meshed(&nodes, "limit").await;

        let sent = payload(LIMIT, 0);
        nodes[0].publish("limit", sent.clone()).await.unwrap();
        assert!(next(&mut subscriptions[1]).await.payload == sent);

        let refused = nodes[0].publish("elsewhere", payload(LIMIT + 1, 0)).await.unwrap_err();
        let too_large = PublishError::TooLarge { bytes: LIMIT + 1, bytes_max: LIMIT };
        assert_eq!(refused, NodeError::Publish(too_large));
        assert_eq!(refused.to_string(), "payload is 2500002 bytes, limit is 2500001");
        let snapshot = nodes[0].snapshot().await.unwrap();
        assert_eq!(snapshot.topics.len(), 1, "the topic was not joined for it");
        assert_eq!(snapshot.counters.published, 1);

        // Nothing of it comes: the next thing that does is the next message.
        let after = nodes[0].publish("limit", payload(10, 1)).await.unwrap();
        assert_eq!(next(&mut subscriptions[1]).await.content(), after);
        stop_all(&nodes).await;
    }
}

#[tokio::test]
async fn publishing_joins_and_leaving_ends_the_subscription() {
    let nodes = network(2, Mode::Optimum, QUIC).await;
    let content = nodes[0].publish("joined", payload(1, 0)).await.unwrap();
    assert_eq!(nodes[0].snapshot().await.unwrap().topics[0].topic.as_str(), "joined");
    assert_eq!(nodes[0].snapshot().await.unwrap().seen, [content]);

    let mut subscription = nodes[0].subscribe("joined").await.unwrap();
    let again = nodes[0].subscribe("joined").await.unwrap();
    drop(again);
    nodes[0].leave("joined").await.unwrap();
    assert!(within("end", subscription.next()).await.is_none());
    assert!(matches!(nodes[0].leave("joined").await, Err(NodeError::Leave(_))));
    assert_eq!(nodes[0].join("").await, Err(NodeError::Subscribe(SubscribeError::Empty)));
    stop_all(&nodes).await;
}

/// Publishers wait for the network instead of overrunning the queues.
#[tokio::test]
async fn a_burst_beyond_all_bounds_is_delivered_whole() {
    const SENT: u64 = 60;
    const BYTES: usize = 50_000;
    for mode in MODES {
        let tight = |s: &mut Settings| {
            s.backlog_bytes_max = 4 * BYTES;
            s.gossip.cache_bytes_max = 8 * BYTES;
            s.outbox.messages_max = 4;
        };
        let first = builder(mode, TCP).settings(tight).start().await.unwrap();
        let second = builder(mode, TCP).settings(tight).bootstrap(address(&first));
        let nodes = [first, second.start().await.unwrap()];
        let mut subscriptions = subscribe_all(&nodes, "t").await;
        meshed(&nodes, "t").await;
        let publish = async {
            for salt in 0..SENT {
                nodes[0].publish("t", payload(BYTES, salt)).await.unwrap();
            }
        };
        let receive = async {
            let mut missing: BTreeSet<Bytes> = (0..SENT).map(|salt| payload(BYTES, salt)).collect();
            while !missing.is_empty() {
                let message = next(&mut subscriptions[1]).await;
                assert!(missing.remove(&message.payload), "each once");
            }
        };
        tokio::join!(publish, receive);
        stop_all(&nodes).await;
    }
}

/// Each of the two that do not publish hears of the message before it is there, and spares the other's copy.
#[tokio::test]
async fn a_long_message_is_declined_at_others_before_it_is_here() {
    for listen in [QUIC, TCP] {
        let nodes = network(3, Mode::Gossipsub, listen).await;
        let _subscriptions = subscribe_all(&nodes, "t").await;
        meshed(&nodes, "t").await;
        let mut traces = within("traces", nodes[1].traces()).await.unwrap();
        nodes[0].publish("t", payload(1 << 20, 0)).await.unwrap();
        let mut declined = false;
        loop {
            let record = within("trace", traces.next()).await.unwrap();
            match &*record.trace {
                Trace::SendRpc { to, meta } => {
                    declined |= *to == nodes[2].peer_id() && !meta.idontwant.is_empty();
                }
                Trace::DeliverMessage { .. } => break,
                _ => {}
            }
        }
        assert!(declined, "{listen}");
        stop_all(&nodes).await;
    }
}
