//! What may be on its way in a round trip goes out evenly over it.
//!
//! After a pause the whole window is free. Written at once it waits in the uplink's queue for most of a round trip, and
//! what waits there can no longer be replaced by something fresher. So streams write as fast as the uplink sends, with a
//! few milliseconds of it in hand: for timers that are late and a processor that is busy.

use std::time::{Duration, Instant};

/// When the uplink will have sent what was written.
#[derive(Debug, Default)]
pub(super) struct Pace {
    clear_at: Option<Instant>,
}

impl Pace {
    /// When a stream may write, if not now.
    pub(super) fn wait(&self, now: Instant) -> Option<Instant> {
        let at = self.clear_at?.checked_sub(IN_HAND)?;
        (at > now).then_some(at)
    }

    /// So many bytes are written, which the uplink sends in `time`.
    pub(super) fn on_writing(&mut self, now: Instant, time: Duration) {
        self.clear_at = Some(self.clear_at.map_or(now, |at| at.max(now)) + time);
    }

    /// It did not take what it would have sent in `time`.
    pub(super) fn on_left(&mut self, time: Duration) {
        self.clear_at = self.clear_at.and_then(|at| at.checked_sub(time));
    }
}

/// What may be written before the uplink has sent all of it.
const IN_HAND: Duration = Duration::from_millis(8);

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
    fn what_was_not_taken_takes_no_time() {
        let (mut pace, now) = (Pace::default(), Instant::now());
        pace.on_writing(now, SHARD * 4);
        assert_eq!(pace.wait(now), Some(now + SHARD * 4 - IN_HAND));
        pace.on_left(SHARD * 2);
        assert_eq!(pace.wait(now), None);
    }
}
