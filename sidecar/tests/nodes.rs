//! Two real nodes, each behind its sidecar: what a client of one publishes, a client of the other reads.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::time::Duration;

use braidcast_runtime_tokio::{Mode, Node, SystemUsage};
use braidcast_sidecar::client::{Client, Response};
use braidcast_sidecar::{Options, bind, serve};
use bytes::Bytes;
use common::{next, next_message, soon};
use tokio_util::sync::CancellationToken;

async fn serve_on_loopback(node: &Node, shutdown: &CancellationToken) -> Client {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = serve(listener, node.clone(), SystemUsage::start(), Options::default(), shutdown.clone());
    tokio::spawn(served);
    soon(Client::connect(&address)).await.unwrap()
}

async fn one_message_passes(mode: Mode) {
    let shutdown = CancellationToken::new();
    let alice = Node::builder().mode(mode).listen("/ip4/127.0.0.1/tcp/0").start().await.unwrap();
    let bob = Node::builder()
        .mode(mode)
        .listen("/ip4/127.0.0.1/tcp/0")
        .bootstrap(&alice.listen_addrs()[0])
        .start()
        .await
        .unwrap();
    let to_alice = serve_on_loopback(&alice, &shutdown).await;
    let to_bob = serve_on_loopback(&bob, &shutdown).await;

    let (_commands, mut at_alice) = to_alice.subscribe(&["t"]).await.unwrap();
    let (_commands, mut at_bob) = to_bob.subscribe(&["t"]).await.unwrap();
    // A mesh of two: ready as soon as either has grafted the other.
    loop {
        let grafted = match next(&mut at_alice).await {
            Response::Optimum(event) => event.graft.is_some(),
            Response::Gossipsub(event) => event.graft.is_some(),
            Response::Message(_) | Response::Published(_) | Response::Refused(_) | Response::Other(_) => {
                false
            }
        };
        if grafted {
            break;
        }
    }
    let payload = Bytes::from((0..300_000_u32).flat_map(u32::to_be_bytes).take(1 << 20).collect::<Vec<_>>());
    let id = soon(to_alice.publish("t", payload.clone())).await.unwrap();
    for responses in [&mut at_alice, &mut at_bob] {
        let message = next_message(responses).await;
        assert_eq!((message.topic.as_str(), &message.message_id), ("t", &id));
        assert!(message.payload == payload);
    }
    assert_eq!(to_bob.topics().await.unwrap(), ["t"]);
    let health = to_bob.health().await.unwrap();
    assert!(health.status && health.p2p_address.contains("/p2p/12D3KooW"), "{health:?}");

    shutdown.cancel();
    alice.shutdown(Duration::from_secs(5)).await;
    bob.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_message_passes_between_coding_nodes() {
    one_message_passes(Mode::Optimum).await;
}

#[tokio::test]
async fn a_message_passes_between_plain_nodes() {
    one_message_passes(Mode::Gossipsub).await;
}
