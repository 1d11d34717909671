//! Two nodes in one process: one publishes, the other prints.
//!
//! ```text
//! cargo run -p braidcast-runtime-tokio --example embed
//! ```

#![allow(clippy::print_stdout, reason = "it is what the example is for")]

use std::error::Error;
use std::time::Duration;

use braidcast_runtime_tokio::{Mode, Node, peer_id_text};
use bytes::Bytes;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let alice = Node::builder().mode(Mode::Optimum).listen("/ip4/127.0.0.1/udp/0/quic-v1").start().await?;
    let bob = Node::builder()
        .mode(Mode::Optimum)
        .listen("/ip4/127.0.0.1/tcp/0")
        .bootstrap(&alice.listen_addrs()[0])
        .start()
        .await?;

    let mut messages = bob.subscribe("greetings").await?;
    // Published before the two have found each other: it goes out when they have.
    let content = alice.publish("greetings", Bytes::from_static(b"hello, network")).await?;
    println!("published {}", content.to_hex());

    let message = tokio::time::timeout(Duration::from_secs(10), messages.next()).await?;
    let message = message.ok_or("the node stopped")?;
    let publisher = message.publisher.ok_or("a message without publisher")?;
    println!("{} says: {}", peer_id_text(&publisher), String::from_utf8_lossy(&message.payload));

    alice.shutdown(Duration::from_secs(5)).await;
    bob.shutdown(Duration::from_secs(5)).await;
    Ok(())
}
