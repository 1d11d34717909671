//! Long messages that are coming in: one on each link, since a link carries one frame after another.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::{LinkId, MessageId, Time, Topic};

/// Arrivals by link.
#[derive(Debug, Default)]
pub(super) struct Arrivals(BTreeMap<LinkId, Arrival>);

/// A message whose beginning has come.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: MessageId,
    pub(crate) topic: Topic,
    /// When the rest is overdue.
    pub(crate) until: Time,
}

impl Arrivals {
    /// A message begins. Gives the one before it on the link, whose rest never came.
    pub(super) fn begin(&mut self, link: LinkId, arrival: Arrival) -> Option<Arrival> {
        self.0.insert(link, arrival)
    }

    /// A message came; whether its beginning was noticed on this link.
    pub(super) fn finish(&mut self, link: LinkId, id: &MessageId) -> bool {
        let noticed = self.is_from(link, id);
        if noticed {
            self.0.remove(&link);
        }
        noticed
    }

    /// The link is gone, or what it sends is overdue.
    pub(super) fn remove(&mut self, link: LinkId) -> Option<Arrival> {
        self.0.remove(&link)
    }

    pub(super) fn contains(&self, id: &MessageId) -> bool {
        self.0.values().any(|arrival| arrival.id == *id)
    }

    /// Links whose message should be here by now.
    pub(super) fn overdue(&self, now: Time) -> Vec<LinkId> {
        self.0.iter().filter(|(_, arrival)| arrival.until <= now).map(|(link, _)| *link).collect()
    }

    fn is_from(&self, link: LinkId, id: &MessageId) -> bool {
        self.0.get(&link).is_some_and(|arrival| arrival.id == *id)
    }

    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.0.keys().copied()
    }
}
