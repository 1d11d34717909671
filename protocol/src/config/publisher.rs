//! Settings of what one publisher may say.

/// What is taken of one publisher between two heartbeats, whoever brings it; default everything.
///
/// Only the application knows how much a publisher has to say, so there is no default. Bursts are cut unevenly by the
/// heartbeats of different nodes: allow twice of what honest publishers send. Without signatures nobody is known as
/// the publisher, and nothing is limited. Not in the specification; py-libp2p limits messages of a peer likewise.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PublisherSettings {
    /// Messages.
    pub messages_max: Option<u32>,
    /// Bytes of payload. A single message may be longer.
    pub bytes_max: Option<usize>,
}
