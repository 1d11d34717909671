//! Settings of what waits for a slow link.

use core::time::Duration;

/// Whole messages that wait for one link. What does not fit, or waits too long, is dropped, counted and traced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxSettings {
    /// Messages before the oldest is dropped; default 256.
    pub messages_max: usize,
    /// Bytes of payload before the oldest is dropped, however long the newest is; default 16 MiB. They are held once
    /// for all links.
    pub bytes_max: usize,
    /// How long our own messages, and those a peer asked for, wait; default 5 s, as in rust-libp2p.
    pub publish_wait: Duration,
    /// How long messages that we pass on wait; default 1 s, as in rust-libp2p. Who is not sent one hears of it by
    /// gossip from others.
    pub forward_wait: Duration,
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            messages_max: 256,
            bytes_max: 16 << 20,
            publish_wait: Duration::from_secs(5),
            forward_wait: Duration::from_secs(1),
        }
    }
}
