//! How much one QUIC connection may hold: about what its path carries in a round trip.
//!
//! Whatever is in the transport can no longer be replaced by something fresher, and all connections of a node share
//! its uplink. So the window follows the delay, as in TCP Vegas (Brakmo and Peterson 1995): while the round trip is
//! near the shortest one seen, a window that is used up grows; when packets wait on the path, it shrinks to what would
//! keep them at the allowed wait. The congestion controller below still decides what is sent.

use std::time::{Duration, Instant};

/// The window of one connection.
#[derive(Debug)]
pub(super) struct SendWindow {
    bytes: u64,
    bytes_max: u64,
    /// No shrinking yet: it doubles.
    opening: bool,
    /// It held something back since it was last adjusted. A window that was not used says nothing about the path.
    limited: bool,
    due: Option<Instant>,
}

impl SendWindow {
    /// The window of a new connection, which never exceeds `bytes_max`.
    pub(super) fn new(bytes_max: u64) -> Self {
        let bytes = BYTES_FIRST.min(bytes_max);
        Self { bytes, bytes_max, opening: true, limited: false, due: None }
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes note that the connection took less than it was offered.
    pub(super) fn on_limited(&mut self) {
        self.limited = true;
    }

    /// Whether a round trip has passed since the last adjustment.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    /// Once in a round trip: the new window, bytes, if it changes. `rtt` is the smoothed round trip, `rtt_min` the
    /// shortest seen.
    pub(super) fn adjust(&mut self, now: Instant, rtt: Duration, rtt_min: Duration) -> Option<u64> {
        self.due = Some(now + rtt);
        if !std::mem::take(&mut self.limited) {
            return None;
        }
        let good = rtt_min + (rtt_min / WAIT_SHARE).max(WAIT_MIN);
        let wanted = if rtt > good {
            self.opening = false;
            (self.bytes as f64 * good.as_secs_f64() / rtt.as_secs_f64()) as u64
        } else if self.opening {
            self.bytes * 2
        } else {
            self.bytes + self.bytes / GROWTH_SHARE
        };
        let wanted = wanted.clamp(BYTES_MIN.min(self.bytes_max), self.bytes_max);
        let changed = wanted != self.bytes;
        self.bytes = wanted;
        changed.then_some(wanted)
    }
}

/// Of a new connection: also what quinn starts with.
pub(super) const BYTES_FIRST: u64 = 64 << 10;

/// Four shards of 8 KiB: some on the path while the next is made.
const BYTES_MIN: u64 = 32 << 10;

/// Packets may wait for this share of the shortest round trip ...
const WAIT_SHARE: u32 = 4;

/// ... or this long, if that is more: on fast paths it is the processors that packets wait for.
const WAIT_MIN: Duration = Duration::from_millis(8);

/// A window that was used up grows by this share in a round trip.
const GROWTH_SHARE: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 1 << 20;

    /// A window after so many round trips over a line of `rate` bytes a second, which is `round` away and shared by
    /// `sharers` like it.
    fn after(round_trips: u32, rate: f64, round: Duration, sharers: f64) -> u64 {
        let (mut window, mut now) = (SendWindow::new(MAX), Instant::now());
        for _ in 0..round_trips {
            let queue = (window.bytes as f64 * sharers / rate - round.as_secs_f64()).max(0.0);
            let rtt = round + Duration::from_secs_f64(queue);
            now += rtt;
            window.on_limited();
            window.adjust(now, rtt, round);
            assert!(!window.is_due(now), "once in a round trip");
        }
        window.bytes
    }

    #[test]
    fn one_connection_comes_to_hold_a_round_trip() {
        let (rate, round) = (6.25e6, Duration::from_millis(50));
        let product = 6.25e6 * 0.05;
        let window = after(30, rate, round, 1.0) as f64;
        assert!((product..product * 1.5).contains(&window), "{window} of {product}");
    }

    #[test]
    fn connections_share_the_uplink() {
        let (rate, round) = (6.25e6, Duration::from_millis(50));
        let window = after(30, rate, round, 4.0) as f64;
        let product = 6.25e6 * 0.05 / 4.0;
        assert!((product..product * 1.5).contains(&window), "{window} of {product}");
        assert_eq!(after(30, rate, round, 20.0), BYTES_MIN, "and each may hold a little");
    }

    #[test]
    fn a_fast_path_gets_the_whole_window_and_an_unused_one_stays() {
        assert_eq!(after(30, 1e9, Duration::from_micros(100), 8.0), MAX);
        let mut window = SendWindow::new(MAX);
        let round = Duration::from_millis(50);
        assert_eq!(window.adjust(Instant::now(), round, round), None);
        assert_eq!(
            window.adjust(Instant::now(), 9 * round, round),
            None,
            "it was not the one who filled the path"
        );
    }
}
