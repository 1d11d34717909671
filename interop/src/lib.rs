//! How the nodes of other libp2p implementations are driven: one protocol of lines for all, see `interop/README.md`.
//!
//! The driver and its tests are in `tests/`, the nodes in `peers/`.

pub mod stdio;
pub mod wire;
