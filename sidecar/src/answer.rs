//! Answers to commands: JSON in a Response of type Unknown, which the known clients skip.

use braidcast_runtime_tokio::{ContentId, NodeError, PublishError, SubscribeError};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A command that was not done. The stream goes on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong, for people.
    pub error: String,
    /// What is wrong, for programs: `too_large`, `duplicate`, `backlog`, `topic_empty`, `topic_too_long`,
    /// `topic_not_allowed`, `too_many_topics`, `bad_batch`, `unknown_command`, `no_entropy`, `node_stopped` or
    /// `refused`.
    pub code: String,
    /// `Request.command`.
    pub command: i32,
    /// `Request.topic`, or that of the batch entry.
    pub topic: String,
}

/// A message that was accepted; sent where no trace event says so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Published {
    /// Always `published`.
    pub status: String,
    /// The hexadecimal SHA-256 of the payload.
    pub message_id: String,
    /// Where.
    pub topic: String,
}

impl Refusal {
    pub(crate) fn of_node(error: &NodeError, command: i32, topic: &str) -> Self {
        Self::new(code(error), &error.to_string(), command, topic)
    }

    pub(crate) fn new(code: &str, error: &str, command: i32, topic: &str) -> Self {
        Self { error: error.to_owned(), code: code.to_owned(), command, topic: topic.to_owned() }
    }

    pub(crate) fn to_json(&self) -> Bytes {
        json_of(self)
    }
}

impl Published {
    pub(crate) fn new(content: ContentId, topic: &str) -> Self {
        Self { status: "published".to_owned(), message_id: content.to_hex(), topic: topic.to_owned() }
    }

    pub(crate) fn to_json(&self) -> Bytes {
        json_of(self)
    }
}

fn json_of(answer: &impl Serialize) -> Bytes {
    // Plain strings and numbers always have a JSON form; an empty answer would be the lesser evil.
    serde_json::to_vec(answer).unwrap_or_default().into()
}

/// Not a match: what else a node may refuse to do (dial, leave) is never asked of it here.
fn code(error: &NodeError) -> &'static str {
    if let NodeError::Publish(error) = error {
        return match error {
            PublishError::TooLarge { .. } => "too_large",
            PublishError::Duplicate => "duplicate",
            PublishError::Backlog { .. } => "backlog",
            PublishError::Subscribe(error) => topic_code(error),
        };
    }
    if let NodeError::Subscribe(error) = error {
        return topic_code(error);
    }
    if *error == NodeError::Stopped { "node_stopped" } else { "refused" }
}

fn topic_code(error: &SubscribeError) -> &'static str {
    match error {
        SubscribeError::Empty => "topic_empty",
        SubscribeError::TooLong { .. } => "topic_too_long",
        SubscribeError::Filtered { .. } => "topic_not_allowed",
        SubscribeError::TooMany { .. } => "too_many_topics",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_and_why() {
        let error = NodeError::Publish(PublishError::TooLarge { bytes: 1_048_577, bytes_max: 1_048_576 });
        assert_eq!(
            Refusal::of_node(&error, 1, "t").to_json(),
            r#"{"error":"payload is 1048577 bytes, limit is 1048576","code":"too_large","command":1,"topic":"t"}"#
        );
        let error = NodeError::Publish(SubscribeError::Empty.into());
        assert_eq!(Refusal::of_node(&error, 1, "").code, "topic_empty");
    }
}
