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
    /// How long messages that we pass on wait; default 5 s: large ones wait for their turn, and leave when another
    /// has sent them.
    pub forward_wait: Duration,
    /// Links to which messages longer than their room go at the same time; default 1. The others wait for their turn.
    pub parallel_max: usize,
    /// A link that takes such a message slower than this no longer holds the others up, bytes per second; default
    /// 4 MB/s.
    pub slow_bytes_per_s: usize,
}

impl OutboxSettings {
    /// How long a link may take for so many bytes before it is slow.
    pub(crate) fn patience(&self, bytes: usize) -> Duration {
        let rate = self.slow_bytes_per_s.max(1) as u64;
        Duration::from_micros((bytes as u64).saturating_mul(1_000_000) / rate)
    }
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            messages_max: 256,
            bytes_max: 16 << 20,
            publish_wait: Duration::from_secs(5),
            forward_wait: Duration::from_secs(5),
            parallel_max: 1,
            slow_bytes_per_s: 4_000_000,
        }
    }
}
