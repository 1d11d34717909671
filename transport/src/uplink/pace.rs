//! What may be on its way in a round trip goes out evenly over it.
//!
//! After a pause the whole window is free. Written at once it waits in the uplink's queue for most of a round trip, and
//! what waits there can no longer be replaced by something fresher. So streams write as fast as the uplink sends, with a
//! few milliseconds of it in hand, as timers are late. Who waits for a processor is later: a node that could not make
//! up for that would leave its uplink idle, so the later its streams are, the more it may have in hand.

use std::time::{Duration, Instant};

/// When the uplink will have sent what was written.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    clear_at: Option<Instant>,
    /// How long after their turn streams wrote, at most of late.
    late: Duration,
}

impl Pace {
    /// When a stream may write, if not now.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        let at = self.clear_at?.checked_sub(self.in_hand())?;
        (at > now).then_some(at)
    }

    /// A stream was to wait until `at`, and writes `now`.
    pub(crate) fn on_turn(&mut self, now: Instant, at: Instant) {
        let late = now.saturating_duration_since(at).min(LATE_MAX);
        self.late = late.max(self.late - self.late / LATE_SHARE);
    }

    /// What may be written before the uplink has sent all of it.
    fn in_hand(&self) -> Duration {
        IN_HAND.max(self.late * LATE_FACTOR)
    }

    /// So many bytes are written, which the uplink sends in `time`.
    pub(crate) fn on_writing(&mut self, now: Instant, time: Duration) {
        self.clear_at = Some(self.clear_at.map_or(now, |at| at.max(now)) + time);
    }

    /// It did not take what it would have sent in `time`.
    pub(crate) fn on_left(&mut self, time: Duration) {
        self.clear_at = self.clear_at.and_then(|at| at.checked_sub(time));
    }
}

/// What may be written at least before the uplink has sent all of it: timers go by milliseconds.
const IN_HAND: Duration = Duration::from_millis(8);

/// As many times as much as streams are late, if that is more. Where processors have time to spare 95 in 100 turns
/// are less than 2 ms late; of sixteen on two that are always busy one in ten is later than 10.
const LATE_FACTOR: u32 = 4;

/// Nobody waits longer for a processor: with this in hand any window goes out at once.
const LATE_MAX: Duration = Duration::from_millis(100);

/// How late they were is forgotten by this share at each turn, so that it is known when the next message begins.
const LATE_SHARE: u32 = 32;

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: Duration = Duration::from_millis(3);

    #[test]
    fn a_little_goes_at_once_and_the_rest_as_fast_as_the_uplink_sends() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut now = start;
        for shard in 0..100 {
            if let Some(at) = pace.wait(now) {
                assert!(at > now && shard > 2, "the first three are in hand");
                now = at;
            }
            pace.on_writing(now, SHARD);
        }
        assert_eq!(now - start, SHARD * 99 - IN_HAND);
        assert_eq!(pace.wait(now + IN_HAND + SHARD), None, "a pause");
    }

    #[test]
    fn a_pause_is_not_made_up_for() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.on_writing(start, SHARD);
        let later = start + Duration::from_secs(60);
        (0..3).for_each(|_| pace.on_writing(later, SHARD));
        assert_eq!(pace.wait(later), Some(later + SHARD * 3 - IN_HAND));
    }

    #[test]
    fn who_is_late_for_its_turn_may_have_more_in_hand_for_a_while() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.on_turn(start + Duration::from_millis(1), start);
        assert_eq!(pace.in_hand(), IN_HAND, "a timer is no later");
        pace.on_turn(start + Duration::from_millis(10), start);
        assert_eq!(pace.in_hand(), Duration::from_millis(40));
        pace.on_writing(start, Duration::from_millis(40));
        assert_eq!(pace.wait(start), None, "what it could not send meanwhile goes at once");
        (0..100).for_each(|_| pace.on_turn(start, start));
        assert_eq!(pace.in_hand(), IN_HAND);
    }

    #[test]
    fn what_was_not_taken_takes_no_time() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.on_writing(now, SHARD * 4);
        assert_eq!(pace.wait(now), Some(now + SHARD * 4 - IN_HAND));
        pace.on_left(SHARD * 2);
        assert_eq!(pace.wait(now), None);
    }
}
