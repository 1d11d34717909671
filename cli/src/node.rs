//! One production node: `braidcast node`, `p2pnode`.

use anyhow::Context;
use braidcast_runtime_tokio::{Identity, Node, NodeBuilder, SystemUsage, peer_id_text};

use crate::config::NodeConfig;
use crate::exit::Failure;
use crate::output;
use crate::signals::StopSignals;
use crate::stack::{Services, Stack};

/// Runs a node until SIGINT or SIGTERM; a second signal does not wait for the node to finish.
pub(crate) fn run(config: &NodeConfig) -> Result<(), Failure> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let identity = Identity::load_or_generate(&config.identity_dir).context("identity (IDENTITY_DIR)")?;
    let runtime = tokio::runtime::Runtime::new().context("tokio runtime")?;
    runtime.block_on(serve(config, identity))?;
    Ok(())
}

async fn serve(config: &NodeConfig, identity: Identity) -> anyhow::Result<()> {
    let mut signals = StopSignals::catch()?;
    let services = Services {
        sidecar: config.sidecar,
        api: config.api,
        random_message_bytes: config.random_message_bytes,
        message_bytes_max: config.protocol.message_bytes_max,
    };
    let mut stack = Stack::start(builder(config, identity), &services, SystemUsage::start()).await?;
    announce(config, &stack);
    let result = tokio::select! {
        () = signals.next() => Ok(()),
        error = stack.failed() => Err(error),
    };
    tracing::info!("stopping");
    tokio::select! {
        () = stack.stop() => tracing::info!("stopped"),
        () = signals.next() => tracing::warn!("stopped at once, at the second signal"),
    }
    result
}

fn builder(config: &NodeConfig, identity: Identity) -> NodeBuilder {
    let settings = (*config.protocol).clone();
    let mut builder =
        Node::builder().identity(identity).settings(|given| *given = settings).congestion(config.congestion);
    for address in &config.listen {
        builder = builder.listen(address.to_string());
    }
    for address in &config.bootstrap {
        builder = builder.bootstrap(address.to_string());
    }
    for address in &config.direct {
        builder = builder.direct_peer(address.to_string());
    }
    builder
}

/// Says on stdout where everything listens: with port 0 nobody else knows.
fn announce(config: &NodeConfig, stack: &Stack) {
    let peer_id = peer_id_text(&stack.node.peer_id());
    let cluster_id = config.cluster_id.as_deref().unwrap_or_default();
    tracing::info!(
        %peer_id,
        cluster_id,
        mode = ?config.protocol.mode,
        sidecar = %stack.sidecar,
        api = %stack.api,
        bootstrap = config.bootstrap.len(),
        "node started"
    );
    output::line(&format!("Peer ID: {peer_id}"));
    for address in stack.node.listen_addrs() {
        output::line(&format!("Listening for nodes: {address}"));
    }
    output::line(&format!("Sidecar (gRPC): {}", stack.sidecar));
    output::line(&format!("HTTP API: http://{}", stack.api));
    output::line("Ready");
}
