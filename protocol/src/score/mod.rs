//! What this node thinks of its peers.
//!
//! Spec: gossipsub v1.1 "Peer Scoring". What peers do is counted as it happens; their scores are made of the counts at
//! heartbeats, and at once when something speaks against them: a score rises at heartbeats only.
//! Invariant R1: every linked peer has a record and the tables are within their bounds. R2: addresses are counted
//! right.

mod addresses;
mod counter;
mod deliveries;
mod parts;
mod record;
mod refused;
mod reputation;
mod table;
mod topic;
mod value;

pub(crate) use self::counter::ONE;
pub use self::parts::{PeerScore, ScoreParts};
pub use self::reputation::Reputation;
pub(crate) use self::table::Scores;
pub use self::value::Score;
