//! What a peer did against the rules.

/// One misdeed of a peer: counted for its score, never an error to the driver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Misdeed {
    /// It grafted us while its backoff ran (gossipsub v1.1 "Prune backoff").
    GraftInBackoff,
    /// It did so right after our PRUNE: it does not listen.
    GraftFlood,
    /// It advertised a message and did not send it when asked (gossipsub v1.1 "IWANT follow-up").
    BrokenPromise,
    /// It sent a message whose signature, or form, is wrong.
    InvalidMessage,
    /// It sent a coded shard or header that is not what it says.
    InvalidShard,
    /// It announced extensions after its first frame, other than in that (gossipsub v1.3).
    LateExtensions,
    /// It sent more of one kind of control than a peer may.
    ControlFlood,
    /// It published more than one publisher may ([`crate::PublisherSettings`]).
    PublishFlood,
    /// It sent what cannot be read.
    Malformed,
}

impl Misdeed {
    /// Whether it counts as P4 of its topic; the others are P7, as are those about no topic that is known.
    pub(crate) const fn is_about_data(self) -> bool {
        match self {
            Self::InvalidMessage | Self::InvalidShard => true,
            Self::GraftInBackoff
            | Self::GraftFlood
            | Self::BrokenPromise
            | Self::LateExtensions
            | Self::ControlFlood
            | Self::PublishFlood
            | Self::Malformed => false,
        }
    }
}
