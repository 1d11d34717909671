//! A node's own clock, which may be wrong.

use std::time::Duration;

use braidcast_protocol::Time;

/// What a node takes for the time. Monotone, and exact to the nanosecond by integer arithmetic.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// A true time and what the clock showed then.
    anchor: (Time, Time),
    /// Nanoseconds that it counts for each million that pass.
    pace: u64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { anchor: (Time::EPOCH, Time::EPOCH), pace: MILLION }
    }
}

impl Clock {
    /// What it shows.
    pub(crate) fn shows(&self, now: Time) -> Time {
        if self.pace == MILLION && self.anchor.0 == self.anchor.1 {
            return now;
        }
        let passed = now.since(self.anchor.0).as_nanos() * u128::from(self.pace) / u128::from(MILLION);
        self.anchor.1 + saturating(passed)
    }

    /// The first time at which it shows `shown` or later.
    pub(crate) fn when(&self, shown: Time) -> Time {
        if self.pace == MILLION && self.anchor.0 == self.anchor.1 {
            return shown;
        }
        let ahead = shown.since(self.anchor.1).as_nanos() * u128::from(MILLION);
        self.anchor.0 + saturating(ahead.div_ceil(u128::from(self.pace)))
    }

    /// From now on it is `ahead` further, and counts `pace` nanoseconds (at least 1) for each million.
    pub(crate) fn skew(&mut self, now: Time, ahead: Duration, pace: u64) {
        self.anchor = (now, self.shows(now) + ahead);
        self.pace = pace.max(1);
    }
}

fn saturating(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

const MILLION: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_fast_or_slow_and_its_deadlines_are_met() {
        let at = |seconds: u64| Time::EPOCH + Duration::from_secs(seconds);
        let mut clock = Clock::default();
        assert_eq!((clock.shows(at(5)), clock.when(at(5))), (at(5), at(5)));
        clock.skew(at(10), Duration::from_secs(3), 1_100_000);
        assert_eq!([clock.shows(at(10)), clock.shows(at(20))], [at(13), at(24)]);
        assert_eq!(clock.when(at(24)), at(20));
        clock.skew(at(20), Duration::ZERO, 333_333);
        for shown in (24_000_000_001..24_000_001_000).step_by(7).map(Time::from_nanos) {
            assert!(clock.shows(clock.when(shown)) >= shown);
        }
    }
}
