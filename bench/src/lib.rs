//! Measurements of Braidcast against its targets and, in the same process, against other libraries.
//!
//! [`node::run`] measures whole nodes against another GossipSub, each in its own process.
//!
//! [`coding::run`] measures the erasure code. It gives [`Row`]s: a value, the value that is needed, and whether it is
//! met. Absolute times depend on the machine and on who else uses it; ratios within a run hold, because what is compared
//! takes turns.
#![forbid(unsafe_code)]

pub mod coding;
pub mod node;

mod meter;
mod row;

pub use row::{Better, Row, Target, UnknownTargetError, table};
