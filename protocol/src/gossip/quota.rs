//! What each publisher said since the last heartbeat.
//!
//! Not in the specification: a valid signature proves who speaks, not that it may speak without end. It is the
//! publisher that is limited, not the link: relays pass on what others say.

use alloc::collections::BTreeMap;

use crate::{PeerId, PublisherSettings};

/// What each publisher said since the last heartbeat; empty without limits.
#[derive(Debug, Default)]
pub(super) struct Quotas(BTreeMap<PeerId, Said>);

/// Of one publisher.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    messages: u32,
    bytes: usize,
    /// For more than it may say.
    blamed: bool,
}

impl Quotas {
    /// Counts a message whose publisher was verified; whether it may be taken.
    pub(super) fn count(&mut self, limits: &PublisherSettings, publisher: &PeerId, bytes: usize) -> bool {
        let limited = limits.messages_max.is_some() || limits.bytes_max.is_some();
        if !limited || (self.0.len() >= PUBLISHERS_MAX && !self.0.contains_key(publisher)) {
            return true;
        }
        let said = self.0.entry(*publisher).or_default();
        let within = !said.is_spent(limits);
        if within {
            said.messages = said.messages.saturating_add(1);
            said.bytes = said.bytes.saturating_add(bytes);
        }
        within
    }

    /// A publisher itself brought what may not be taken; whether that is the first time since the last heartbeat.
    pub(super) fn is_first_excess(&mut self, publisher: &PeerId) -> bool {
        let said = self.0.entry(*publisher).or_default();
        !core::mem::replace(&mut said.blamed, true)
    }

    /// Whether nothing more is taken of a publisher.
    pub(super) fn is_spent(&self, limits: &PublisherSettings, publisher: &PeerId) -> bool {
        self.0.get(publisher).is_some_and(|said| said.is_spent(limits))
    }

    pub(super) fn heartbeat(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.0.len() <= PUBLISHERS_MAX
    }
}

impl Said {
    fn is_spent(&self, limits: &PublisherSettings) -> bool {
        limits.messages_max.is_some_and(|max| self.messages >= max)
            || limits.bytes_max.is_some_and(|max| self.bytes >= max)
    }
}

/// Publishers that are counted between two heartbeats; any others are not limited.
const PUBLISHERS_MAX: usize = 16_384;
