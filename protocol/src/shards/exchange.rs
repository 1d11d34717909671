//! What passed between us and one neighbour about one message.

use smallvec::SmallVec;

use super::spread::IndexSet;
use super::terms::Terms;
use super::trend::Trend;
use crate::Time;
use crate::rpc::{Have, Want};

/// The state of one message on one link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    /// We sent the header.
    pub(crate) header_sent: bool,
    /// The neighbour sent the header.
    pub(crate) announced: bool,
    /// The neighbour showed that it knows the message.
    pub(crate) known: bool,
    /// It has the list of hashes: we sent it, or it did.
    pub(crate) has_list: bool,
    /// It needs that list: it said so, or asked for shards by name.
    pub(crate) needs_list: bool,
    /// It was told that we need the list.
    pub(crate) told_need: bool,
    push: Push,
    /// Shards we sent.
    pub(crate) sent: u16,
    /// Innovative shards it sent.
    pub(crate) received: u16,
    /// All shards it sent.
    pub(crate) offered: u16,
    /// Shards straight from the publisher that were passed on to it: bit *i* is the place *i*.
    pub(crate) passed: u64,
    /// Usable shards when it was sent a combination last.
    pub(crate) mixed: u16,
    /// It was asked for shards to be checked.
    pub(crate) audited: bool,
    /// Its own report.
    pub(crate) reported: Option<Report>,
    /// Its reports in time.
    pub(crate) trend: Trend,
    /// Nothing is pushed to it before, as it has not reported and was sent more than others.
    pub(crate) silent_until: Option<Time>,
    /// How many neighbours push to it, as it says; 0 while it has not.
    pub(crate) sources: u16,
    /// It has the message.
    pub(crate) done: bool,
    /// Shards it asked for and has not been sent.
    pub(crate) wanted: u16,
    /// Canonical shards it asked for by index.
    pub(crate) wanted_indices: SmallVec<[u8; 16]>,
    /// Shards sent because it asked, over the message's life.
    pub(crate) pulled: u16,
    /// Canonical shards that it is known to have: it said so, it sent them, or we did.
    pub(crate) holds: IndexSet,
    /// The rank that we reported last.
    pub(crate) told: Option<u16>,
}

/// Whether shards are sent to a neighbour that did not ask.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Push {
    /// It came after we had decoded: it is told of the message and asks if it lacks it.
    #[default]
    No,
    /// While it is in the mesh.
    InMesh,
    /// While it is in the topic.
    OutsideMesh,
}

/// A neighbour's report of its rank.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    pub(crate) rank: u16,
    /// Shards we sent since.
    pub(crate) sent_since: u16,
}

impl Exchange {
    /// With a neighbour to whom shards are pushed.
    pub(crate) fn pushing() -> Self {
        Self { push: Push::InMesh, ..Self::default() }
    }

    /// The same with one that is not in the mesh.
    pub(crate) fn pushing_outside_mesh() -> Self {
        Self { push: Push::OutsideMesh, ..Self::default() }
    }

    /// The neighbour pushes to us over a link outside the mesh.
    pub(crate) fn push_outside_mesh(&mut self) {
        if self.push == Push::No {
            self.push = Push::OutsideMesh;
        }
    }

    /// The neighbour entered the mesh.
    pub(crate) fn push_in_mesh(&mut self) {
        self.push = Push::InMesh;
    }

    /// Whether it is, or was when the message came, one of those that shards are pushed to.
    pub(crate) fn pushes(&self) -> bool {
        self.push != Push::No
    }

    /// Whether shards are pushed to it now.
    pub(crate) fn is_pushed_to(&self, terms: Terms) -> bool {
        match self.push {
            Push::No => false,
            Push::InMesh => terms.eager,
            Push::OutsideMesh => terms.wide,
        }
    }

    /// The neighbour sent the header. Its publisher has the message: what it were sent would only fill its line.
    pub(crate) const fn on_header(&mut self, publisher: bool) {
        (self.known, self.announced) = (true, true);
        self.done |= publisher;
    }

    /// Takes a report.
    pub(crate) fn on_have(&mut self, now: Time, have: &Have, k: u16) {
        self.known = true;
        self.trend.on_report(now, have.rank);
        self.needs_list |= have.checks;
        self.sources = if have.sources > 0 { have.sources } else { self.sources };
        self.done = have.rank >= k;
        self.reported = Some(Report { rank: have.rank, sent_since: 0 });
        self.silent_until = None;
        self.holds.insert_low(have.verified);
        if self.done {
            self.wanted = 0;
            self.wanted_indices.clear();
        }
    }

    /// Takes a request. What one neighbour can pull of a message is bounded: four times what it needs.
    pub(crate) fn on_want(&mut self, want: &Want, k: u16) {
        let left = (4 * k).saturating_sub(self.pulled);
        // Who has the message and asks by name wants to see whether we do what we should, and nothing else.
        self.done &= !want.indices.is_empty();
        self.wanted = want.count.min(k).min(left);
        self.wanted_indices = want.indices.clone();
        self.wanted_indices.truncate(usize::from(self.wanted));
        // It asks by name for what it lacks, whatever passed before: it may lack the hashes, too.
        self.needs_list |= !want.indices.is_empty();
        self.has_list &= want.indices.is_empty();
        want.indices.iter().for_each(|index| self.holds.remove(u16::from(*index)));
    }

    /// Counts a shard that goes out.
    pub(crate) fn on_sent(&mut self, now: Time) {
        self.trend.on_sent(now);
        self.sent = self.sent.saturating_add(1);
        if let Some(report) = &mut self.reported {
            report.sent_since = report.sent_since.saturating_add(1);
        }
        if self.wanted > 0 {
            self.wanted -= 1;
            self.pulled = self.pulled.saturating_add(1);
        }
    }

    /// Shards held were thrown away: what we knew by their places is void.
    pub(crate) const fn on_thrown_out(&mut self) {
        (self.passed, self.mixed) = (0, 0);
    }

    /// The exchange bound: whether a combination of `usable` dimensions can still be innovative to the neighbour.
    ///
    /// What we sent and what it sent is known to both, and fresh combinations rarely depend on each other. Once they
    /// fill our space it knows all we know, unless its own report shows a lower rank than that.
    pub(crate) fn can_use(&self, usable: u16) -> bool {
        if self.sent.saturating_add(self.offered) < usable {
            return true;
        }
        self.reported.is_some_and(|report| report.rank.saturating_add(report.sent_since) < usable)
    }

    /// Whether it sent a header and never a shard: no honest node does.
    pub(crate) const fn is_empty_promise(&self) -> bool {
        self.announced && self.offered == 0
    }

    /// A lower estimate of the neighbour's rank.
    pub(crate) fn estimate(&self) -> u16 {
        let reported = self.reported.map_or(0, |report| report.rank);
        self.sent.saturating_add(self.received).max(reported)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn have(rank: u16) -> Have {
        Have {
            message: crate::CodingId::from_bytes([0; 32]),
            rank,
            verified: 0b10,
            sources: 0,
            checks: false,
            doubts: false,
        }
    }

    #[test]
    fn the_exchange_bound_stops_at_the_rank_unless_a_report_shows_room() {
        let mut exchange = Exchange { sent: 2, offered: 1, ..Exchange::default() };
        assert!(exchange.can_use(4));
        assert!(!exchange.can_use(3));
        exchange.on_have(Time::EPOCH, &have(2), 4);
        assert!(exchange.can_use(3), "it reported rank 2 after all that");
        exchange.on_sent(Time::EPOCH);
        assert!(!exchange.can_use(3), "the shard on its way may be the third");
    }

    #[test]
    fn a_report_of_full_rank_ends_every_request() {
        let mut exchange = Exchange::default();
        let want = Want { message: have(0).message, count: 9, indices: SmallVec::from_slice(&[1, 2]) };
        exchange.on_want(&want, 4);
        assert_eq!((exchange.wanted, exchange.done), (4, false));
        exchange.on_have(Time::EPOCH, &have(4), 4);
        assert_eq!((exchange.wanted, exchange.done, exchange.holds.contains(1)), (0, true, true));
    }

    #[test]
    fn what_one_neighbour_can_pull_is_bounded() {
        let mut exchange = Exchange::default();
        let want = Want { message: have(0).message, count: 4, indices: SmallVec::new() };
        for _ in 0..100 {
            exchange.on_want(&want, 4);
            while exchange.wanted > 0 {
                exchange.on_sent(Time::EPOCH);
            }
        }
        assert_eq!(exchange.sent, 16);
    }
}
