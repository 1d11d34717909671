//! A bounded memory of keys that peers choose, each kept for a while.
//!
//! Spec: gossipsub v1.0 "Message Cache", the seen cache. Deviation: it is bounded in number, too.

use alloc::collections::VecDeque;
use core::hash::Hash;
use core::time::Duration;

use foldhash::quality::FixedState;
use hashbrown::HashMap;

use crate::Time;

/// Keys with a value, forgotten after a time or when there are too many, oldest first.
///
/// The map is only looked up; whatever needs an order goes through the queue.
#[derive(Debug)]
pub(crate) struct Seen<K, V> {
    map: HashMap<K, V, FixedState>,
    order: VecDeque<(Time, K)>,
    ttl: Duration,
    max: usize,
}

impl<K: Clone + Eq + Hash, V> Seen<K, V> {
    /// `key` keeps remote peers from choosing colliding keys.
    pub(crate) fn new(key: u64, ttl: Duration, max: usize) -> Self {
        Self { map: HashMap::with_hasher(FixedState::with_seed(key)), order: VecDeque::new(), ttl, max }
    }

    pub(crate) fn contains(&self, key: &K) -> bool {
        self.map.contains_key(key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.map.get(key)
    }

    /// Remembers a key; `false` when it was known, whose value and time then stay.
    pub(crate) fn insert(&mut self, now: Time, key: K, value: V) -> bool {
        if self.map.contains_key(&key) {
            return false;
        }
        if self.order.len() >= self.max
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.map.remove(&oldest);
        }
        self.order.push_back((now + self.ttl, key.clone()));
        self.map.insert(key, value);
        true
    }

    /// Forgets what is too old.
    pub(crate) fn expire(&mut self, now: Time) {
        while let Some((_, key)) = self.order.pop_front_if(|(until, _)| *until <= now) {
            self.map.remove(&key);
        }
    }

    /// The keys, oldest first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.order.iter().map(|(_, key)| key)
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether map and queue agree and are within the bound.
    pub(crate) fn is_sound(&self) -> bool {
        self.map.len() == self.order.len() && self.order.len() <= self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_leave_by_age_and_by_number() {
        let mut seen = Seen::new(7, Duration::from_secs(10), 2);
        let at = |seconds| Time::EPOCH + Duration::from_secs(seconds);
        assert!(seen.insert(at(0), 1, ()));
        assert!(!seen.insert(at(5), 1, ()));
        assert!(seen.insert(at(6), 2, ()));
        assert!(seen.insert(at(7), 3, ()));
        assert!(!seen.contains(&1), "the oldest leaves for the third");
        seen.expire(at(16));
        assert_eq!(seen.keys().copied().collect::<alloc::vec::Vec<_>>(), [3]);
        assert!(seen.is_sound());
    }
}
