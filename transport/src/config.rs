//! What an endpoint is told when it starts.

use std::time::Duration;

use libp2p::{Multiaddr, StreamProtocol};
use libp2p_identity::Keypair;

use crate::error::StartError;

/// Everything [`Transport::start`](crate::Transport::start) needs to know.
///
/// [`Config::new`] fills in the defaults; the fields are public, so the rest is assignment.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who we are. Ed25519 and secp256k1 keys are supported.
    pub identity: Keypair,
    /// Where to listen: `/ip4/../tcp/N` and `/ip4/../udp/N/quic-v1`, and the same with `/ip6`.
    ///
    /// Empty is allowed: such an endpoint only dials.
    pub listen: Vec<Multiaddr>,
    /// Peers to stay connected to, normally with `/p2p/<id>` at the end.
    ///
    /// Addresses with our own id are skipped silently. Every other peer is dialed, on all its
    /// addresses at once, until it answers and again whenever the last connection to it is lost,
    /// with a jittered exponential pause between [`Self::backoff_min`] and [`Self::backoff_max`].
    pub bootstrap: Vec<Multiaddr>,
    /// Stream protocol ids to offer, the most preferred first. At least one.
    pub protocols: Vec<String>,
    /// Longest inbound frame in bytes, without its length prefix.
    ///
    /// A peer that announces a longer one is closed with
    /// [`Event::Malformed`](crate::Event::Malformed) before any of it is stored.
    pub frame_bytes_max: usize,
    /// Most connections at the same time, both directions together.
    pub connections_max: u32,
    /// Time for a dial or an accepted connection to finish its handshakes.
    pub connection_timeout: Duration,
    /// Time without any word from a peer after which its connection counts as lost (QUIC), and
    /// time after which a connection that carries no link is closed.
    pub idle_timeout: Duration,
    /// How often a peer is pinged; also the pace of [`Event::Stats`](crate::Event::Stats).
    pub ping_interval: Duration,
    /// Time after which an unanswered ping makes the connection count as dead.
    pub ping_timeout: Duration,
    /// Per link: bytes of [`Class::Data`](crate::Class::Data) the transport holds that no stream
    /// has taken yet. What waits here ages, so by default it is one shard of a large message, 8 KiB.
    pub send_window_bytes: usize,
    /// Per peer: bytes of received frames that wait for the consumer.
    ///
    /// When they are used up, reading from this peer stops; one more frame is held half read.
    pub receive_window_bytes: usize,
    /// Per QUIC connection: most bytes sent but not acknowledged.
    ///
    /// Below it, the window follows the path's round trip. It caps a connection at
    /// `quic_send_window_bytes / round trip`: raise it to the bandwidth-delay product of the best
    /// path that should be filled.
    pub quic_send_window_bytes: usize,
    /// Congestion controller of QUIC connections. TCP uses the kernel's.
    pub congestion: Congestion,
    /// Shortest pause before a bootstrap peer is dialed again.
    pub backoff_min: Duration,
    /// Longest pause before a bootstrap peer is dialed again.
    pub backoff_max: Duration,
    /// What identify tells peers about the program, for example `braidcast/0.1.0`.
    pub agent: String,
    /// What identify tells peers about the network, for example `/braidcast/1`.
    pub protocol_version: String,
}

/// How a QUIC connection finds its sending rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Congestion {
    /// Model based; keeps its rate under random loss. quinn calls its implementation experimental.
    #[default]
    Bbr,
    /// Loss based; what most of the internet runs.
    Cubic,
    /// Loss based; the simplest, the reference in RFC 9002.
    NewReno,
}

impl Config {
    /// The defaults for `identity`: listens nowhere, dials nobody, offers all `GossipSub` versions.
    #[must_use]
    pub fn new(identity: Keypair) -> Self {
        Self {
            identity,
            listen: Vec::new(),
            bootstrap: Vec::new(),
            protocols: GOSSIP_PROTOCOLS.iter().map(ToString::to_string).collect(),
            frame_bytes_max: 8 << 20,
            connections_max: 100,
            connection_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            ping_interval: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(20),
            send_window_bytes: 8 << 10,
            receive_window_bytes: 1 << 20,
            quic_send_window_bytes: 256 << 10,
            congestion: Congestion::default(),
            backoff_min: Duration::from_millis(250),
            backoff_max: Duration::from_secs(30),
            agent: concat!("braidcast/", env!("CARGO_PKG_VERSION")).to_owned(),
            protocol_version: "/braidcast/1".to_owned(),
        }
    }

    /// The protocol ids in libp2p's type, or which of them is none.
    pub(crate) fn stream_protocols(&self) -> Result<Vec<StreamProtocol>, StartError> {
        if self.protocols.is_empty() {
            return Err(StartError::NoProtocols);
        }
        let parse = |id: &String| {
            StreamProtocol::try_from_owned(id.clone()).map_err(|_| StartError::Protocol { id: id.clone() })
        };
        self.protocols.iter().map(parse).collect()
    }
}

/// All `GossipSub` versions and `FloodSub`, the newest first.
pub const GOSSIP_PROTOCOLS: [&str; 5] =
    ["/meshsub/1.3.0", "/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0", "/floodsub/1.0.0"];
