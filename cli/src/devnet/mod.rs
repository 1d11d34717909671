//! A whole network in this process, with real sockets on loopback.

pub(crate) mod options;
mod payload;
mod tally;
pub(crate) fn run(_plan: &options::Plan) -> Result<(), crate::exit::Failure> {
    Err(anyhow::anyhow!("waits for the sidecar").into())
}
