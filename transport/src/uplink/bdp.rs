//! What a node's uplink carries in a round trip, learned from what comes back.
//!
//! By Little's law: acknowledged bytes times the shortest round trip of their path, summed over some time and divided by
//! it, are the bytes that were on their way on the average, had none of them waited in a queue. The largest such value
//! is about the uplink's bandwidth-delay product. As in BBR (Cardwell et al., ACM Queue 2016) that may be on its way, and
//! a little more, which finds out whether the uplink carries more by now.
//!
//! A window that became too small would keep itself small where acknowledgements are late for other reasons than a
//! queue of ours: busy processors, the uplinks of peers. So only what can hardly be anything else makes it smaller than
//! that of a node which knows nothing: two full round trips, one after another, in which packets waited, in the mean, for
//! longer than their paths are.

use std::time::{Duration, Instant};

/// How much all connections of a node may hold.
#[derive(Debug)]
pub(crate) struct BdpWindow {
    bytes: u64,
    bytes_max: u64,
    /// Acknowledged bytes times the microseconds that their paths need for a round trip at best.
    carried: u128,
    /// Acknowledged bytes times the microseconds that they were on their way.
    on_way: u128,
    /// Acknowledged bytes.
    acknowledged: u64,
    /// What a byte's path needs for a round trip at best: the mean of late, microseconds.
    round_trip: u128,
    peak: Peak,
    /// There was a full round: what the uplink carries was measured.
    was_full: bool,
    /// The uplink carries less than the first window.
    slow: bool,
    /// Full rounds one after another in which packets waited, in the mean, for longer than their paths are.
    waited_rounds: u8,
    /// A stream had to wait in this round trip.
    limited: bool,
    /// And in the one before: then this one is full.
    limited_before: bool,
    /// This round trip.
    round: Option<Round>,
}

/// When a round trip began, and what had been acknowledged then.
#[derive(Debug, Clone, Copy)]
struct Round {
    begin: Instant,
    carried: u128,
    on_way: u128,
    acknowledged: u64,
}

impl BdpWindow {
    /// Of a node that has not sent yet. The window never exceeds `bytes_max`.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self {
            bytes: BYTES_FIRST.min(bytes_max),
            bytes_max,
            carried: 0,
            on_way: 0,
            acknowledged: 0,
            round_trip: 0,
            peak: Peak::default(),
            was_full: false,
            slow: false,
            waited_rounds: 0,
            limited: false,
            limited_before: false,
            round: None,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How long so many bytes take at the pace of the uplink: the window in a round trip, the mean of all paths, and a
    /// quarter faster. No time while it was never full: then it may be any faster than it was used.
    pub(crate) fn time_of(&self, bytes: u64) -> Duration {
        if !self.was_full {
            return Duration::ZERO;
        }
        let micros = self.round_trip * u128::from(bytes) * PACE_DIVISOR / PACE_FACTOR;
        let micros = micros / u128::from(self.bytes.max(1));
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Takes note that a stream had to wait. A window that is not used up says nothing about the uplink.
    pub(crate) fn on_limited(&mut self) {
        self.limited = true;
    }

    /// Bytes were acknowledged that were on their way for `rtt`, where their path needs `shortest` at best.
    pub(crate) fn on_acknowledged(&mut self, bytes: u64, rtt: Duration, shortest: Duration) {
        self.carried += u128::from(bytes) * (shortest + ACKNOWLEDGEMENT).as_micros();
        self.on_way += u128::from(bytes) * rtt.as_micros();
        self.acknowledged += bytes;
    }

    /// These were all that one packet acknowledged; the last of them was `sent` then.
    pub(crate) fn on_acknowledged_until(&mut self, now: Instant, sent: Instant) {
        let this = self.this_round(now);
        let before = *self.round.get_or_insert(this);
        if sent < before.begin || now < before.begin + ROUND_MIN {
            return;
        }
        let micros = now.saturating_duration_since(before.begin).as_micros().max(1);
        let carried = self.carried - before.carried;
        let sample = u64::try_from(carried / micros).unwrap_or(u64::MAX);
        let mean = carried.checked_div(u128::from(self.acknowledged - before.acknowledged));
        self.round_trip = match (self.round_trip, mean) {
            (before, None) => before,
            (0, Some(mean)) => mean,
            (before, Some(mean)) => (before * 7 + mean) / 8,
        };
        self.round = Some(this);
        let waited = self.on_way - before.on_way > 2 * carried;
        let limited = std::mem::take(&mut self.limited);
        let full = std::mem::replace(&mut self.limited_before, limited) && limited;
        self.peak.add(sample, full);
        let peak = self.peak.bytes();
        if full {
            self.was_full = true;
            self.waited_rounds = if waited { self.waited_rounds.saturating_add(1) } else { 0 };
            self.slow = self.waited_rounds >= WAITED_ROUNDS || (self.slow && peak < BYTES_FIRST);
        }
        let wanted = peak.saturating_add(peak / MORE_SHARE);
        let bytes_min = if self.slow { BYTES_MIN } else { BYTES_FIRST };
        self.bytes = wanted.max(bytes_min).min(self.bytes_max);
    }

    fn this_round(&self, begin: Instant) -> Round {
        let Self { carried, on_way, acknowledged, .. } = *self;
        Round { begin, carried, on_way, acknowledged }
    }
}

/// The largest of the latest samples.
#[derive(Debug, Default)]
struct Peak {
    current: u64,
    /// Of the rounds before.
    earlier: u64,
    /// Full rounds since that. Nothing is forgotten in others: they tell what was sent, not what could be.
    full_rounds: u8,
}

impl Peak {
    fn add(&mut self, sample: u64, full: bool) {
        if self.full_rounds == FULL_ROUNDS {
            *self = Self { current: 0, earlier: self.current, full_rounds: 0 };
        }
        self.full_rounds += u8::from(full);
        self.current = self.current.max(sample);
    }

    fn bytes(&self) -> u64 {
        self.current.max(self.earlier)
    }
}

/// At first: 40 Mbit/s over 50 ms.
const BYTES_FIRST: u64 = 256 << 10;

/// Eight shards of 8 KiB, so that the uplink is busy while acknowledgements are on their way.
const BYTES_MIN: u64 = 64 << 10;

/// A round trip takes this much longer than at best: acknowledgements wait for each other, for 5 ms at most.
const ACKNOWLEDGEMENT: Duration = Duration::from_millis(4);

/// The window is larger than the peak by this share.
const MORE_SHARE: u64 = 8;

/// Who goes at the pace of the window alone makes up for no delay of its own: ten messages of 128 KiB a second took 215
/// instead of 198 ms on busy processors. (BBR's gain while it looks for bandwidth is the same.)
const PACE_FACTOR: u128 = 5;
const PACE_DIVISOR: u128 = 4;

/// What comes back in less time comes in bursts.
const ROUND_MIN: Duration = Duration::from_millis(4);

/// So many rounds in which packets waited make a slow uplink. After one the processors may have been busy.
const WAITED_ROUNDS: u8 = 2;

/// After so many full rounds, or twice as many, a sample counts no more.
const FULL_ROUNDS: u8 = 16;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A line of `rate` bytes a second, `round` there and back, that takes packets in turn.
    struct Line {
        rate: f64,
        round: Duration,
        now: Instant,
        free_at: Instant,
    }

    impl Line {
        fn new(rate: f64, round: Duration) -> Self {
            let now = Instant::now();
            Self { rate, round, now, free_at: now }
        }

        /// Sends as much as the window allows for so many packets of 1200 bytes, eight to an acknowledgement.
        fn send(&mut self, window: &mut BdpWindow, packets: usize) {
            let (mut on_way, mut sent) = (VecDeque::new(), 0);
            while sent < packets || !on_way.is_empty() {
                while sent < packets && (on_way.len() as u64 + 1) * 1200 <= window.bytes() {
                    self.free_at = self.free_at.max(self.now) + Duration::from_secs_f64(1200.0 / self.rate);
                    on_way.push_back((self.now, self.free_at + self.round));
                    sent += 1;
                }
                if sent < packets {
                    window.on_limited();
                }
                let acknowledged = on_way.drain(..on_way.len().min(8)).collect::<Vec<_>>();
                let &(last, back) = acknowledged.last().unwrap();
                self.now = self.now.max(back);
                for (sent, _) in &acknowledged {
                    window.on_acknowledged(1200, self.now - *sent, self.round);
                }
                window.on_acknowledged_until(self.now, last);
            }
        }
    }

    #[test]
    fn the_window_comes_to_what_the_line_carries_in_a_round_trip() {
        for (rate, millis) in [(1.5e6, 200), (6.25e6, 50), (12.5e6, 20), (6e7, 50)] {
            let round = Duration::from_millis(millis);
            let (mut line, mut window) = (Line::new(rate, round), BdpWindow::new(1 << 30));
            (0..60).for_each(|_| line.send(&mut window, (rate * 0.3 / 1200.0) as usize));
            let share = window.bytes() as f64 / (rate * (round + ACKNOWLEDGEMENT).as_secs_f64());
            assert!((0.9..1.3).contains(&share), "{rate} bytes/s, {millis} ms: {share}");
        }
    }

    #[test]
    fn a_line_that_becomes_slow_shrinks_the_window_and_pauses_do_not() {
        let round = Duration::from_millis(50);
        let (mut line, mut window) = (Line::new(1e7, round), BdpWindow::new(1 << 30));
        (0..40).for_each(|_| line.send(&mut window, 3000));
        let wide = window.bytes();
        line.now += Duration::from_secs(600);
        line.send(&mut window, 1);
        assert_eq!(window.bytes(), wide);
        line.rate = 1.5e6;
        (0..40).for_each(|_| line.send(&mut window, 3000));
        let share = window.bytes() as f64 / (1.5e6 * (round + ACKNOWLEDGEMENT).as_secs_f64());
        assert!((0.9..1.3).contains(&share), "{share}");
        line.rate = 1e7;
        (0..40).for_each(|_| line.send(&mut window, 3000));
        let share = window.bytes() as f64 / wide as f64;
        assert!((0.8..1.3).contains(&share), "it comes back: {share}");
    }

    #[test]
    fn bursts_that_fill_the_window_for_a_moment_do_not_shrink_it() {
        let (mut line, mut window) = (Line::new(6.25e6, Duration::from_millis(50)), BdpWindow::new(1 << 30));
        (0..40).for_each(|_| line.send(&mut window, 3000));
        let wide = window.bytes();
        for _ in 0..300 {
            line.now += Duration::from_millis(100);
            line.send(&mut window, wide as usize / 1200 + 20);
        }
        assert!(window.bytes() >= wide, "{} of {wide}", window.bytes());
    }

    #[test]
    fn only_waits_of_several_round_trips_shrink_the_first_window() {
        let (shortest, mut now) = (Duration::from_millis(50), Instant::now());
        let mut window = BdpWindow::new(1 << 30);
        let mut rounds = |count, rtt: Duration| {
            for _ in 0..count {
                window.on_limited();
                window.on_acknowledged(1200, rtt, shortest);
                window.on_acknowledged_until(now + rtt, now);
                now += rtt;
            }
            window.bytes()
        };
        rounds(2, shortest);
        for _ in 0..5 {
            assert_eq!(rounds(1, shortest * 3), BYTES_FIRST);
            assert_eq!(rounds(1, shortest), BYTES_FIRST);
        }
        assert_eq!(rounds(2, shortest * 3), BYTES_MIN);
    }

    #[test]
    fn a_few_packets_that_do_not_wait_hide_no_queue() {
        let (shortest, mut now) = (Duration::from_millis(50), Instant::now());
        let mut window = BdpWindow::new(1 << 30);
        for _ in 0..4 {
            window.on_limited();
            window.on_acknowledged(1200, shortest, shortest);
            (0..9).for_each(|_| window.on_acknowledged(1200, shortest * 3, shortest));
            window.on_acknowledged_until(now + shortest * 3, now);
            now += shortest * 3;
        }
        assert_eq!(window.bytes(), BYTES_MIN);
    }

    #[test]
    fn a_line_that_was_full_once_is_known_to_take_its_time() {
        let (mut line, mut window) = (Line::new(6.25e6, Duration::from_millis(50)), BdpWindow::new(1 << 30));
        (0..40).for_each(|_| line.send(&mut window, 10));
        assert_eq!(window.time_of(62_500), Duration::ZERO, "it may be any faster");
        (0..40).for_each(|_| line.send(&mut window, 3000));
        let share = window.time_of(62_500).as_secs_f64() / 0.01;
        assert!((0.6..0.9).contains(&share), "{share}");
    }

    #[test]
    fn who_sends_little_keeps_the_first_window_and_none_exceeds_the_largest() {
        let (mut line, mut window) = (Line::new(1e7, Duration::from_millis(50)), BdpWindow::new(1 << 30));
        (0..40).for_each(|_| line.send(&mut window, 10));
        assert_eq!(window.bytes(), BYTES_FIRST);
        let (mut line, mut window) = (Line::new(1e9, Duration::from_millis(50)), BdpWindow::new(300_000));
        (0..40).for_each(|_| line.send(&mut window, 10_000));
        assert_eq!(window.bytes(), 300_000);
    }
}
