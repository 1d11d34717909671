//! The congestion window of a connection: how much may be under way before the other end has acknowledged it.
//!
//! Source: RFC 5681 (slow start, congestion avoidance, section 4.1 for idle connections), RFC 6928 (initial window).
//! Acknowledgements take the way back without using its line; a loss is noticed when its retransmission is
//! acknowledged.

use std::collections::VecDeque;
use std::time::Duration;

use braidcast_protocol::Time;

/// Congestion windows, the same for all connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Congestion {
    /// Window of a new or idle connection, bytes.
    pub initial_bytes: u64,
    /// The largest window, bytes.
    pub max_bytes: u64,
    /// Bytes in one packet: the step of growth, and the least that is sent at a time.
    pub packet_bytes: u64,
    /// After this time without sending a connection is cold again.
    pub idle: Duration,
}

impl Default for Congestion {
    /// Ten packets of 1460 bytes, up to 4 MiB, cold after a second.
    fn default() -> Self {
        Self { initial_bytes: 14_600, max_bytes: 4 << 20, packet_bytes: 1460, idle: Duration::from_secs(1) }
    }
}

/// The window of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Window {
    bytes: u64,
    /// Below it the window doubles with each round trip.
    threshold: u64,
    in_flight: u64,
    used: Time,
    /// It held something back since all was acknowledged: a window that was not used says nothing about what the
    /// way can carry, and must not grow.
    full: bool,
    /// What is not acknowledged yet, in order, and whether it was lost once.
    unacknowledged: VecDeque<(u64, bool)>,
}

impl Window {
    pub(crate) fn new(rules: &Congestion, now: Time) -> Self {
        Self {
            bytes: rules.initial_bytes,
            threshold: rules.max_bytes,
            in_flight: 0,
            used: now,
            full: false,
            unacknowledged: VecDeque::new(),
        }
    }

    /// How many bytes may go now; `None` until something is acknowledged.
    pub(crate) fn room(&mut self, rules: &Congestion, now: Time) -> Option<u64> {
        if self.in_flight == 0 && now.since(self.used) > rules.idle {
            self.bytes = self.bytes.min(rules.initial_bytes);
        }
        if self.in_flight >= self.bytes {
            self.full = true;
            return None;
        }
        Some((self.bytes - self.in_flight).max(rules.packet_bytes))
    }

    /// A piece goes onto the line.
    pub(crate) const fn on_started(&mut self, now: Time, bytes: u64) {
        self.in_flight += bytes;
        self.used = now;
    }

    /// It has left the line; `lost`: it had to be sent again.
    pub(crate) fn on_sent(&mut self, bytes: u64, lost: bool) {
        self.unacknowledged.push_back((bytes, lost));
    }

    /// The oldest piece was acknowledged.
    pub(crate) fn on_acknowledged(&mut self, rules: &Congestion) {
        let Some((bytes, lost)) = self.unacknowledged.pop_front() else { return };
        self.in_flight -= bytes;
        if lost {
            self.threshold = (self.bytes / 2).max(2 * rules.packet_bytes);
            self.bytes = self.threshold;
        } else if self.full && self.bytes < self.threshold {
            self.bytes += bytes;
        } else if self.full {
            self.bytes += (rules.packet_bytes * bytes / self.bytes).max(1);
        }
        self.bytes = self.bytes.min(rules.max_bytes);
        self.full &= self.in_flight > 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends all that the window allows and has it acknowledged; how much that was.
    fn round(window: &mut Window, rules: &Congestion, lost: bool) -> u64 {
        let (mut sent, mut pieces) = (0, 0);
        while let Some(room) = window.room(rules, Time::EPOCH) {
            let bytes = room.min(rules.packet_bytes);
            window.on_started(Time::EPOCH, bytes);
            window.on_sent(bytes, lost && pieces == 0);
            sent += bytes;
            pieces += 1;
        }
        (0..pieces).for_each(|_| window.on_acknowledged(rules));
        sent
    }

    #[test]
    fn a_window_doubles_halves_at_a_loss_and_then_grows_by_a_packet() {
        let rules = Congestion { initial_bytes: 10_000, packet_bytes: 1_000, ..Congestion::default() };
        let mut window = Window::new(&rules, Time::EPOCH);
        assert_eq!([0; 3].map(|_| round(&mut window, &rules, false)), [10_000, 20_000, 40_000]);
        round(&mut window, &rules, true);
        let (before, after) = (round(&mut window, &rules, false), round(&mut window, &rules, false));
        assert!((40_000..43_000).contains(&before), "{before}");
        assert!((900..=2_000).contains(&(after - before)), "{before} then {after}");
    }

    #[test]
    fn a_window_has_a_limit_and_an_idle_connection_is_cold() {
        let rules = Congestion { max_bytes: 50_000, ..Congestion::default() };
        let mut window = Window::new(&rules, Time::EPOCH);
        (0..20).for_each(|_| {
            round(&mut window, &rules, false);
        });
        assert!(window.room(&rules, Time::EPOCH).unwrap() <= 50_000);
        assert_eq!(window.room(&rules, Time::EPOCH + Duration::from_secs(2)), Some(rules.initial_bytes));
    }
}
