//! A calendar of buckets: events of about the same time lie together and are sorted when their time comes.
//!
//! Source of the idea: Brown, "Calendar Queues: A Fast O(1) Priority Queue Implementation for the Simulation Event
//! Set Problem", 1988. The width of the buckets is fixed, since the events of a network are of one kind of spacing.
//! Invariant: events before the end of the present bucket are in `current` or `late`, those of the next [`RING`]
//! buckets in `ring`, all others in `far`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use braidcast_protocol::Time;

use super::{Entry, pop_if};

#[derive(Debug)]
pub(super) struct Bucketed<T> {
    /// The number of the present bucket.
    bucket: u64,
    /// What was in the present bucket when its time came, soonest last.
    current: Vec<Entry<T>>,
    /// What was scheduled for it since then.
    late: BinaryHeap<Reverse<Entry<T>>>,
    /// The buckets that follow, each at its number modulo [`RING`].
    ring: Vec<Vec<Entry<T>>>,
    in_ring: usize,
    far: BinaryHeap<Reverse<Entry<T>>>,
    /// Emptied buckets whose memory is used again.
    spare: Vec<Vec<Entry<T>>>,
}

impl<T> Bucketed<T> {
    pub(super) fn new() -> Self {
        Self {
            bucket: 0,
            current: Vec::new(),
            late: BinaryHeap::new(),
            ring: std::iter::repeat_with(Vec::new).take(RING as usize).collect(),
            in_ring: 0,
            far: BinaryHeap::new(),
            spare: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, entry: Entry<T>) {
        let bucket = bucket_of(entry.at);
        if bucket <= self.bucket {
            self.late.push(Reverse(entry));
        } else if bucket - self.bucket < RING {
            self.put(bucket, entry);
        } else {
            self.far.push(Reverse(entry));
        }
    }

    pub(super) fn pop_due(&mut self, until: Time) -> Option<Entry<T>> {
        while self.current.is_empty() && self.late.is_empty() {
            // Buckets are opened only as far as asked, so that what is scheduled next does not all come late.
            let next = self.next_bucket().filter(|next| *next <= bucket_of(until))?;
            self.open(next);
        }
        let from_late = match (self.current.last(), self.late.peek()) {
            (Some(entry), Some(Reverse(late))) => late < entry,
            (entry, _) => entry.is_none(),
        };
        if from_late {
            pop_if(&mut self.late, |entry| entry.at <= until)
        } else {
            self.current.pop_if(|entry| entry.at <= until)
        }
    }

    fn put(&mut self, bucket: u64, entry: Entry<T>) {
        let slot = &mut self.ring[(bucket % RING) as usize];
        if slot.capacity() == 0 {
            *slot = self.spare.pop().unwrap_or_default();
        }
        slot.push(entry);
        self.in_ring += 1;
    }

    /// The next bucket in which there may be something.
    fn next_bucket(&self) -> Option<u64> {
        if self.in_ring > 0 {
            return Some(self.bucket + 1);
        }
        self.far.peek().map(|Reverse(entry)| bucket_of(entry.at))
    }

    /// Makes a bucket the present one: takes in what is no longer far, and sorts.
    fn open(&mut self, bucket: u64) {
        self.bucket = bucket;
        while let Some(entry) = pop_if(&mut self.far, |entry| bucket_of(entry.at) - bucket < RING) {
            self.put(bucket_of(entry.at), entry);
        }
        let mut events = std::mem::take(&mut self.ring[(bucket % RING) as usize]);
        self.in_ring -= events.len();
        events.sort_unstable_by(|a, b| b.cmp(a));
        let emptied = std::mem::replace(&mut self.current, events);
        if emptied.capacity() > 0 {
            self.spare.push(emptied);
        }
    }
}

const fn bucket_of(at: Time) -> u64 {
    at.as_nanos() >> WIDTH_BITS
}

/// A bucket is 2^17 ns long, 131 us: at ten thousand nodes about a thousand events.
const WIDTH_BITS: u32 = 17;

/// Buckets ahead: 1.07 s, longer than frames and heartbeats are under way.
const RING: u64 = 1 << 13;
