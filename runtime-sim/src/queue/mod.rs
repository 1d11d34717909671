//! The event queue: a total order of time, then of the order in which events were scheduled.
//!
//! Two implementations of one order, so that each can be checked with the other.

mod bucketed;

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use braidcast_protocol::Time;

use self::bucketed::Bucketed;

/// Which event queue a network uses. Both give the same run.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Queue {
    /// Events in buckets of time: nearly constant time for each.
    #[default]
    Bucketed,
    /// One binary heap: the reference that the other is checked with.
    Reference,
}

/// What is to happen, soonest first; at one time in the order of scheduling.
#[derive(Debug)]
pub(crate) struct Schedule<T> {
    scheduled: u64,
    events: Events<T>,
}

#[derive(Debug)]
enum Events<T> {
    Bucketed(Bucketed<T>),
    Reference(BinaryHeap<Reverse<Entry<T>>>),
}

impl<T> Schedule<T> {
    pub(crate) fn new(queue: Queue) -> Self {
        let events = match queue {
            Queue::Bucketed => Events::Bucketed(Bucketed::new()),
            Queue::Reference => Events::Reference(BinaryHeap::new()),
        };
        Self { scheduled: 0, events }
    }

    pub(crate) fn push(&mut self, at: Time, what: T) {
        let entry = Entry { at, number: self.scheduled, what };
        self.scheduled += 1;
        match &mut self.events {
            Events::Bucketed(buckets) => buckets.push(entry),
            Events::Reference(heap) => heap.push(Reverse(entry)),
        }
    }

    /// Takes the next event, if it is due by `until`.
    pub(crate) fn pop_due(&mut self, until: Time) -> Option<(Time, T)> {
        let entry = match &mut self.events {
            Events::Bucketed(buckets) => buckets.pop_due(until)?,
            Events::Reference(heap) => pop_if(heap, |entry| entry.at <= until)?,
        };
        Some((entry.at, entry.what))
    }
}

/// Takes the first entry of a heap if `take` says so.
fn pop_if<T>(
    heap: &mut BinaryHeap<Reverse<Entry<T>>>,
    take: impl FnOnce(&Entry<T>) -> bool,
) -> Option<Entry<T>> {
    if heap.peek().is_some_and(|Reverse(entry)| take(entry)) {
        return heap.pop().map(|Reverse(entry)| entry);
    }
    None
}

#[derive(Debug)]
struct Entry<T> {
    at: Time,
    number: u64,
    what: T,
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Concern, Draws};
    use braidcast_protocol::Seed;

    #[test]
    fn events_come_by_time_and_then_as_scheduled() {
        for kind in [Queue::Bucketed, Queue::Reference] {
            let mut queue = Schedule::new(kind);
            for (nanos, what) in [(5, 'c'), (1, 'a'), (5, 'd'), (1, 'b'), (5, 'e')] {
                queue.push(Time::from_nanos(nanos), what);
            }
            assert!(queue.pop_due(Time::EPOCH).is_none());
            let end = Time::from_nanos(9);
            let order: String = std::iter::from_fn(|| queue.pop_due(end)).map(|(_, what)| what).collect();
            assert_eq!(order, "abcde", "{kind:?}");
        }
    }

    /// Bursts, gaps of hours, and events scheduled for the present while it happens.
    #[test]
    fn both_queues_give_one_order() {
        let mut draws = Draws::new(&Seed::from_number(1), Concern::Topology);
        let (mut bucketed, mut reference) = (Schedule::new(Queue::Bucketed), Schedule::new(Queue::Reference));
        let mut now = 0;
        for what in 0..20_000 {
            let span = [1, 1_000, 200_000, 50_000_000, 1 << 31, 1 << 43][draws.below(6) as usize];
            let at = Time::from_nanos(now + draws.below(span));
            bucketed.push(at, what);
            reference.push(at, what);
            while draws.below(100) < 49 {
                let until = Time::from_nanos(now + draws.below(1 << 40));
                let next = reference.pop_due(until);
                assert_eq!(bucketed.pop_due(until), next);
                let Some((at, _)) = next else { break };
                now = at.as_nanos();
            }
        }
        let end = Time::from_nanos(u64::MAX);
        while let Some(next) = reference.pop_due(end) {
            assert_eq!(bucketed.pop_due(end), Some(next));
        }
        assert_eq!(bucketed.pop_due(end), None);
    }
}
