//! The rules that hold between any two inputs.

use alloc::string::String;

/// A rule of [`crate::Node::check_invariants`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// A peer has at most one link.
    L1,
    /// What waits for a link is within its bounds.
    L2,
    /// Every mesh member is a live link.
    M1,
    /// No mesh member is under backoff, and backoffs are within their bound.
    M2,
    /// Every mesh member subscribed to the topic.
    M3,
    /// A mesh has at most *D_hi* members right after a heartbeat, and never holds one twice.
    M4,
    /// No direct peer is a mesh member.
    M5,
    /// Fanout members are live, subscribed and no direct peers, and no topic is joined and fanned out to.
    M6,
    /// The message cache is within its bounds and its sums are right.
    G1,
    /// The seen caches are within their bounds.
    G2,
    /// Every linked peer has a record, if peers are scored, and the tables of scoring are within their bounds.
    R1,
    /// Peers are counted right by their addresses.
    R2,
    /// Undecoded messages are within their bounds, and the sums about messages at hand are right.
    S1,
    /// Every exchange belongs to a live link.
    S2,
    /// What is marked as verified is held.
    S3,
    /// What can be sent on a link is on its agenda.
    S4,
}

/// A broken rule: a bug in this crate.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("rule {rule:?} is broken: {details}")]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// Where.
    pub details: String,
}

/// `Err` unless `holds`.
pub(crate) fn ensure(holds: bool, rule: Rule, details: impl FnOnce() -> String) -> Result<(), Broken> {
    match holds {
        true => Ok(()),
        false => Err(Broken { rule, details: details() }),
    }
}
