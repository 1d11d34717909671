//! Identity files from the command line: `generate-key`, `peer-id`, `keygen`.

use std::path::Path;

use anyhow::Context;
use braidcast_runtime_tokio::{Identity, peer_id_text};

use crate::exit::Failure;
use crate::output;

/// Makes the identity file unless it exists and prints its peer id, alone or as `Peer ID: …`.
pub(crate) fn generate(dir: &Path, only_id: bool) -> Result<(), Failure> {
    let identity = Identity::load_or_generate(dir).context("identity")?;
    let id = peer_id_text(&identity.peer_id());
    output::line(&if only_id { id } else { format!("Peer ID: {id}") });
    Ok(())
}

/// Prints the peer id of the identity file, and nothing else: scripts capture it.
pub(crate) fn print_peer_id(dir: &Path) -> Result<(), Failure> {
    let identity = Identity::load(dir).context("identity")?;
    output::line(&peer_id_text(&identity.peer_id()));
    Ok(())
}
