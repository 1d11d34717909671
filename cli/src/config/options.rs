//! The options of a node: their flags, variables and defaults, still as text.

use clap::Args;

use super::gossipsub::GossipsubOptions;

/// Options of a node. Every one is a flag, an environment variable and a key in the configuration file
/// (the flag's name with underscores).
#[derive(Args, Clone, Debug)]
pub(crate) struct NodeOptions {
    /// What the node speaks: optimum (coded shards) or gossipsub (plain)
    #[arg(long, env = "NODE_MODE", default_value = "optimum", value_name = "MODE")]
    pub(crate) node_mode: String,

    /// gRPC for clients and gateways: 33212, :33212 or 127.0.0.1:33212; 0 picks a free port
    #[arg(long, env = "SIDECAR_PORT", default_value = "33212", value_name = "PORT")]
    pub(crate) sidecar_port: String,

    /// HTTP API and metrics; same forms as the sidecar's port
    #[arg(long, env = "API_PORT", default_value = "9090", value_name = "PORT")]
    pub(crate) api_port: String,

    /// Nodes to find the network through, comma-separated: /ip4/172.28.0.12/tcp/7070/p2p/12D3KooW…
    #[arg(
        long,
        env = "BOOTSTRAP_PEERS",
        default_value = "",
        hide_default_value = true,
        value_name = "MULTIADDRS"
    )]
    pub(crate) bootstrap_peers: String,

    /// A label of this node or its network in logs and metrics; it separates nothing
    #[arg(long, env = "CLUSTER_ID", default_value = "", hide_default_value = true, value_name = "NAME")]
    pub(crate) cluster_id: String,

    /// Where to listen for other nodes, comma-separated multiaddrs; default TCP and QUIC on the mode's port
    #[arg(
        long,
        env = "P2P_LISTEN_ADDR",
        default_value = "",
        hide_default_value = true,
        value_name = "MULTIADDRS"
    )]
    pub(crate) p2p_listen_addr: String,

    /// Congestion control of QUIC: bbr, cubic or newreno
    #[arg(long, env = "BRAIDCAST_CONGESTION", default_value = "bbr", value_name = "NAME")]
    pub(crate) congestion: String,

    /// Port for other nodes, TCP and UDP, in optimum mode; 0 picks a free one
    #[arg(long, env = "OPTIMUM_PORT", default_value = "7070", value_name = "PORT")]
    pub(crate) optimum_port: String,

    /// Largest message in optimum mode, bytes
    #[arg(long, env = "OPTIMUM_MAX_MSG_SIZE", default_value = "1048576", value_name = "BYTES")]
    pub(crate) optimum_max_msg_size: String,

    /// Length of the messages that the publish-random command makes, bytes
    #[arg(long, env = "OPTIMUM_RANDOM_MSG_SIZE", default_value = "512", value_name = "BYTES")]
    pub(crate) optimum_random_msg_size: String,

    /// Peers per topic to keep in the mesh, optimum mode
    #[arg(long, env = "OPTIMUM_MESH_TARGET", default_value = "6", value_name = "PEERS")]
    pub(crate) optimum_mesh_target: String,

    /// Below this many the mesh grows, optimum mode; the documents give both 3 and 4
    #[arg(long, env = "OPTIMUM_MESH_MIN", default_value = "4", value_name = "PEERS")]
    pub(crate) optimum_mesh_min: String,

    /// Above this many the mesh shrinks, optimum mode
    #[arg(long, env = "OPTIMUM_MESH_MAX", default_value = "12", value_name = "PEERS")]
    pub(crate) optimum_mesh_max: String,

    /// Parts a message is split into: 1 to 128, or auto (by its length; faster above 64 KiB)
    #[arg(long, env = "OPTIMUM_SHARD_FACTOR", default_value = "4", value_name = "PARTS")]
    pub(crate) optimum_shard_factor: String,

    /// Coded shards that the publisher sends, per part
    #[arg(long, env = "OPTIMUM_SHARD_MULT", default_value = "1.5", value_name = "FACTOR")]
    pub(crate) optimum_shard_mult: String,

    /// Share of the parts from which a relay codes for others: above 0, at most 1; 0.005 is the fastest
    #[arg(long, env = "OPTIMUM_THRESHOLD", default_value = "0.75", value_name = "SHARE")]
    pub(crate) optimum_threshold: String,

    /// How the threshold compares: at-least or exceeds
    #[arg(long, env = "OPTIMUM_THRESHOLD_RULE", default_value = "at-least", value_name = "RULE")]
    pub(crate) optimum_threshold_rule: String,

    /// What a relay mixes before it has verified a message: adaptive, verified or optimistic
    #[arg(long, env = "OPTIMUM_INTEGRITY", default_value = "adaptive", value_name = "RULE")]
    pub(crate) optimum_integrity: String,

    /// What is delivered once: content (equal bytes) or origin (each publication)
    #[arg(long, env = "OPTIMUM_DEDUP", default_value = "content", value_name = "RULE")]
    pub(crate) optimum_dedup: String,

    /// Whether misbehaving peers lose their place in the mesh and their link: on or off (docs/scoring.md)
    #[arg(long, env = "BRAIDCAST_SCORING", default_value = "off", value_name = "SWITCH")]
    pub(crate) scoring: String,

    /// Port for other nodes, TCP and UDP, in gossipsub mode; 0 picks a free one
    #[arg(long, env = "GOSSIPSUB_PORT", default_value = "6060", value_name = "PORT")]
    pub(crate) gossipsub_port: String,

    /// Largest message in gossipsub mode, bytes
    #[arg(long, env = "GOSSIPSUB_MAX_MSG_SIZE", default_value = "1048576", value_name = "BYTES")]
    pub(crate) gossipsub_max_msg_size: String,

    /// Peers per topic to keep in the mesh, gossipsub mode
    #[arg(long, env = "GOSSIPSUB_MESH_TARGET", default_value = "6", value_name = "PEERS")]
    pub(crate) gossipsub_mesh_target: String,

    /// Below this many the mesh grows, gossipsub mode; the documents give both 3 and 4
    #[arg(long, env = "GOSSIPSUB_MESH_MIN", default_value = "4", value_name = "PEERS")]
    pub(crate) gossipsub_mesh_min: String,

    /// Above this many the mesh shrinks, gossipsub mode
    #[arg(long, env = "GOSSIPSUB_MESH_MAX", default_value = "12", value_name = "PEERS")]
    pub(crate) gossipsub_mesh_max: String,

    /// GossipSub's own parameters.
    #[command(flatten)]
    pub(crate) gossipsub: GossipsubOptions,

    /// Time between heartbeats, both modes: 700ms, 1s, or seconds as a number
    #[arg(long, env = "GOSSIPSUB_HEARTBEAT_INTERVAL", default_value = "1s", value_name = "DURATION")]
    pub(crate) gossipsub_heartbeat_interval: String,
}
