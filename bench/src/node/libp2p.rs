//! Nodes of rust-libp2p's GossipSub, each a task that polls its swarm.

use std::time::Duration;

use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, TopicHash};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, tcp, yamux};
use tokio::sync::{mpsc, oneshot};

use super::Plan;
use super::network::{DEGREE, NetworkError, PATIENCE, Peer, RPC_BYTES_MAX, TOPIC, Told};

pub(super) struct Libp2p {
    address: String,
    publish: mpsc::Sender<Publish>,
}

type Publish = (Vec<u8>, oneshot::Sender<Result<MessageId, gossipsub::PublishError>>);

impl Peer for Libp2p {
    async fn start(
        _plan: &Plan,
        neighbours: Vec<String>,
        told: mpsc::Sender<Told>,
    ) -> Result<Self, NetworkError> {
        let mut swarm = swarm()?;
        swarm
            .listen_on("/ip4/127.0.0.1/tcp/0".parse().map_err(NetworkError::node)?)
            .map_err(NetworkError::node)?;
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break format!("{address}/p2p/{}", swarm.local_peer_id());
            }
        };
        for neighbour in neighbours {
            let address: Multiaddr = neighbour.parse().map_err(NetworkError::node)?;
            swarm.dial(address).map_err(NetworkError::node)?;
        }
        let (publish, commands) = mpsc::channel(64);
        tokio::spawn(drive(swarm, commands, told));
        Ok(Self { address, publish })
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    async fn publish(&self, payload: Vec<u8>) -> Result<(), NetworkError> {
        let (reply, answer) = oneshot::channel();
        self.publish.send((payload, reply)).await.map_err(NetworkError::node)?;
        answer.await.map_err(NetworkError::node)?.map(|_| ()).map_err(NetworkError::node)
    }
}

fn swarm() -> Result<Swarm<gossipsub::Behaviour>, NetworkError> {
    let config = gossipsub::ConfigBuilder::default()
        .mesh_n(DEGREE)
        .mesh_n_low(DEGREE)
        .mesh_outbound_min(0)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .max_transmit_size(RPC_BYTES_MAX)
        .flood_publish(false)
        // On a busy machine the library's own, 5 s and 1 s, lose messages, and the network would not finish.
        .publish_queue_duration(PATIENCE)
        .forward_queue_duration(PATIENCE)
        // The specification's, which is cheaper to make than the library's own.
        .message_id_fn(|message| {
            let mut id = message.source.map_or_else(Vec::new, PeerId::to_bytes);
            id.extend(message.sequence_number.unwrap_or_default().to_be_bytes());
            MessageId::from(id)
        })
        .build()
        .map_err(NetworkError::node)?;
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
        .map_err(NetworkError::node)?
        .with_behaviour(|key| {
            Ok(gossipsub::Behaviour::new(MessageAuthenticity::Signed(key.clone()), config)?)
        })
        .map_err(NetworkError::node)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    swarm.behaviour_mut().subscribe(&IdentTopic::new(TOPIC)).map_err(NetworkError::node)?;
    Ok(swarm)
}

async fn drive(
    mut swarm: Swarm<gossipsub::Behaviour>,
    mut commands: mpsc::Receiver<Publish>,
    told: mpsc::Sender<Told>,
) {
    let topic: TopicHash = IdentTopic::new(TOPIC).hash();
    let mut meshed = false;
    loop {
        let tell = tokio::select! {
            command = commands.recv() => {
                let Some((payload, reply)) = command else { return };
                // Whoever asked may have given up.
                let _ = reply.send(swarm.behaviour_mut().publish(topic.clone(), payload));
                None
            }
            event = swarm.select_next_some() => delivery(&event).or_else(|| {
                let full = !meshed && swarm.behaviour().mesh_peers(&topic).count() == DEGREE;
                meshed |= full;
                full.then_some(Told::Meshed)
            }),
        };
        if let Some(tell) = tell
            && told.send(tell).await.is_err()
        {
            return;
        }
    }
}

fn delivery(event: &SwarmEvent<gossipsub::Event>) -> Option<Told> {
    let SwarmEvent::Behaviour(gossipsub::Event::Message { message, .. }) = event else { return None };
    Some(Told::delivered(&message.data))
}
