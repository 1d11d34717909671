//! The libp2p swarm: which transports and behaviours it is made of, and their limits.

use std::time::Duration;

use libp2p::{
    PeerId, Swarm, Transport as _,
    connection_limits::{self, ConnectionLimits},
    core::{muxing::StreamMuxerBox, transport::Boxed},
    identify, ping,
    swarm::{self, NetworkBehaviour},
};

use crate::{
    Config,
    bridge::{Bridge, BridgeEvent},
    echo::Echo,
    error::StartError,
    quic::{Connections, QuicTransport, Sockets},
    record::{RecordEvent, Records},
    tcp,
};

/// Everything that runs on every connection.
#[derive(NetworkBehaviour)]
#[behaviour(to_swarm = "BehaviourEvent")]
pub(crate) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(crate) bridge: Bridge,
    // Before `identify`, whose answers it gives.
    records: Records,
    identify: identify::Behaviour,
    // Before `ping`, whose answers it gives.
    echo: Echo,
    ping: ping::Behaviour,
}

/// What the behaviours report.
#[derive(Debug)]
pub(crate) enum BehaviourEvent {
    Bridge(BridgeEvent),
    Ping(ping::Event),
    Record(RecordEvent),
    /// Nothing here needs what identify learns.
    Identify,
}

pub(crate) type Links = Boxed<(PeerId, StreamMuxerBox)>;

/// A swarm, and what can be asked about its QUIC connections.
pub(crate) struct Stack {
    pub(crate) swarm: Swarm<Behaviour>,
    pub(crate) quic: Connections,
    pub(crate) sockets: Sockets,
}

pub(crate) fn build(config: &Config) -> Result<Stack, StartError> {
    let peer = config.identity.public().to_peer_id();
    let (quic, sockets) = (Connections::default(), Sockets::default());
    let links = || -> Result<Links, StartError> {
        Ok(QuicTransport::new(config, quic.clone(), sockets.clone())?
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
            .or_transport(tcp::transport(config)?)
            .map(|either, _| either.into_inner())
            .boxed())
    };
    // Adds `/dns`, `/dns4`, `/dns6` and `/dnsaddr`, if this host has a resolver configured.
    let transport = match libp2p::dns::tokio::Transport::system(links()?) {
        Ok(resolving) => resolving.boxed(),
        Err(error) => {
            tracing::warn!(%error, "no DNS configuration: names in addresses cannot be resolved");
            links()?
        }
    };
    let swarm_config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(config.idle_timeout)
        .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS_MAX);
    let swarm = Swarm::new(transport, behaviour(config)?, peer, swarm_config);
    Ok(Stack { swarm, quic, sockets })
}

fn behaviour(config: &Config) -> Result<Behaviour, StartError> {
    let limits = ConnectionLimits::default()
        .with_max_established(Some(config.connections_max))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER_MAX))
        .with_max_pending_incoming(Some(PENDING_INCOMING_MAX))
        .with_max_pending_outgoing(Some(config.connections_max.max(PENDING_OUTGOING_MIN)));
    let records =
        Records::new(config.identity.clone(), config.agent.clone(), config.protocol_version.clone());
    let identify = identify::Config::new(config.protocol_version.clone(), config.identity.public())
        .with_agent_version(config.agent.clone())
        .with_cache_size(0);
    let ping = ping::Config::new().with_interval(config.ping_interval).with_timeout(config.ping_timeout);
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        bridge: Bridge::new(config.stream_protocols()?),
        records,
        identify: identify::Behaviour::new(identify),
        echo: Echo,
        ping: ping::Behaviour::new(ping),
    })
}

impl From<BridgeEvent> for BehaviourEvent {
    fn from(event: BridgeEvent) -> Self {
        Self::Bridge(event)
    }
}

impl From<RecordEvent> for BehaviourEvent {
    fn from(event: RecordEvent) -> Self {
        Self::Record(event)
    }
}

impl From<ping::Event> for BehaviourEvent {
    fn from(event: ping::Event) -> Self {
        Self::Ping(event)
    }
}

impl From<identify::Event> for BehaviourEvent {
    fn from(_event: identify::Event) -> Self {
        Self::Identify
    }
}

impl From<std::convert::Infallible> for BehaviourEvent {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Two nodes that dial each other over TCP and QUIC at the same time make four.
const CONNECTIONS_PER_PEER_MAX: u32 = 4;

/// Accepted connections that have not finished their handshakes.
const PENDING_INCOMING_MAX: u32 = 256;

/// Dials under way are bounded by the connections allowed, but never below this.
const PENDING_OUTGOING_MIN: u32 = 64;

/// Streams a peer may have open on one connection; gossip, identify and ping need five.
pub(crate) const STREAMS_PER_CONNECTION_MAX: usize = 64;

/// Streams of one connection whose protocol is being negotiated.
const NEGOTIATING_STREAMS_MAX: usize = 32;

/// How long an endpoint may take to report its listen addresses.
pub(crate) const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);
