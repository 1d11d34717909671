//! The libp2p swarm: which transports and behaviours it is made of, and their limits.

use std::time::Duration;

use libp2p::{
    PeerId, Swarm, Transport as _,
    connection_limits::{self, ConnectionLimits},
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    identify, noise, ping,
    swarm::{self, NetworkBehaviour},
    tcp, yamux,
};

use crate::{
    Config,
    bridge::{Bridge, BridgeEvent},
    echo::Echo,
    error::StartError,
    gate::GatedYamux,
    quic::{Connections, QuicTransport, Sockets},
    record::{RecordEvent, Records},
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

type Links = Boxed<(PeerId, StreamMuxerBox)>;

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
            .or_transport(tcp(config)?)
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

fn tcp(config: &Config) -> Result<Links, StartError> {
    let identity = |error: noise::Error| StartError::Identity { reason: error.to_string() };
    let mut muxer = yamux::Config::default();
    muxer.set_max_num_streams(STREAMS_PER_CONNECTION_MAX);
    Ok(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .map(|stream, _| {
            keep_unsent_short(&stream.0);
            stream
        })
        // V1 and not V1Lazy: the lazy variant loses short streams.
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&config.identity).map_err(identity)?)
        .multiplex(GatedYamux(muxer))
        .timeout(config.connection_timeout)
        .boxed())
}

/// Leaves what the path does not take yet with us, where it can still be replaced by something fresher.
fn keep_unsent_short(stream: &tokio::net::TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(TCP_UNSENT_BYTES) {
        tracing::debug!(%error, "what is not sent yet will wait in the kernel");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
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

/// The kernel asks for more when it holds less than this of what it cannot send yet: two shards of 8 KiB.
#[cfg(any(target_os = "linux", target_os = "android"))]
const TCP_UNSENT_BYTES: u32 = 16 << 10;

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_is_told_to_hold_little_that_is_not_sent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        keep_unsent_short(&stream);
        assert_eq!(socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap(), TCP_UNSENT_BYTES);
    }
}
