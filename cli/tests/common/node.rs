//! Node processes, with the environment of the documents.

use std::path::Path;

use super::called;
use super::watched::Watched;

/// A node that has said where it listens.
pub(crate) struct NodeProcess {
    pub(crate) process: Watched,
    pub(crate) peer_id: String,
    /// Where others reach it on this machine, with its peer id; TCP and QUIC.
    pub(crate) addresses: Vec<String>,
    /// `127.0.0.1:port` of its gRPC service.
    pub(crate) sidecar: String,
    /// `127.0.0.1:port` of its HTTP API.
    pub(crate) api: String,
}

impl NodeProcess {
    /// Starts `p2pnode` with its identity in `dir/identity` and waits until it is ready.
    ///
    /// The variables are those of the documents' compose file, but with free ports.
    pub(crate) fn start(dir: &Path, more: &[(&str, &str)]) -> Self {
        let identity = dir.join("identity");
        let mut command = called("p2pnode", dir, &[]);
        command
            .envs([
                ("LOG_LEVEL", "debug"),
                ("CLUSTER_ID", "p2pnode-1"),
                ("NODE_MODE", "optimum"),
                ("SIDECAR_PORT", "127.0.0.1:0"),
                ("API_PORT", "127.0.0.1:0"),
                ("OPTIMUM_PORT", "0"),
                ("OPTIMUM_MAX_MSG_SIZE", "1048576"),
                ("OPTIMUM_MESH_TARGET", "6"),
                ("OPTIMUM_MESH_MIN", "3"),
                ("OPTIMUM_MESH_MAX", "12"),
                ("OPTIMUM_SHARD_FACTOR", "4"),
                ("OPTIMUM_SHARD_MULT", "1.5"),
                ("OPTIMUM_THRESHOLD", "0.75"),
            ])
            .env("IDENTITY_DIR", identity)
            .envs(more.iter().copied());
        let mut process = Watched::spawn(command);
        let after = |line: String| line.rsplit(": ").next().unwrap().to_owned();
        let peer_id = after(process.wait_for("Peer ID: "));
        let sidecar = after(process.wait_for("Sidecar (gRPC): "));
        let api = after(process.wait_for("HTTP API: ")).trim_start_matches("http://").to_owned();
        process.wait_for("Ready");
        let listening =
            process.seen.iter().filter_map(|(_, line)| line.strip_prefix("Listening for nodes: "));
        let addresses = listening.filter(|it| it.starts_with("/ip4/127.0.0.1/")).map(str::to_owned).collect();
        Self { process, peer_id, addresses, sidecar, api }
    }

    /// One of its addresses by transport: `/tcp/` or `/udp/`.
    pub(crate) fn address(&self, transport: &str) -> &str {
        self.addresses.iter().find(|it| it.contains(transport)).unwrap()
    }
}
