//! Large messages go out to a few neighbours at a time.
//!
//! Sending to all at once gives each a share of the uplink, so all have the message late and at the same time, when
//! none can help another. One after the other, the first can pass it on while the rest wait, and an IDONTWANT spares
//! the copies that have not begun.

use alloc::collections::BTreeSet;
use core::time::Duration;

use smallvec::SmallVec;

use crate::{LinkId, OutboxSettings, Time};

/// The links that are taking a message longer than their room.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Each until when others wait for it.
    taken: SmallVec<[(LinkId, Time); 4]>,
    /// Links that took too long: nobody waits for them until they have room again.
    slow: BTreeSet<LinkId>,
}

impl Turns {
    /// Whether a link can be sent a message now that is longer than its room.
    pub(crate) fn is_free(&self, id: LinkId, settings: &OutboxSettings) -> bool {
        self.taken.len() < settings.parallel_max || self.slow.contains(&id)
    }

    /// A link is sent more than it has room for.
    pub(crate) fn take(&mut self, now: Time, id: LinkId, bytes: usize, settings: &OutboxSettings) {
        if !self.slow.contains(&id) {
            self.taken.push((id, now + PATIENCE_MIN + settings.patience(bytes)));
        }
    }

    /// A link has room again, or is gone.
    pub(crate) fn give_back(&mut self, id: LinkId) {
        self.taken.retain(|(taker, _)| *taker != id);
        self.slow.remove(&id);
    }

    /// All links in it.
    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.taken.iter().map(|(id, _)| *id).chain(self.slow.iter().copied())
    }

    /// When the first of them has taken too long.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.taken.iter().map(|(_, until)| *until).min()
    }

    /// Those who took too long lose their turn.
    pub(crate) fn expire(&mut self, now: Time) {
        let Self { taken, slow } = self;
        taken.retain(|(id, until)| {
            let patient = *until > now;
            if !patient {
                slow.insert(*id);
            }
            patient
        });
    }
}

/// A round trip or two, in which a window opens.
const PATIENCE_MIN: Duration = Duration::from_millis(100);
