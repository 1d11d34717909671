//! Pings of a peer that answers none itself.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test")]

mod common;

use std::io;

use common::{Node, TCP, within};
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{Stream, noise, ping, tcp, yamux};

/// A node that opens streams of any protocol and accepts none, linked with `ours`.
fn refuser(ours: &Node) -> libp2p_stream::Control {
    let mut swarm = libp2p::SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_behaviour(|_| libp2p_stream::Behaviour::new())
        .unwrap()
        .build();
    swarm.dial(ours.address()).unwrap();
    let control = swarm.behaviour().new_control();
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    control
}

async fn open(control: &mut libp2p_stream::Control, ours: &Node) -> Stream {
    let peer = ours.transport.local_peer_id();
    within(control.open_stream(peer, ping::PROTOCOL_NAME)).await.unwrap()
}

async fn is_answered(stream: &mut Stream, salt: u8) -> io::Result<()> {
    let (sent, mut back) = ([salt; 32], [0; 32]);
    stream.write_all(&sent).await?;
    stream.flush().await?;
    within(stream.read_exact(&mut back)).await?;
    assert_eq!(back, sent);
    Ok(())
}

/// libp2p-ping alone is silent from the first refusal on, which js-libp2p takes for a dead connection.
#[tokio::test]
async fn a_peer_that_refuses_our_pings_is_answered_all_the_same() {
    let ours = Node::start(&[TCP], &[]).await;
    let mut control = refuser(&ours);
    for salt in 0..20 {
        let mut stream = open(&mut control, &ours).await;
        is_answered(&mut stream, salt).await.unwrap();
    }
    let mut stream = open(&mut control, &ours).await;
    for salt in 0..100 {
        is_answered(&mut stream, salt).await.unwrap();
    }
}

#[tokio::test]
async fn two_streams_of_a_peer_are_answered_at_a_time() {
    let ours = Node::start(&[TCP], &[]).await;
    let mut control = refuser(&ours);
    let mut streams = Vec::new();
    for salt in 0..3 {
        let mut stream = open(&mut control, &ours).await;
        is_answered(&mut stream, salt).await.unwrap();
        streams.push(stream);
    }
    is_answered(&mut streams[0], 0).await.unwrap_err();
    for stream in &mut streams[1..] {
        is_answered(stream, 7).await.unwrap();
    }
}
