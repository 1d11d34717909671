//! Networks of node processes under load and faults, watched through the typed client.
#![allow(clippy::unwrap_used, reason = "a test helper that fails is a test that fails")]

mod common;

use std::path::PathBuf;
use std::time::Duration;

use braidcast_sidecar::client::{Client, Commands, Response, Responses};
use bytes::Bytes;
use common::node::NodeProcess;

/// A stream that has subscribed.
struct Listener {
    commands: Commands,
    responses: Responses,
}

impl Listener {
    async fn subscribe(node: &NodeProcess) -> Self {
        let client = Client::connect(&node.sidecar).await.unwrap();
        let (commands, responses) = client.subscribe(&[TOPIC]).await.unwrap();
        Self { commands, responses }
    }

    async fn publish(&self, payload: Bytes) {
        self.commands.publish(TOPIC, payload).await.unwrap();
    }

    /// The next response that is not skipped.
    async fn next<T>(&mut self, what: &str, pick: impl Fn(Response) -> Option<T>) -> T {
        let search = async {
            loop {
                let response = self.responses.next().await.unwrap().expect("the stream stays open");
                if let Some(found) = pick(response) {
                    return found;
                }
            }
        };
        tokio::time::timeout(WAIT_MAX, search).await.unwrap_or_else(|_| panic!("{what} did not come in time"))
    }

    async fn message(&mut self, what: &str) -> Bytes {
        self.next(what, |response| match response {
            Response::Message(message) => Some(message.payload),
            Response::Refused(refusal) => panic!("refused: {}", refusal.error),
            Response::Optimum(_) | Response::Gossipsub(_) | Response::Published(_) | Response::Other(_) => {
                None
            }
        })
        .await
    }

    /// Waits until the node's mesh has this many new members.
    async fn grafted(&mut self, count: usize, when: &str) {
        for _ in 0..count {
            self.next(&format!("a GRAFT {when}"), |response| match response {
                Response::Optimum(event) => event.graft,
                Response::Message(_)
                | Response::Gossipsub(_)
                | Response::Published(_)
                | Response::Refused(_)
                | Response::Other(_) => None,
            })
            .await;
        }
    }
}

/// `count` nodes that bootstrap from the first two, each with its identity in a folder of its own.
fn nodes(dir: &tempfile::TempDir, count: usize, transport: &str) -> Vec<NodeProcess> {
    let mut nodes: Vec<NodeProcess> = Vec::new();
    for index in 0..count {
        let known = bootstrap(&nodes, transport);
        let node = NodeProcess::start(&home(dir, index), &[("BOOTSTRAP_PEERS", &known), LIMIT]);
        nodes.push(node);
    }
    nodes
}

/// Addresses of the first two.
fn bootstrap(nodes: &[NodeProcess], transport: &str) -> String {
    nodes.iter().take(2).map(|node| node.address(transport)).collect::<Vec<_>>().join(",")
}

fn home(dir: &tempfile::TempDir, index: usize) -> PathBuf {
    let home = dir.path().join(index.to_string());
    std::fs::create_dir_all(&home).unwrap();
    home
}

fn numbered(number: usize) -> Bytes {
    Bytes::from(format!("message {number} {}", "x".repeat(5000)))
}

#[tokio::test]
async fn the_others_miss_nothing_when_one_of_five_is_killed_and_it_comes_back() {
    kill_one_of_five("/tcp/").await;
}

#[tokio::test]
async fn the_same_over_quic() {
    kill_one_of_five("/udp/").await;
}

async fn kill_one_of_five(transport: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut nodes = nodes(&dir, 5, transport);
    let mut listeners = Vec::new();
    for node in &nodes {
        listeners.push(Listener::subscribe(node).await);
    }
    for listener in &mut listeners {
        listener.grafted(2, "at the start").await;
    }
    let victim = nodes.pop().unwrap();
    let publisher = listeners[0].commands.clone();
    let publishing = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(30));
        for number in 0..STREAM {
            pace.tick().await;
            publisher.publish(TOPIC, numbered(number)).await.unwrap();
        }
    });
    let mut lost = listeners.pop().unwrap();
    assert_eq!(lost.message("the first message").await, numbered(0));
    let peer_id = victim.peer_id.clone();
    victim.process.signal("KILL");
    for (index, listener) in listeners.iter_mut().enumerate() {
        let mut got = [false; STREAM];
        for _ in 0..STREAM {
            let payload = listener.message(&format!("a message at node {index}")).await;
            let number = (0..STREAM).find(|number| payload == numbered(*number)).expect("as published");
            assert!(!std::mem::replace(&mut got[number], true), "{number} came twice at node {index}");
        }
    }
    publishing.await.unwrap();
    drop(victim);

    let known = bootstrap(&nodes, transport);
    let restarted = NodeProcess::start(&home(&dir, 4), &[("BOOTSTRAP_PEERS", &known), LIMIT]);
    assert_eq!(restarted.peer_id, peer_id);
    let mut back = Listener::subscribe(&restarted).await;
    back.grafted(1, "after the restart").await;
    for number in STREAM..STREAM + 5 {
        listeners[1].publish(numbered(number)).await;
        // It has forgotten what it had seen, so neighbours may give it older ones again.
        while back.message("a message after the restart").await != numbered(number) {}
    }
}

#[tokio::test]
async fn every_size_up_to_the_limit_arrives_and_one_byte_more_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let nodes = nodes(&dir, 2, "/udp/");
    let mut near = Listener::subscribe(&nodes[0]).await;
    let mut far = Listener::subscribe(&nodes[1]).await;
    near.grafted(1, "near").await;
    far.grafted(1, "far").await;
    for bytes in [0, 1, 4095, 4096, 1 << 20, BYTES_MAX] {
        let payload: Bytes = (0..bytes).map(|index| (index * 31 + bytes) as u8).collect();
        near.publish(payload.clone()).await;
        for (listener, name) in [(&mut near, "near"), (&mut far, "far")] {
            let got = listener.message(&format!("{bytes} bytes, {name}")).await;
            assert!(got == payload, "{bytes} bytes differ, {name}");
        }
    }
    near.publish(vec![7; BYTES_MAX + 1].into()).await;
    let refusal = near.next("the refusal", |response| match response {
        Response::Refused(refusal) => Some(refusal),
        Response::Message(_)
        | Response::Optimum(_)
        | Response::Gossipsub(_)
        | Response::Published(_)
        | Response::Other(_) => None,
    });
    let refusal = refusal.await;
    assert!(refusal.error.contains("1500001") && refusal.error.contains("1500000"), "{}", refusal.error);
    // The stream goes on.
    near.publish("after".into()).await;
    assert_eq!(near.message("the message after, near").await, "after");
    assert_eq!(far.message("the message after, far").await, "after");
}

const TOPIC: &str = "network-test";
const STREAM: usize = 60;
const BYTES_MAX: usize = 1_500_000;
const LIMIT: (&str, &str) = ("OPTIMUM_MAX_MSG_SIZE", "1500000");
const WAIT_MAX: Duration = Duration::from_secs(45);
