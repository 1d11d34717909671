//! Peers that were dropped and may not come back yet, or that nothing is taken from. Not in the specification, which
//! closes no links.

use alloc::collections::BTreeMap;

use crate::{PeerId, Time};

/// Peers refused at a time; beyond it the one whose time is up first may come back early.
pub(super) const REFUSED_MAX: usize = 1024;

#[derive(Clone, Hash, Default, Debug)]
pub(super) struct Refused(BTreeMap<PeerId, Time>);

impl Refused {
    pub(super) fn insert(&mut self, peer: PeerId, until: Time) {
        if self.0.len() >= REFUSED_MAX && !self.0.contains_key(&peer) {
            let first = self.0.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer);
            first.and_then(|peer| self.0.remove(&peer));
        }
        self.0.insert(peer, until);
    }

    pub(super) fn contains(&self, peer: &PeerId, now: Time) -> bool {
        self.0.get(peer).is_some_and(|until| *until > now)
    }

    /// Whether it stands on the list, its time being up or not.
    pub(super) fn is_listed(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    pub(super) fn expire(&mut self, now: Time) {
        self.0.retain(|_, until| *until > now);
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.0.len() <= REFUSED_MAX
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn the_list_is_bounded_and_expires() {
        let peer = |number: usize| PeerId::from_bytes(&number.to_be_bytes()).unwrap();
        let at = |seconds: usize| Time::EPOCH + Duration::from_secs(seconds as u64);
        let mut refused = Refused::default();
        (0..REFUSED_MAX + 1).for_each(|number| refused.insert(peer(number), at(10 + number)));
        assert!(refused.is_bounded());
        assert!(!refused.contains(&peer(0), at(0)), "the first to end made room");
        assert!(refused.contains(&peer(1), at(10)));
        assert!(!refused.contains(&peer(1), at(11)));
        refused.expire(at(REFUSED_MAX + 10));
        assert!(refused.0.is_empty());
    }
}
