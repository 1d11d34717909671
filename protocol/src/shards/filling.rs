//! The links that are taking a shard, and how long to wait for one.
//!
//! All links share one uplink. If each were given a shard as soon as it has room, every shard would wait in the uplink
//! behind those of all other links, made from what we knew before it. So shards are given to one link after another.
//! But a link may be held up by something else, its own congestion window for one, while the uplink is idle. Then it
//! is the next one's turn. What "held up" means follows from the rate at which all links together took shards so far.

use core::time::Duration;

use smallvec::SmallVec;

use crate::links::Links;
use crate::{LinkId, Time};

/// Links that were given a shard and have not been ready since: at most one entry for each link.
#[derive(Debug, Default)]
pub(crate) struct Filling {
    taking: SmallVec<[Taking; 8]>,
    rate: Rate,
}

#[derive(Debug)]
struct Taking {
    link: LinkId,
    bytes: u64,
    /// When we wait for it no longer.
    until: Time,
}

impl Filling {
    /// Notes a shard of so many bytes for a link.
    pub(crate) fn start(&mut self, now: Time, link: LinkId, bytes: usize) {
        let bytes = bytes as u64;
        // A link with room for more than one shard has taken the one before.
        self.settle(now, |taking| taking.link == link);
        let until = now + self.rate.patience(bytes, self.taking.len());
        self.taking.push(Taking { link, bytes, until });
    }

    /// Until when to wait for a link that is taking a shard, if there is one.
    pub(crate) fn wait(&mut self, now: Time, links: &Links) -> Option<Time> {
        self.settle(now, |taking| links.has_room(taking.link));
        self.taking.iter().map(|taking| taking.until).filter(|until| *until > now).min()
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.taking.retain(|taking| taking.link != link);
    }

    /// Counts what was taken since, and the time for which at least one link was busy with it.
    fn settle(&mut self, now: Time, is_done: impl Fn(&Taking) -> bool) {
        let busy = !self.taking.is_empty();
        let mut bytes = 0;
        self.taking.retain(|taking| {
            let done = is_done(taking);
            bytes += if done { taking.bytes } else { 0 };
            !done
        });
        self.rate.note(now, busy, bytes);
    }
}

/// How fast all links together take shards, as far as is known.
#[derive(Debug, Default)]
struct Rate {
    /// The best lately, bytes a second; 0 while nothing is known.
    best: u64,
    /// Since it was measured last: how long shards were being taken, and how many bytes were.
    busy: Duration,
    bytes: u64,
    noted: Option<Time>,
}

impl Rate {
    /// `busy`: some link was taking a shard since the last note. `bytes`: what was taken.
    fn note(&mut self, now: Time, busy: bool, bytes: u64) {
        if let (true, Some(noted)) = (busy, self.noted) {
            self.busy = self.busy.saturating_add(now.since(noted));
        }
        self.noted = Some(now);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.busy < MEASURED || bytes == 0 {
            return;
        }
        let nanos = u64::try_from(self.busy.as_nanos()).unwrap_or(u64::MAX);
        let rate = self.bytes.saturating_mul(NANOS_PER_SECOND) / nanos;
        self.best = rate.max(self.best - self.best / FORGETTING);
        (self.busy, self.bytes) = (self.busy / 2, self.bytes / 2);
    }

    /// How long to wait for a link that takes so many bytes, while so many are waited for already. The more of them
    /// there are, the less likely it is that each is held up by something of its own.
    fn patience(&self, bytes: u64, waited_for: usize) -> Duration {
        let known =
            bytes.saturating_mul(2 * NANOS_PER_SECOND).checked_div(self.best).map(Duration::from_nanos);
        let unknown = || PATIENCE_MIN * (1 + waited_for as u32);
        known.unwrap_or_else(unknown).clamp(PATIENCE_MIN, PATIENCE_MAX)
    }
}

/// The rate is measured over so much time in which shards were being taken: then half of it is forgotten. What the
/// transport buffers is taken at once; over a longer time that counts for little.
const MEASURED: Duration = Duration::from_millis(100);

/// A tenth of the best rate is forgotten with each measurement that does not reach it.
const FORGETTING: u64 = 10;

/// How long a link is waited for at least, and while no rate is known: the time of a shard of 16 KiB at 33 Mbit/s.
const PATIENCE_MIN: Duration = Duration::from_millis(4);

/// The most: twice the time of a shard of 256 KiB (1 MiB in the documented four) at 17 Mbit/s.
const PATIENCE_MAX: Duration = Duration::from_millis(250);

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: usize = 16_384;

    fn at(millis: u64) -> Time {
        Time::EPOCH + Duration::from_millis(millis)
    }

    /// Shards that each take so long, one after another, beginning at a time; when they end.
    fn take(filling: &mut Filling, from: u64, shards: u64, millis: u64) -> u64 {
        for i in 0..shards {
            filling.start(at(from + i * millis), LinkId::new((i % 5) as u32), SHARD);
            filling.settle(at(from + (i + 1) * millis), |_| true);
        }
        from + shards * millis
    }

    fn patience(filling: &Filling) -> Duration {
        filling.rate.patience(SHARD as u64, 0)
    }

    #[test]
    fn a_link_is_waited_for_twice_as_long_as_a_shard_takes() {
        let mut filling = Filling::default();
        assert_eq!(patience(&filling), PATIENCE_MIN);
        let end = take(&mut filling, 0, 40, 8);
        let learned = patience(&filling);
        assert!(learned.abs_diff(Duration::from_millis(16)) < Duration::from_micros(10), "{learned:?}");
        take(&mut filling, end + 60_000, 20, 8);
        assert_eq!(patience(&filling), learned, "a pause says nothing of the uplink");
    }

    #[test]
    fn while_no_rate_is_known_each_further_link_is_waited_for_longer() {
        let waits = [0, 1, 2, 3, 99].map(|waited_for| Rate::default().patience(SHARD as u64, waited_for));
        assert_eq!(waits.map(|wait| wait.as_millis()), [4, 8, 12, 16, 250]);
    }

    #[test]
    fn patience_has_bounds() {
        let (mut quick, mut slow) = (Filling::default(), Filling::default());
        take(&mut quick, 0, 100, 1);
        take(&mut slow, 0, 100, 200);
        assert_eq!([patience(&quick), patience(&slow)], [PATIENCE_MIN, PATIENCE_MAX]);
    }

    #[test]
    fn links_that_are_held_up_make_it_no_longer_at_once_but_in_the_end() {
        let mut filling = Filling::default();
        let end = take(&mut filling, 0, 40, 4);
        let before = patience(&filling);
        let end = take(&mut filling, end, 2, 16);
        assert!(patience(&filling) < before * 5 / 4, "{:?}", patience(&filling));
        take(&mut filling, end, 50, 16);
        assert!(patience(&filling) > before * 2, "{:?}", patience(&filling));
    }

    #[test]
    fn several_links_at_once_are_one_uplink() {
        let mut filling = Filling::default();
        for i in 0..30 {
            (0..4).for_each(|link| filling.start(at(i * 16), LinkId::new(link), SHARD));
            filling.settle(at((i + 1) * 16), |_| true);
        }
        let learned = patience(&filling);
        assert!(learned.abs_diff(Duration::from_millis(8)) < Duration::from_micros(10), "{learned:?}");
    }
}
