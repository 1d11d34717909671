//! What a caller may do wrong: nothing has changed when one of these comes back.

use crate::Topic;

/// Why a message was not published.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PublishError {
    /// Checked before anything is coded, so nothing was sent.
    #[error("payload is {bytes} bytes, limit is {bytes_max}")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Messages are named by their content ([`crate::MessageIds::Content`]), and this one is known already.
    #[error("the same bytes were published or received before")]
    Duplicate,
    /// The links have not taken earlier messages yet; to take more would be to lose some. Try again when the
    /// node has sent something.
    #[error("{waiting} earlier messages have not left yet")]
    Backlog {
        /// How many.
        waiting: usize,
    },
    /// The topic cannot be used, or not be joined where a driver does that first.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
}

/// Why a topic was not joined.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SubscribeError {
    /// The name has no character.
    #[error("topic name is empty")]
    Empty,
    /// The name is longer than peers would take.
    #[error("topic name is {bytes} bytes, limit is {bytes_max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The configured filter does not allow it.
    #[error("topic {topic} is not among the topics that the configuration allows")]
    Filtered {
        /// Which.
        topic: Topic,
    },
    /// This node is in as many topics as it may be.
    #[error("already in {topics_max} topics, the limit")]
    TooMany {
        /// The limit.
        topics_max: usize,
    },
}

/// Why a topic was not left.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LeaveError {
    /// This node is not in the topic.
    #[error("not subscribed to {topic}")]
    NotSubscribed {
        /// Which.
        topic: Topic,
    },
}
