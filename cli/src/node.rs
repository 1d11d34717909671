//! One production node.
use crate::{config::NodeConfig, exit::Failure};
pub(crate) fn run(_config: NodeConfig) -> Result<(), Failure> {
    Err(anyhow::anyhow!("waits for the driver").into())
}
