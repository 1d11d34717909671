//! quinn's configuration, made from ours.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use quinn::{
    AckFrequencyConfig, IdleTimeout, VarInt,
    congestion::{ControllerFactory, CubicConfig, NewRenoConfig},
    crypto::{
        CryptoError, HmacKey,
        rustls::{QuicClientConfig, QuicServerConfig},
    },
};

use super::{
    bbr::SparselyAcknowledged, controller::Sharing, path::SHORT_RESERVE_BYTES, tls, window::BYTES_FIRST,
};
use crate::{Config, Congestion, StartError, stack::STREAMS_PER_CONNECTION_MAX, uplink::Uplink};

/// What every endpoint of ours is made with.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) client: quinn::ClientConfig,
    pub(super) server: quinn::ServerConfig,
    pub(super) endpoint: quinn::EndpointConfig,
    pub(super) bounds: Bounds,
}

/// What a connection may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// For its handshake.
    pub(super) handshake_timeout: Duration,
    /// Bytes that it has taken and the peer has not acknowledged.
    pub(super) send_window_bytes_max: u64,
}

impl Settings {
    pub(super) fn new(config: &Config) -> Result<Self, StartError> {
        let transport = Arc::new(transport(config));
        let (client_tls, server_tls) = tls::configs(&config.identity)?;
        let client_tls = QuicClientConfig::try_from(client_tls).map_err(identity)?;
        let server_tls = QuicServerConfig::try_from(server_tls).map_err(identity)?;
        let mut client = quinn::ClientConfig::new(Arc::new(client_tls));
        client.transport_config(Arc::clone(&transport));
        let mut server = quinn::ServerConfig::with_crypto(Arc::new(server_tls));
        server
            .transport_config(transport)
            // A peer's address is part of what the swarm knows about a connection.
            .migration(false)
            .max_incoming(INCOMING_MAX)
            .incoming_buffer_size_total(INCOMING_BYTES_MAX);
        let mut endpoint = match config.identity.derive_secret(RESET_KEY_DOMAIN) {
            // Survives a restart, so peers learn at once that their connections are gone.
            Some(secret) => quinn::EndpointConfig::new(Arc::new(ResetKey::new(&secret))),
            None => quinn::EndpointConfig::default(),
        };
        endpoint.supported_versions(vec![QUIC_V1]);
        let bounds = Bounds {
            handshake_timeout: config.connection_timeout,
            send_window_bytes_max: config.quic_send_window_bytes as u64,
        };
        Ok(Self { client, server, endpoint, bounds })
    }
}

fn transport(config: &Config) -> quinn::TransportConfig {
    let mut transport = quinn::TransportConfig::default();
    let idle = u32::try_from(config.idle_timeout.as_millis()).unwrap_or(u32::MAX);
    transport
        // Until somebody reads them: see `side`.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        // Half of one frame and half of another are of no use to anybody.
        .send_fairness(false)
        .max_concurrent_bidi_streams(VarInt::from_u32(STREAMS_PER_CONNECTION_MAX as u32))
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(idle))))
        .keep_alive_interval(Some(config.idle_timeout / 3))
        .stream_receive_window(VarInt::from_u32(STREAM_RECEIVE_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(CONNECTION_RECEIVE_WINDOW_BYTES))
        .send_window(BYTES_FIRST.min(config.quic_send_window_bytes as u64) + SHORT_RESERVE_BYTES)
        .ack_frequency_config(Some(acknowledgements()))
        .allow_spin(false)
        .congestion_controller_factory(Arc::new(Sharing {
            uplink: Arc::new(Uplink::new(uplink_bytes_max(config))),
            inner: congestion(config.congestion),
        }));
    transport
}

/// As much as all connections could hold.
fn uplink_bytes_max(config: &Config) -> u64 {
    (config.quic_send_window_bytes as u64).saturating_mul(u64::from(config.connections_max))
}

/// Asks the peer for fewer acknowledgements. As often as by default, one for two packets, they were a third of all
/// packets, and each costs as much to send as a full one.
fn acknowledgements() -> AckFrequencyConfig {
    let mut config = AckFrequencyConfig::default();
    config
        .ack_eliciting_threshold(VarInt::from_u32(ACKNOWLEDGED_PACKETS))
        .max_ack_delay(Some(ACKNOWLEDGED_WITHIN));
    config
}

fn congestion(choice: Congestion) -> Arc<dyn ControllerFactory + Send + Sync> {
    match choice {
        Congestion::Bbr => Arc::new(SparselyAcknowledged { packets: ACKNOWLEDGED_PACKETS }),
        Congestion::Cubic => Arc::new(CubicConfig::default()),
        Congestion::NewReno => Arc::new(NewRenoConfig::default()),
    }
}

fn identity(error: impl std::fmt::Display) -> StartError {
    StartError::Identity { reason: error.to_string() }
}

/// Signs stateless resets.
///
/// Our own because quinn implements its trait for the types of only one cryptographic library,
/// and which one that is depends on what else is in the build.
struct ResetKey(hmac::Key);

impl ResetKey {
    fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(hmac::sign(&self.0, data).as_ref());
    }

    fn signature_len(&self) -> usize {
        hmac::HMAC_SHA256.digest_algorithm().output_len()
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        hmac::verify(&self.0, data, signature).map_err(|_| CryptoError)
    }
}

/// The same as `libp2p-quic` uses, so that a node may change its implementation.
const RESET_KEY_DOMAIN: &[u8] = b"libp2p quic stateless reset key";

/// Packets that a peer acknowledges together.
const ACKNOWLEDGED_PACKETS: u32 = 8;

/// The longest that it waits for so many.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(5);

/// RFC 9000.
const QUIC_V1: u32 = 1;

/// What a peer may have on the way to us on one stream.
const STREAM_RECEIVE_WINDOW_BYTES: u32 = 2 << 20;

/// What a peer may have on the way to us on one connection.
const CONNECTION_RECEIVE_WINDOW_BYTES: u32 = 4 << 20;

/// Connections whose first packet has arrived and which nobody has looked at.
const INCOMING_MAX: usize = 256;

/// Bytes buffered for all of them.
const INCOMING_BYTES_MAX: u64 = 8 << 20;
