//! A node of rust-libp2p's own GossipSub, driven over standard input and output.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use braidcast_interop::stdio::{commands, fail, tell};
use braidcast_interop::wire::{Command, Event, Start, hash};
use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, ValidationMode};
use libp2p::identity::Keypair;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, noise, ping, tcp, yamux};
use sha2::{Digest, Sha256};

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossipsub: gossipsub::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// Who is in the mesh of which topic, as last told.
type Mesh = BTreeSet<(String, PeerId)>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut commands = commands();
    let Some(Command::Start(start)) = commands.recv().await else {
        return Err("the first line must be start".into());
    };
    let mut swarm = build(&start)?;
    swarm.listen_on(start.listen.parse()?)?;
    let mut mesh = Mesh::new();
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None | Some(Command::Stop) => return Ok(()),
                Some(command) => obey(&mut swarm, command).unwrap_or_else(|error| fail(&error)),
            },
            event = swarm.select_next_some() => report(&swarm, event),
        }
        tell_mesh(&swarm, &mut mesh);
    }
}

fn build(start: &Start) -> Result<Swarm<Behaviour>, Box<dyn Error>> {
    let mut config = gossipsub::ConfigBuilder::default();
    config
        .heartbeat_interval(Duration::from_millis(start.heartbeat_ms))
        .heartbeat_initial_delay(Duration::from_millis(100))
        .max_transmit_size(start.rpc_bytes_max)
        .flood_publish(false);
    if start.signed {
        config.message_id_fn(id_of_origin);
    } else {
        config.validation_mode(ValidationMode::Anonymous).message_id_fn(id_of_content);
    }
    if let Some(degree) = start.degree {
        config.mesh_n(degree).mesh_n_low(degree).mesh_n_high(degree).mesh_outbound_min(degree / 2);
    }
    let config = config.build()?;
    let swarm =
        libp2p::SwarmBuilder::with_existing_identity(Keypair::ed25519_from_bytes(seed(&start.identity)?)?)
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)?
            .with_quic()
            .with_behaviour(|key| {
                let signing = MessageAuthenticity::Signed(key.clone());
                let authenticity = if start.signed { signing } else { MessageAuthenticity::Anonymous };
                Ok(Behaviour {
                    gossipsub: gossipsub::Behaviour::new(authenticity, config)?,
                    ping: ping::Behaviour::default(),
                    identify: identify::Behaviour::new(identify::Config::new(
                        "/interop/1".into(),
                        key.public(),
                    )),
                })
            })?
            .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
            .build();
    Ok(swarm)
}

/// The specification's; rust-libp2p's own differs.
fn id_of_origin(message: &gossipsub::Message) -> MessageId {
    let mut id = message.source.map_or_else(Vec::new, PeerId::to_bytes);
    id.extend(message.sequence_number.unwrap_or_default().to_be_bytes());
    MessageId::from(id)
}

fn id_of_content(message: &gossipsub::Message) -> MessageId {
    MessageId::from(Sha256::digest(&message.data).to_vec())
}

fn seed(hex: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let digits = (0..hex.len()).step_by(2).map(|at| hex.get(at..at + 2).ok_or("identity: odd length".into()));
    digits.map(|pair: Result<&str, Box<dyn Error>>| Ok(u8::from_str_radix(pair?, 16)?)).collect()
}

fn obey(swarm: &mut Swarm<Behaviour>, command: Command) -> Result<(), Box<dyn Error>> {
    let gossipsub = &mut swarm.behaviour_mut().gossipsub;
    match command {
        Command::Subscribe { topic } => {
            gossipsub.subscribe(&IdentTopic::new(topic))?;
        }
        Command::Unsubscribe { topic } => {
            gossipsub.unsubscribe(&IdentTopic::new(topic));
        }
        Command::Connect { address } => swarm.dial(address.parse::<Multiaddr>()?)?,
        Command::Publish(batch) => {
            for payload in batch.payloads() {
                gossipsub.publish(IdentTopic::new(&batch.topic), payload)?;
            }
        }
        Command::Start(_) => return Err("started already".into()),
        Command::Stop => {}
    }
    Ok(())
}

fn report(swarm: &Swarm<Behaviour>, event: SwarmEvent<BehaviourEvent>) {
    #[expect(clippy::wildcard_enum_match_arm, reason = "a foreign type; the rest concerns nobody")]
    match event {
        SwarmEvent::NewListenAddr { address, .. } => {
            let peer = *swarm.local_peer_id();
            tell(&Event::Ready { peer: peer.to_string(), addresses: vec![format!("{address}/p2p/{peer}")] });
        }
        SwarmEvent::ConnectionEstablished { peer_id, num_established, .. } if num_established.get() == 1 => {
            tell(&Event::Connected { peer: peer_id.to_string() });
        }
        SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => {
            tell(&Event::Disconnected { peer: peer_id.to_string() });
        }
        SwarmEvent::OutgoingConnectionError { error, .. } => fail(&error),
        SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(event)) => match event {
            gossipsub::Event::Subscribed { peer_id, topic } => {
                tell(&Event::Subscribed { peer: peer_id.to_string(), topic: topic.into_string() });
            }
            gossipsub::Event::Message { message, .. } => tell(&Event::Message {
                topic: message.topic.into_string(),
                hash: hash(&message.data),
                from: message.source.map_or_else(String::new, |peer| peer.to_string()),
            }),
            gossipsub::Event::SlowPeer { .. } => fail(&"a peer does not take its messages in time"),
            _ => {}
        },
        _ => {}
    }
}

/// The library has no event for this.
fn tell_mesh(swarm: &Swarm<Behaviour>, told: &mut Mesh) {
    let gossipsub = &swarm.behaviour().gossipsub;
    let members = |topic| gossipsub.mesh_peers(topic).map(move |peer| (topic.to_string(), *peer));
    let mesh: Mesh = gossipsub.topics().flat_map(members).collect();
    for (topic, peer) in mesh.difference(told) {
        tell(&Event::Grafted { peer: peer.to_string(), topic: topic.clone() });
    }
    for (topic, peer) in told.difference(&mesh) {
        tell(&Event::Pruned { peer: peer.to_string(), topic: topic.clone() });
    }
    *told = mesh;
}
