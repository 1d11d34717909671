//! On what terms a neighbour is sent something, and what that is.

/// What may be mixed into shards for others before a message is verified.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    All,
    Verified,
}

/// How a relay may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    pub(crate) trust: Trust,
    /// Whether the neighbour takes only what we vouch for.
    pub(crate) doubted: bool,
    /// Whether there is reason to doubt shards that nobody vouches for.
    pub(crate) alarmed: bool,
    /// The rank from which it mixes.
    pub(crate) threshold: u16,
    /// Whether its fan-out is bounded.
    pub(crate) bounded: bool,
    /// Decides between shards that are equally due.
    pub(crate) lot: u64,
    /// Whether the messages of its topic go to the neighbour at once.
    pub(crate) eager: bool,
    /// Whether the message goes wide and the neighbour is in its topic.
    pub(crate) wide: bool,
}

/// What a neighbour would be sent next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// This canonical shard.
    Canonical(u16),
    /// A shard that came straight from the publisher, as it is.
    Direct(u16),
    /// A fresh combination.
    Mixed,
}
