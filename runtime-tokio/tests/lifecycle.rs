//! Slow listeners, the end of nodes, and their return.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;

use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use braidcast_runtime_tokio::{
    Mode, Node, NodeError, QueueBounds, Settings, StartError, Trace, Validation, Verdict,
};
use tokio::time::Instant;

use common::{
    BOUND, MODES, QUIC, TCP, address, builder, meshed, network, next, payload, stop_all, subscribe_all,
    until, within,
};

#[tokio::test]
async fn a_slow_subscriber_loses_the_newest_and_others_nothing() {
    const SENT: u64 = 20;
    let bounds = QueueBounds { items_max: 5, bytes_max: 3000 };
    let node = builder(Mode::Optimum, QUIC).queues(bounds).start().await.unwrap();
    let mut slow = node.subscribe("t").await.unwrap();
    let mut prompt = node.subscribe("t").await.unwrap();
    for salt in 0..SENT {
        node.publish("t", payload(1000, salt)).await.unwrap();
        assert_eq!(next(&mut prompt).await.payload, payload(1000, salt));
    }
    assert_eq!((slow.dropped(), prompt.dropped()), (SENT - 3, 0));
    for salt in 0..3 {
        assert_eq!(next(&mut slow).await.payload, payload(1000, salt));
    }
    node.publish("t", payload(1, SENT)).await.unwrap();
    assert_eq!(next(&mut slow).await.payload, payload(1, SENT));
    stop_all(&[node]).await;
}

#[tokio::test]
async fn traces_tell_what_happened_from_the_call_on() {
    let nodes = network(2, Mode::Optimum, QUIC).await;
    let mut traces = nodes[1].traces().await.unwrap();
    let mut subscriptions = subscribe_all(&nodes, "t").await;
    meshed(&nodes, "t").await;
    let content = nodes[0].publish("t", payload(50_000, 0)).await.unwrap();
    next(&mut subscriptions[1]).await;
    let (mut joined, mut shards, mut last_ns) = (false, 0, 0);
    let read = async {
        loop {
            let record = traces.next().await.expect("the node runs");
            assert!(record.unix_ns > 1_600_000_000_000_000_000 && record.unix_ns >= last_ns);
            last_ns = record.unix_ns;
            joined |= matches!(&*record.trace, Trace::Join { topic } if topic.as_str() == "t");
            shards +=
                usize::from(matches!(&*record.trace, Trace::NewShard(shard) if shard.content == content));
            if matches!(&*record.trace, Trace::DeliverMessage { content: delivered, .. } if *delivered == content)
            {
                return;
            }
        }
    };
    within("delivery in the trace", read).await;
    assert!(joined);
    assert_eq!(shards, 4, "k shards were new");
    stop_all(&nodes).await;
}

/// What is accepted before a shutdown is sent, although it is far more than fits into the links at once.
#[tokio::test]
async fn shutdown_sends_what_was_published() {
    const SENT: u64 = 12;
    for mode in MODES {
        let nodes = network(2, mode, QUIC).await;
        let mut subscriptions = subscribe_all(&nodes, "t").await;
        meshed(&nodes, "t").await;
        for salt in 0..SENT {
            nodes[0].publish("t", payload(500_000, salt)).await.unwrap();
        }
        within("shutdown", nodes[0].shutdown(BOUND)).await;
        let mut received = Vec::new();
        for _ in 0..SENT {
            received.push(next(&mut subscriptions[1]).await.content());
        }
        received.sort();
        received.dedup();
        assert_eq!(received.len() as u64, SENT);
        // It was a goodbye: the peer does not have to wait for a timeout to know.
        until("the link's end", &nodes[1], |s| s.peers.is_empty()).await;
        stop_all(&nodes).await;
    }
}

/// Traffic that never ends does not hold up a shutdown, and everyone who waits for something is told.
#[tokio::test]
async fn shutdown_amid_traffic_ends_in_time_and_ends_everything() {
    for (mode, listen) in MODES.into_iter().zip([QUIC, TCP]) {
        let nodes = network(3, mode, listen).await;
        let mut subscriptions = subscribe_all(&nodes, "t").await;
        let mut traces = nodes[0].traces().await.unwrap();
        meshed(&nodes, "t").await;
        let publishers: Vec<_> =
            nodes.iter().cloned().map(|node| tokio::spawn(publish_until_stopped(node))).collect();
        next(&mut subscriptions[0]).await;

        let (patience, begin) = (Duration::from_secs(1), Instant::now());
        let other = nodes[0].clone();
        let both = async { tokio::join!(nodes[0].shutdown(patience), other.shutdown(patience)) };
        within("shutdown", both).await;
        assert!(begin.elapsed() < patience + Duration::from_secs(3), "took {:?}", begin.elapsed());

        assert_eq!(nodes[0].publish("t", payload(1, 0)).await, Err(NodeError::Stopped));
        assert_eq!(nodes[0].snapshot().await.err(), Some(NodeError::Stopped));
        within("end of messages", async { while subscriptions[0].next().await.is_some() {} }).await;
        within("end of traces", async { while traces.next().await.is_some() {} }).await;
        // Once more does nothing.
        within("shutdown", nodes[0].shutdown(patience)).await;
        for node in &nodes[1..] {
            within("shutdown", node.shutdown(patience)).await;
        }
        for publisher in publishers {
            within("publisher", publisher).await.unwrap();
        }
    }
}

async fn publish_until_stopped(node: Node) {
    for salt in 0.. {
        match node.publish("t", payload(20_000, salt)).await {
            Ok(_) => {}
            Err(NodeError::Stopped) => return,
            Err(refused) => panic!("{refused}"),
        }
    }
}

/// Neither a subscription nor a stream of traces keeps a node alive that nobody can reach any more.
#[tokio::test]
async fn a_node_without_handles_stops() {
    let nodes = network(2, Mode::Optimum, QUIC).await;
    let mut subscription = nodes[0].subscribe("t").await.unwrap();
    until("link", &nodes[1], |s| s.peers.len() == 1).await;
    let mut nodes = nodes.into_iter();
    drop(nodes.next());
    within("end", async { while subscription.next().await.is_some() {} }).await;
    let left = nodes.next().unwrap();
    until("the link's end", &left, |s| s.peers.is_empty()).await;
    stop_all(&[left]).await;
}

#[tokio::test]
async fn a_killed_node_comes_back_as_itself() {
    for (mode, listen) in [(Mode::Optimum, QUIC), (Mode::Gossipsub, QUIC), (Mode::Optimum, TCP)] {
        let dir = tempfile::tempdir().unwrap();
        let stays = builder(mode, listen).start().await.unwrap();
        let mut subscription = stays.subscribe("t").await.unwrap();
        let start = || builder(mode, listen).identity_dir(dir.path()).bootstrap(address(&stays)).start();

        let killed = start().await.unwrap();
        let peer_id = killed.peer_id();
        killed.subscribe("t").await.unwrap();
        meshed(&[stays.clone(), killed.clone()], "t").await;
        drop(killed);

        // At once, so that the other side may still believe in the old link.
        let back = start().await.unwrap();
        assert_eq!(back.peer_id(), peer_id);
        let mut subscription_back = back.subscribe("t").await.unwrap();
        meshed(&[stays.clone(), back.clone()], "t").await;
        let sent = [payload(200_000, 1), payload(200_000, 2)];
        for (node, sent) in [&stays, &back].into_iter().zip(&sent) {
            let content = node.publish("t", sent.clone()).await.unwrap();
            for subscription in [&mut subscription, &mut subscription_back] {
                let message = next(subscription).await;
                assert_eq!(message.content(), content);
                assert!(message.payload == sent);
            }
        }
        stop_all(&[stays, back]).await;
    }
}

/// With bootstrap peers on one side only, the other side has to be found again after its restart.
#[tokio::test]
async fn a_restarted_bootstrap_node_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let first = builder(Mode::Optimum, QUIC).identity_dir(dir.path()).start().await.unwrap();
    let at = address(&first);
    let listen = at.split_once("/p2p/").unwrap().0.to_owned();
    let other = builder(Mode::Optimum, QUIC).bootstrap(at).start().await.unwrap();
    until("link", &other, |s| s.peers.len() == 1).await;
    within("shutdown", first.shutdown(Duration::from_secs(5))).await;
    until("the link's end", &other, |s| s.peers.is_empty()).await;
    let back = builder(Mode::Optimum, &listen).identity_dir(dir.path()).start().await.unwrap();
    until("link", &other, |s| s.peers.len() == 1).await;
    stop_all(&[other, back]).await;
}

#[tokio::test]
async fn messages_wait_for_the_application_s_verdict() {
    let judged = || builder(Mode::Gossipsub, QUIC).settings(|s| s.validation = Validation::Application);
    let middle = judged().start().await.unwrap();
    let left = judged().bootstrap(address(&middle)).start().await.unwrap();
    let right = judged().bootstrap(address(&middle)).start().await.unwrap();
    let nodes = [left, middle, right];
    let mut subscriptions = subscribe_all(&nodes, "t").await;
    for (node, mesh) in nodes.iter().zip([1, 2, 1]) {
        until("mesh", node, |s| s.topics[0].mesh.len() == mesh).await;
    }
    for (salt, verdict) in [Verdict::Reject, Verdict::Accept].into_iter().enumerate() {
        nodes[0].publish("t", payload(100, salt as u64)).await.unwrap();
        let message = next(&mut subscriptions[1]).await;
        nodes[1].judge(&message.id, verdict).await.unwrap();
    }
    assert_eq!(
        next(&mut subscriptions[2]).await.payload,
        payload(100, 1),
        "the rejected one was not forwarded"
    );
    stop_all(&nodes).await;
}

#[tokio::test]
async fn dialing_links_and_says_what_it_cannot_dial() {
    let listening = builder(Mode::Optimum, QUIC).start().await.unwrap();
    let dialing = Node::builder().listen_nowhere().start().await.unwrap();
    assert!(dialing.listen_addrs().is_empty());
    dialing.dial(&address(&listening)).await.unwrap();
    until("link", &dialing, |s| s.peers.len() == 1).await;
    let refused = dialing.dial("somewhere").await.unwrap_err();
    assert!(refused.to_string().starts_with("cannot dial somewhere: "), "{refused}");
    stop_all(&[listening, dialing]).await;
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let refuse = async |change: fn(&mut Settings)| {
        Node::builder().listen_nowhere().settings(change).start().await.unwrap_err().to_string()
    };
    assert_eq!(
        refuse(|s| s.message_bytes_max = 0).await,
        "message_bytes_max is 0, allowed is 1 to 1073741824"
    );
    let refused = Node::builder().listen("nonsense").start().await.unwrap_err();
    assert!(matches!(refused, StartError::Address { option: "listen", .. }), "{refused}");
    let refused = Node::builder().listen(QUIC).bootstrap("/ip4/1.2.3.4/p2p/").start().await.unwrap_err();
    assert!(matches!(refused, StartError::Address { option: "bootstrap", .. }), "{refused}");

    let (listener, socket) =
        (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (tcp, udp) = (listener.local_addr().unwrap().port(), socket.local_addr().unwrap().port());
    for taken in [format!("/ip4/127.0.0.1/tcp/{tcp}"), format!("/ip4/127.0.0.1/udp/{udp}/quic-v1")] {
        let refused = builder(Mode::Optimum, &taken).start().await.unwrap_err();
        assert!(matches!(&refused, StartError::Transport(_)), "{refused}");
        assert!(refused.to_string().starts_with(&format!("cannot listen on {taken}: ")), "{refused}");
    }

    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("p2p.key"), "short").unwrap();
    let refused = builder(Mode::Optimum, TCP).identity_dir(dir.path()).start().await.unwrap_err();
    assert!(refused.to_string().starts_with("read key from disk: file is too short"), "{refused}");
}
