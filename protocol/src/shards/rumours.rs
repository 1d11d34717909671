//! Reports of messages that we know nothing else of.
//!
//! A report may run ahead of the header, or it is all that we hear of a message that we missed. So a rumour waits a
//! little; if the header has not come by then, shards are asked for, of one neighbour at a time.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use smallvec::SmallVec;

use crate::rpc::Have;
use crate::{CodingId, LinkId, Time};

/// Messages rumoured at a time.
const RUMOURS_MAX: usize = 1024;

/// Neighbours remembered for one rumour.
const SOURCES_MAX: usize = 8;

/// How often a rumour is followed.
const TRIES_MAX: u8 = 3;

#[derive(Debug, Default)]
pub(crate) struct Rumours {
    rumours: BTreeMap<CodingId, Rumour>,
}

#[derive(Debug)]
struct Rumour {
    /// Their latest reports.
    sources: SmallVec<[(LinkId, Have); 2]>,
    /// When to ask.
    due: Time,
    tries: u8,
}

impl Rumours {
    /// Notes a report; when to look again.
    pub(crate) fn on_have(&mut self, link: LinkId, have: &Have, due: Time) -> Option<Time> {
        if self.rumours.len() >= RUMOURS_MAX && !self.rumours.contains_key(&have.message) {
            return None;
        }
        let rumour =
            self.rumours.entry(have.message).or_insert(Rumour { sources: SmallVec::new(), due, tries: 0 });
        let room = rumour.sources.len() < SOURCES_MAX;
        match rumour.sources.iter_mut().find(|(source, _)| *source == link) {
            Some((_, latest)) => *latest = *have,
            None if room => rumour.sources.push((link, *have)),
            None => {}
        }
        Some(rumour.due)
    }

    /// The message is known now: its reports.
    pub(crate) fn take(&mut self, id: &CodingId) -> SmallVec<[(LinkId, Have); 2]> {
        self.rumours.remove(id).map(|rumour| rumour.sources).unwrap_or_default()
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.rumours.retain(|_, rumour| {
            rumour.sources.retain(|(source, _)| *source != link);
            !rumour.sources.is_empty()
        });
    }

    /// Whom to ask for what now: the best reports, in turn.
    pub(crate) fn due(&mut self, now: Time, pause: Duration) -> Vec<(LinkId, Have)> {
        let mut asks = Vec::new();
        self.rumours.retain(|_, rumour| {
            if rumour.due > now {
                return true;
            }
            rumour.sources.sort_by_key(|(link, have)| (core::cmp::Reverse(have.rank), *link));
            if let Some(turn) = usize::from(rumour.tries).checked_rem(rumour.sources.len()) {
                asks.push(rumour.sources[turn]);
            }
            rumour.tries += 1;
            rumour.due = now + pause;
            rumour.tries <= TRIES_MAX
        });
        asks
    }

    /// When the next is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.rumours.values().map(|rumour| rumour.due).min()
    }

    pub(crate) fn is_bounded(&self) -> bool {
        let few = |rumour: &Rumour| (1..=SOURCES_MAX).contains(&rumour.sources.len());
        self.rumours.len() <= RUMOURS_MAX && self.rumours.values().all(few)
    }
}
