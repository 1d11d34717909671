//! What a neighbour's reports say of the shards that are on their way to it.
//!
//! A report is a latency old when it comes, and a shard sent now arrives a latency later. What the neighbour gained in
//! the last round trip, it will gain in the next: that is on its way, from us and from others.

use core::time::Duration;

use smallvec::SmallVec;

use crate::Time;

/// The last reports of one neighbour about one message, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trend(SmallVec<[(Time, u16); REPORTS_MAX]>);

/// What can be said of a neighbour's rank.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Forecast {
    /// Its rank when a shard that leaves now arrives.
    pub(crate) rank: u64,
    /// Until when to believe that if no report comes.
    pub(crate) until: Time,
}

impl Trend {
    /// Takes a report.
    pub(crate) fn note(&mut self, now: Time, rank: u16) {
        if self.0.len() == REPORTS_MAX {
            self.0.remove(0);
        }
        // A rank falls when unverified shards are thrown away: what was before says nothing now.
        if self.0.last().is_some_and(|(_, last)| *last > rank) {
            self.0.clear();
        }
        self.0.push((now, rank));
    }

    /// `None` if there is nothing to go by, or the next report is long due: then the flow has stopped.
    pub(crate) fn forecast(&self, now: Time, rtt: Duration) -> Option<Forecast> {
        let &(last_at, last) = self.0.last()?;
        let recent = |(at, _): &(Time, u16)| last_at.since(*at) <= rtt;
        let first_recent = self.0.iter().position(recent)?;
        let from = first_recent.min(self.0.len().checked_sub(2)?);
        let (first_at, first) = self.0[from];
        let span = nanos(last_at.since(first_at));
        let pause = span / (self.0.len() - 1 - from) as u64;
        let until = last_at + Duration::from_nanos(2 * pause) + REPORT_SLACK;
        if span == 0 || now >= until {
            return None;
        }
        let ahead = nanos(rtt).saturating_add(nanos(now.since(last_at)).min(pause));
        let gain = u64::from(last - first).saturating_mul(ahead) / span;
        Some(Forecast { rank: u64::from(last) + gain, until })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Reports that are kept of one neighbour: half of those that it sends on its way to *k*.
const REPORTS_MAX: usize = 8;

/// How much later than twice the pause between two reports the next may come.
const REPORT_SLACK: Duration = Duration::from_millis(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::EPOCH + Duration::from_millis(ms)
    }

    fn trend(reports: &[(u64, u16)]) -> Trend {
        let mut trend = Trend::default();
        reports.iter().for_each(|(ms, rank)| trend.note(at(*ms), *rank));
        trend
    }

    const RTT: Duration = Duration::from_millis(100);

    #[test]
    fn what_came_in_the_last_round_trip_comes_in_the_next() {
        let steady = trend(&[(0, 4), (20, 8), (40, 12)]);
        // 8 in 40 ms, and 100 ms to look ahead.
        assert_eq!(steady.forecast(at(40), RTT).map(|forecast| forecast.rank), Some(12 + 20));
        assert_eq!(steady.forecast(at(50), RTT).map(|forecast| forecast.rank), Some(12 + 22));
    }

    #[test]
    fn reports_before_the_last_round_trip_do_not_count_while_there_are_newer() {
        let quicker = trend(&[(0, 1), (300, 2), (350, 7)]);
        assert_eq!(quicker.forecast(at(350), RTT).map(|forecast| forecast.rank), Some(7 + 10));
        let slow = trend(&[(0, 1), (300, 2)]);
        assert_eq!(slow.forecast(at(300), RTT).map(|forecast| forecast.rank), Some(2));
    }

    #[test]
    fn silence_and_a_fall_end_it() {
        let steady = trend(&[(0, 4), (20, 8)]);
        let until = steady.forecast(at(20), RTT).map(|forecast| forecast.until);
        assert_eq!(until, Some(at(63)));
        assert_eq!(steady.forecast(at(63), RTT), None);
        assert_eq!(trend(&[(0, 4), (20, 8), (30, 2)]).forecast(at(30), RTT), None);
        assert_eq!(trend(&[(0, 4)]).forecast(at(0), RTT), None);
    }

    #[test]
    fn a_neighbour_that_reports_without_end_costs_no_more() {
        let mut trend = Trend::default();
        (0..1000).for_each(|ms| trend.note(at(u64::from(ms)), ms));
        assert_eq!(trend.0.len(), REPORTS_MAX);
    }
}
