//! Against a stock rust-libp2p node: its own QUIC, TCP, Noise, Yamux, ping, identify, gossipsub.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, clippy::print_stdout, reason = "a test")]

mod common;

use braidcast_transport::{Class, Event, Multiaddr, Origin, PeerId};
use bytes::Bytes;
use common::{Node, PATIENCE, QUIC, TCP, within};
use futures::StreamExt;
use libp2p::{
    Swarm, gossipsub, identify,
    identity::Keypair,
    noise, ping,
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use tokio::sync::mpsc;

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossipsub: gossipsub::Behaviour,
    ping: ping::Behaviour,
    identify: identify::Behaviour,
}

/// What the stock node saw of us.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Listening(Multiaddr),
    Ping,
    Agent(String),
    Subscribed(PeerId, String),
}

/// Runs a stock node that is subscribed to [`TOPIC`].
fn stock(listen: Option<&str>, dial: Option<Multiaddr>) -> (PeerId, mpsc::Receiver<Seen>) {
    let mut swarm = libp2p::SwarmBuilder::with_existing_identity(Keypair::generate_ed25519())
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .unwrap()
        .with_quic()
        .with_behaviour(|key| Behaviour {
            gossipsub: gossipsub::Behaviour::new(
                gossipsub::MessageAuthenticity::Signed(key.clone()),
                gossipsub::Config::default(),
            )
            .unwrap(),
            ping: ping::Behaviour::default(),
            identify: identify::Behaviour::new(identify::Config::new_with_signed_peer_record(
                "/stock/1".into(),
                key,
            )),
        })
        .unwrap()
        .build();
    swarm.behaviour_mut().gossipsub.subscribe(&gossipsub::IdentTopic::new(TOPIC)).unwrap();
    if let Some(address) = listen {
        swarm.listen_on(address.parse().unwrap()).unwrap();
    }
    if let Some(address) = dial {
        swarm.dial(address).unwrap();
    }
    let (sender, receiver) = mpsc::channel(1000);
    let peer = *swarm.local_peer_id();
    tokio::spawn(run(swarm, sender));
    (peer, receiver)
}

async fn run(mut swarm: Swarm<Behaviour>, sender: mpsc::Sender<Seen>) {
    loop {
        let seen = match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => Seen::Listening(address),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event { result: Ok(_), .. })) => Seen::Ping,
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { info, .. })) => {
                Seen::Agent(info.agent_version)
            }
            SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Subscribed {
                peer_id,
                topic,
            })) => Seen::Subscribed(peer_id, topic.to_string()),
            _ => continue,
        };
        if sender.send(seen).await.is_err() {
            return;
        }
    }
}

/// Both ends see each other's subscription, ping and identify work; its record is taken although it is signed for
/// another domain than the specification's.
async fn expect_gossip(ours: &mut Node, stock: PeerId, seen: &mut mpsc::Receiver<Seen>, origin: Origin) {
    let up = ours.up().await;
    assert_eq!((up.peer, up.origin), (stock, origin));
    let names_topic = |frame: &Bytes| frame.windows(TOPIC.len()).any(|w| w == TOPIC.as_bytes());
    let (mut subscribed, mut vouched) = (false, false);
    ours.find("subscription and signed record", |event| {
        match event {
            // The first frames may carry extensions and other topics.
            Event::Frame { bytes, .. } => subscribed |= names_topic(&bytes),
            Event::PeerRecord { link, .. } => vouched |= link == up.link,
            _ => {}
        }
        (subscribed && vouched).then_some(())
    })
    .await;
    ours.transport.send(up.link, Class::Control, vec![rpc_subscribe("ours")]).unwrap();
    let mut missing = vec![
        Seen::Ping,
        Seen::Agent(concat!("braidcast/", env!("CARGO_PKG_VERSION")).to_owned()),
        Seen::Subscribed(ours.transport.local_peer_id(), "ours".to_owned()),
    ];
    let search = async {
        while !missing.is_empty() {
            let event = seen.recv().await.unwrap();
            missing.retain(|m| *m != event);
        }
    };
    let found = tokio::time::timeout(PATIENCE, search).await;
    found.unwrap_or_else(|_| panic!("the stock node did not see {missing:?}"));
}

/// `RPC { subscriptions: [{ subscribe: true, topicid }] }`.
fn rpc_subscribe(topic: &str) -> Bytes {
    let mut bytes = vec![0x0a, topic.len() as u8 + 4, 0x08, 1, 0x12, topic.len() as u8];
    bytes.extend_from_slice(topic.as_bytes());
    bytes.into()
}

async fn stock_dials_us(kind: &str) {
    let mut ours = Node::start(&[kind], &[]).await;
    let (peer, mut seen) = stock(None, Some(ours.address()));
    expect_gossip(&mut ours, peer, &mut seen, Origin::Accepted).await;
}

async fn we_dial_stock(kind: &str) {
    let (peer, mut seen) = stock(Some(kind), None);
    let Some(Seen::Listening(address)) = within(seen.recv()).await else { panic!() };
    let mut ours = Node::start(&[], &[address.with_p2p(peer).unwrap()]).await;
    expect_gossip(&mut ours, peer, &mut seen, Origin::Dialed).await;
}

#[tokio::test]
async fn a_stock_node_dials_us_over_tcp() {
    stock_dials_us(TCP).await;
}

#[tokio::test]
async fn a_stock_node_dials_us_over_quic() {
    stock_dials_us(QUIC).await;
}

#[tokio::test]
async fn we_dial_a_stock_node_over_tcp() {
    we_dial_stock(TCP).await;
}

#[tokio::test]
async fn we_dial_a_stock_node_over_quic() {
    we_dial_stock(QUIC).await;
}

const TOPIC: &str = "braid-interop";
