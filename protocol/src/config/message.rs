//! How messages are named and signed: all peers of a topic must do it alike.

/// What makes two messages the same. Source: pubsub specification, "Message Identification".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MessageIds {
    /// The publisher's peer id, then its sequence number in 8 big-endian bytes: the specification's default.
    Origin,
    /// The SHA-256 of the payload alone: equal bytes are one message, also on two topics, also published twice.
    Content,
}

/// Who signs what. Source: pubsub specification, "Signature Policy Options"; its `Lax` options are not offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signatures {
    /// `StrictSign`: publisher, sequence number and signature are there and right, else a message is refused.
    StrictSign,
    /// `StrictNoSign`: none of them is there, else a message is refused. Needs [`MessageIds::Content`] and
    /// [`crate::Mode::Gossipsub`]: coded messages have a signed header.
    StrictNoSign,
}
