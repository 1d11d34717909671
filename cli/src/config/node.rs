//! A node's configuration, checked: nothing here can be invalid.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use braidcast_protocol::Config;
use braidcast_runtime_tokio::{
    Congestion, Dedup, Integrity, MeshSettings, Mode, Multiplier, Settings, ShardFactor, Threshold,
    ThresholdRule,
};
use multiaddr::Multiaddr;

use super::value::Given;
use super::{NodeOptions, addresses};
use crate::exit::Failure;

/// Everything a node starts from.
#[derive(Clone, Debug)]
pub(crate) struct NodeConfig {
    /// The protocol's settings.
    pub(crate) protocol: Config,
    /// Where it listens for other nodes.
    pub(crate) listen: Vec<Multiaddr>,
    /// Who it asks for the network.
    pub(crate) bootstrap: Vec<Multiaddr>,
    /// With whom it has peering agreements.
    pub(crate) direct: Vec<Multiaddr>,
    /// Where the gRPC service listens.
    pub(crate) sidecar: SocketAddr,
    /// Where the HTTP API listens.
    pub(crate) api: SocketAddr,
    /// Where the key file is.
    pub(crate) identity_dir: PathBuf,
    /// A label for logs.
    pub(crate) cluster_id: Option<String>,
    /// Length of random messages.
    pub(crate) random_message_bytes: usize,
    /// How QUIC finds its sending rate.
    pub(crate) congestion: Congestion,
    /// What is odd but no reason not to start.
    pub(crate) warnings: Vec<String>,
}

/// What differs between the two modes.
struct Flavour {
    port: u16,
    message_bytes_max: usize,
    mesh: [usize; 3],
}

impl NodeConfig {
    /// Checks all options, those of the other mode too: a mistake should not wait for a change of mode.
    pub(crate) fn check(options: &NodeOptions, identity_dir: PathBuf) -> Result<Self, Failure> {
        let mode = Given::new("NODE_MODE", &options.node_mode)
            .word(&[("optimum", Mode::Optimum), ("gossipsub", Mode::Gossipsub)])?;
        let sidecar = Given::new("SIDECAR_PORT", &options.sidecar_port).socket()?;
        let api = Given::new("API_PORT", &options.api_port).socket()?;
        let (optimum, gossipsub) = (optimum(options)?, gossipsub(options)?);
        let flavour = match mode {
            Mode::Optimum => optimum,
            Mode::Gossipsub => gossipsub,
        };
        let listen = addresses::listen(Given::new("P2P_LISTEN_ADDR", &options.p2p_listen_addr))?;
        let listen = if listen.is_empty() { addresses::on_port(flavour.port) } else { listen };
        let (bootstrap, mut warnings) =
            addresses::bootstrap(Given::new("BOOTSTRAP_PEERS", &options.bootstrap_peers))?;
        let direct = addresses::direct(Given::new(
            "GOSSIPSUB_DIRECT_PEERS",
            &options.gossipsub.gossipsub_direct_peers,
        ))?;
        let cluster_id = Some(options.cluster_id.trim().to_owned()).filter(|name| !name.is_empty());
        if cluster_id.is_none() {
            warnings
                .push("CLUSTER_ID is not set; it only labels logs, so the node starts without".to_owned());
        }
        let words =
            [("bbr", Congestion::Bbr), ("cubic", Congestion::Cubic), ("newreno", Congestion::NewReno)];
        let congestion = Given::new("BRAIDCAST_CONGESTION", &options.congestion).word(&words)?;
        let random_message_bytes = Given::new("OPTIMUM_RANDOM_MSG_SIZE", &options.optimum_random_msg_size)
            .bytes(1..=flavour.message_bytes_max)?;
        let protocol = Config::new(settings(options, mode, &flavour)?)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(Self {
            protocol,
            listen,
            bootstrap,
            direct,
            sidecar,
            api,
            identity_dir,
            cluster_id,
            random_message_bytes,
            congestion,
            warnings,
        })
    }
}

fn optimum(options: &NodeOptions) -> Result<Flavour, Failure> {
    Ok(Flavour {
        port: Given::new("OPTIMUM_PORT", &options.optimum_port).port()?,
        message_bytes_max: message_bytes("OPTIMUM_MAX_MSG_SIZE", &options.optimum_max_msg_size)?,
        mesh: mesh(
            options,
            [
                Given::new("OPTIMUM_MESH_MIN", &options.optimum_mesh_min),
                Given::new("OPTIMUM_MESH_TARGET", &options.optimum_mesh_target),
                Given::new("OPTIMUM_MESH_MAX", &options.optimum_mesh_max),
            ],
        )?,
    })
}

fn gossipsub(options: &NodeOptions) -> Result<Flavour, Failure> {
    Ok(Flavour {
        port: Given::new("GOSSIPSUB_PORT", &options.gossipsub_port).port()?,
        message_bytes_max: message_bytes("GOSSIPSUB_MAX_MSG_SIZE", &options.gossipsub_max_msg_size)?,
        mesh: mesh(
            options,
            [
                Given::new("GOSSIPSUB_MESH_MIN", &options.gossipsub_mesh_min),
                Given::new("GOSSIPSUB_MESH_TARGET", &options.gossipsub_mesh_target),
                Given::new("GOSSIPSUB_MESH_MAX", &options.gossipsub_mesh_max),
            ],
        )?,
    })
}

fn message_bytes(name: &str, text: &str) -> Result<usize, Failure> {
    Given::new(name, text).bytes(1..=Config::MESSAGE_BYTES_LIMIT)
}

/// Minimum, target and maximum: the mode's own, which must make sense by themselves, or what replaces them.
fn mesh(options: &NodeOptions, own: [Given<'_>; 3]) -> Result<[usize; 3], Failure> {
    degrees(own)?;
    degrees(options.gossipsub.degrees(own))
}

/// Each at most the next.
fn degrees(given: [Given<'_>; 3]) -> Result<[usize; 3], Failure> {
    let mut degrees = [0; 3];
    for (degree, given) in degrees.iter_mut().zip(given) {
        *degree = given.number(1..=MESH_DEGREE_MAX)?;
    }
    for index in 1..3 {
        if degrees[index - 1] > degrees[index] {
            let upper = given[index];
            let allowed = format_args!("at most {} ({})", upper.text, upper.name).to_string();
            return Err(given[index - 1].refuse(allowed));
        }
    }
    Ok(degrees)
}

fn settings(options: &NodeOptions, mode: Mode, flavour: &Flavour) -> Result<Settings, Failure> {
    let mut settings = Settings { mode, message_bytes_max: flavour.message_bytes_max, ..Settings::default() };
    let [min, target, max] = flavour.mesh;
    settings.mesh = MeshSettings::with_degrees(min, target, max);
    settings.mesh.heartbeat =
        Given::new("GOSSIPSUB_HEARTBEAT_INTERVAL", &options.gossipsub_heartbeat_interval)
            .duration(HEARTBEAT_MIN..=HEARTBEAT_MAX)?;
    let factor = Given::new("OPTIMUM_SHARD_FACTOR", &options.optimum_shard_factor);
    settings.coded.shard_factor = match factor.text {
        "auto" => ShardFactor::Auto,
        _ => ShardFactor::Fixed(factor.number(1..=ShardFactor::MAX).map_err(|_| {
            factor.refuse(format_args!("a whole number from 1 to {}, or auto", ShardFactor::MAX))
        })?),
    };
    settings.coded.multiplier = Given::new("OPTIMUM_SHARD_MULT", &options.optimum_shard_mult)
        .fraction(Multiplier::new, "a number above 0, at most 64")?;
    settings.coded.threshold = Given::new("OPTIMUM_THRESHOLD", &options.optimum_threshold)
        .fraction(Threshold::new, "a number above 0, at most 1")?;
    settings.coded.threshold_rule = Given::new("OPTIMUM_THRESHOLD_RULE", &options.optimum_threshold_rule)
        .word(&[("at-least", ThresholdRule::AtLeast), ("exceeds", ThresholdRule::Exceeds)])?;
    settings.coded.integrity = Given::new("OPTIMUM_INTEGRITY", &options.optimum_integrity).word(&[
        ("adaptive", Integrity::Adaptive),
        ("verified", Integrity::Verified),
        ("optimistic", Integrity::Optimistic),
    ])?;
    settings.score.enabled =
        Given::new("BRAIDCAST_SCORING", &options.scoring).word(&[("on", true), ("off", false)])?;
    settings.dedup = Given::new("OPTIMUM_DEDUP", &options.optimum_dedup)
        .word(&[("content", Dedup::Content), ("origin", Dedup::Origin)])?;
    options.gossipsub.apply(&mut settings)?;
    Ok(settings)
}

/// More mesh peers than this is flooding.
const MESH_DEGREE_MAX: usize = 1000;
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3600);
