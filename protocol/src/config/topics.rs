//! Which topics a node has to do with.

use alloc::collections::BTreeSet;
use alloc::string::String;

use crate::Topic;

/// An allow-list of topics: subscriptions of peers to others are not kept, and they cannot be joined or published to.
///
/// The equivalent of go's subscription filter; the specification has none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TopicFilter {
    /// All topics.
    Any,
    /// These.
    Only(BTreeSet<Topic>),
    /// Those whose names begin like this.
    Prefix(String),
}

impl TopicFilter {
    /// Whether the topic is allowed.
    pub fn allows(&self, topic: &Topic) -> bool {
        match self {
            Self::Any => true,
            Self::Only(topics) => topics.contains(topic),
            Self::Prefix(prefix) => topic.as_str().starts_with(prefix.as_str()),
        }
    }
}
