//! How many shards are on their way to a neighbour.
//!
//! A report is a latency old when it comes, and a shard sent now arrives a latency later. Two things are known of what
//! comes in between, from us and from others: what the neighbour gained in the last round trip, and what we sent in
//! it, if the others do as we do. The first says too much when they have begun to hold back, the second when it is not
//! their turn. The second counts twice and, give or take one shard of each, bounds the first: all who serve a neighbour
//! hear the same reports, so if they believed in its gain, all would hold back at once while it grows fast.

use alloc::collections::VecDeque;
use core::time::Duration;

use smallvec::SmallVec;

use crate::Time;

/// What one neighbour said of one message and what we sent it, both oldest first and only the last of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trend {
    reports: SmallVec<[(Time, u16); REPORTS_MAX]>,
    sent: VecDeque<Time>,
}

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
    pub(crate) fn on_report(&mut self, now: Time, rank: u16) {
        if self.reports.len() == REPORTS_MAX {
            self.reports.remove(0);
        }
        // A rank falls when unverified shards are thrown away: what was before says nothing now.
        if self.reports.last().is_some_and(|(_, last)| *last > rank) {
            self.reports.clear();
        }
        self.reports.push((now, rank));
    }

    /// When its last report came.
    pub(crate) fn last_reported(&self) -> Option<Time> {
        self.reports.last().map(|(at, _)| *at)
    }

    /// Notes a shard for it.
    pub(crate) fn on_sent(&mut self, now: Time) {
        if self.sent.len() == SENT_MAX {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    /// `sources`: how many neighbours send to it. `None` if there is nothing to go by, or the next report is long due:
    /// then the flow has stopped.
    pub(crate) fn forecast(&self, now: Time, rtt: Duration, sources: u32) -> Option<Forecast> {
        let &(last_at, last) = self.reports.last()?;
        let recent = |(at, _): &(Time, u16)| last_at.since(*at) <= rtt;
        let first_recent = self.reports.iter().position(recent)?;
        let from = first_recent.min(self.reports.len().checked_sub(2)?);
        let (first_at, first) = self.reports[from];
        let span = nanos(last_at.since(first_at));
        let pause = span / (self.reports.len() - 1 - from) as u64;
        let until = last_at + Duration::from_nanos(OVERDUE_PAUSES * pause) + REPORT_SLACK;
        if span == 0 || now >= until {
            return None;
        }
        let ahead = nanos(rtt).saturating_add(nanos(now.since(last_at)).min(pause));
        let gain = u64::from(last - first).saturating_mul(ahead) / span;
        // What was sent a round trip before the report came, or later, arrived after it was made.
        let unreported = self.sent.iter().filter(|sent| **sent + rtt >= last_at).count() as u64;
        let sources = u64::from(sources);
        let as_we_do = unreported * sources;
        let on_way = (gain.min(2 * as_we_do + sources) + 2 * as_we_do) / 3;
        Some(Forecast { rank: u64::from(last) + on_way, until })
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Reports that are kept of one neighbour: half of those that it sends on its way to *k*.
const REPORTS_MAX: usize = 8;

/// Departures that are remembered of one neighbour: a hundred and more shards of one message are on their way to it
/// only if nobody else sends.
const SENT_MAX: usize = 32;

/// The next report is overdue after so many pauses between two: they come in bursts.
const OVERDUE_PAUSES: u64 = 3;

/// How much later than that it may come.
const REPORT_SLACK: Duration = Duration::from_millis(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::EPOCH + Duration::from_millis(ms)
    }

    /// Reports of a neighbour, with what it was sent by `SOURCES` neighbours, each as much as by us.
    fn trend(reports: &[(u64, u16)], sent: &[u64]) -> Trend {
        let mut trend = Trend::default();
        reports.iter().for_each(|(ms, rank)| trend.on_report(at(*ms), *rank));
        sent.iter().for_each(|ms| trend.on_sent(at(*ms)));
        trend
    }

    fn rank(trend: &Trend, now: u64) -> Option<u64> {
        trend.forecast(at(now), RTT, SOURCES).map(|forecast| forecast.rank)
    }

    const RTT: Duration = Duration::from_millis(100);
    const SOURCES: u32 = 4;

    #[test]
    fn what_came_in_the_last_round_trip_comes_in_the_next_if_all_go_on() {
        // 8 in 40 ms, and 100 ms to look ahead: 20, as four that send 5 each in 100 ms.
        let steady = trend(&[(0, 4), (20, 8), (40, 12)], &[0, 10, 20, 30, 40]);
        assert_eq!(rank(&steady, 40), Some(12 + 20));
        // The gain of 20 ms more, but nothing more from us.
        assert_eq!(rank(&steady, 60), Some(12 + (24 + 2 * 20) / 3));
    }

    #[test]
    fn who_holds_back_does_not_believe_that_others_go_on() {
        let quiet = trend(&[(200, 4), (220, 8), (240, 12)], &[10, 20, 30, 139]);
        assert_eq!(rank(&quiet, 240), Some(12 + 4 / 3), "all that was sent had arrived when it reported");
        let last = trend(&[(200, 4), (220, 8), (240, 12)], &[10, 20, 30, 140]);
        assert_eq!(rank(&last, 240), Some(12 + (3 * 4 + 2 * 4) / 3), "a gain of 20 is more");
    }

    #[test]
    fn reports_before_the_last_round_trip_do_not_count_while_there_are_newer() {
        let sent = [300, 310, 320, 330];
        assert_eq!(rank(&trend(&[(0, 1), (300, 2), (350, 7)], &sent), 350), Some(7 + (10 + 2 * 16) / 3));
        assert_eq!(rank(&trend(&[(0, 1), (300, 2)], &sent), 300), Some(2 + 2 * 16 / 3));
    }

    #[test]
    fn silence_and_a_fall_end_it() {
        let steady = trend(&[(0, 4), (20, 8)], &[]);
        let until = steady.forecast(at(20), RTT, SOURCES).map(|forecast| forecast.until);
        assert_eq!(until, Some(at(83)));
        assert_eq!(rank(&steady, 83), None);
        assert_eq!(rank(&trend(&[(0, 4), (20, 8), (30, 2)], &[]), 30), None);
        assert_eq!(rank(&trend(&[(0, 4)], &[]), 0), None);
    }

    #[test]
    fn a_neighbour_that_reports_or_takes_shards_without_end_costs_no_more() {
        let mut trend = Trend::default();
        (0..1000).for_each(|ms| {
            trend.on_report(at(u64::from(ms)), ms);
            trend.on_sent(at(u64::from(ms)));
        });
        assert_eq!((trend.reports.len(), trend.sent.len()), (REPORTS_MAX, SENT_MAX));
    }
}
