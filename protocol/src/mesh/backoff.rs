//! How long a pruned peer stays out of a mesh.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::{PeerId, Time, Topic};

/// When peers may be grafted again. By peer, so that a reconnect does not lift it.
///
/// Spec: gossipsub v1.1 "Prune backoff".
#[derive(Debug, Default)]
pub(super) struct Backoffs(BTreeMap<(Topic, PeerId), Backoff>);

/// A running backoff.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Backoff {
    /// When it began, or began anew.
    pub(super) since: Time,
    pub(super) until: Time,
}

impl Backoffs {
    /// Begins one, or begins it anew: a later end is never shortened. When too many are kept, the one that ends first
    /// makes room.
    pub(super) fn begin(&mut self, now: Time, length: Duration, topic: &Topic, peer: PeerId) {
        if self.0.len() >= BACKOFFS_MAX && !self.0.contains_key(&(topic.clone(), peer)) {
            let first = self.0.iter().min_by_key(|(_, backoff)| backoff.until).map(|(key, _)| key.clone());
            first.and_then(|key| self.0.remove(&key));
        }
        let until = now + length;
        let backoff = self.0.entry((topic.clone(), peer)).or_insert(Backoff { since: now, until });
        *backoff = Backoff { since: now, until: backoff.until.max(until) };
    }

    /// The one that runs: the peer may not graft us.
    pub(super) fn running(&self, now: Time, topic: &Topic, peer: &PeerId) -> Option<Backoff> {
        self.0.get(&(topic.clone(), *peer)).copied().filter(|backoff| backoff.until > now)
    }

    /// Whether we may not graft the peer: for `slack` longer, since its clock began later than ours.
    pub(super) fn holds(&self, now: Time, slack: Duration, topic: &Topic, peer: &PeerId) -> bool {
        self.0.get(&(topic.clone(), *peer)).is_some_and(|backoff| backoff.until + slack > now)
    }

    /// Forgets those that are over.
    pub(super) fn expire(&mut self, now: Time, slack: Duration) {
        self.0.retain(|_, backoff| backoff.until + slack > now);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.0.len() <= BACKOFFS_MAX
    }

    pub(super) fn fold_into(&self, hash: &mut crate::TraceHash) {
        use crate::Fold;
        self.0.fold_into(hash);
    }
}

/// Backoffs kept at a time: peers with ever new ids must not fill the memory.
const BACKOFFS_MAX: usize = 16_384;
