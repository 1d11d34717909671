//! The client of a node's sidecar: `p2p-client` and `braidcast client`.

pub(crate) mod lines;
pub(crate) mod options;
pub(crate) mod trace;
pub(crate) fn run(_request: &options::Request) -> Result<(), crate::exit::Failure> {
    Err(anyhow::anyhow!("waits for the sidecar").into())
}
