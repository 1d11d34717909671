//! What no network can beat, to be printed beside what a run took.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::rng::nanos;

/// The least time in which one message can reach all nodes when every uplink has the same rate.
///
/// The message is `chunks` pieces, each sent whole before it can be passed on, over a complete graph in which
/// one node sends one piece at a time and a piece arrives `latency` after its last byte left. No piece but the last
/// can be everywhere before the last has left its source, so the time is that of the pieces before it and that in
/// which one piece spreads.
/// Source: Bar-Noy and Kipnis, "Designing Broadcasting Algorithms in the Postal Model for Message-Passing
/// Systems", 1994. The latency is not rounded to whole pieces, or the result would not bound real runs.
/// Rounded down to nanoseconds; `bytes_per_s` and `chunks` are taken as at least 1.
pub fn postal_bound(nodes: usize, bytes: u64, chunks: u64, bytes_per_s: u64, latency: Duration) -> Duration {
    if nodes <= 1 {
        return Duration::ZERO;
    }
    let (chunks, bytes_per_s) = (u128::from(chunks.max(1)), u128::from(bytes_per_s.max(1)));
    // Times in units of `1 / pace` nanoseconds, in which a chunk takes a whole number.
    let (chunk, pace) = (u128::from(bytes) * 1_000_000_000, chunks * bytes_per_s);
    if chunk == 0 {
        return latency;
    }
    let spread = spread_time(nodes as u128, chunk, u128::from(nanos(latency)) * pace);
    Duration::from_nanos((((chunks - 1) * chunk + spread) / pace) as u64)
}

/// The first time at which one piece can be at `nodes` nodes: who has it sends it on, `busy` for each copy, which
/// arrives `latency` later.
fn spread_time(nodes: u128, busy: u128, latency: u128) -> u128 {
    // At each time, how many receive it and how many begin to send a copy.
    let mut events = BTreeMap::from([(0, (1, 0))]);
    let mut reached = 0;
    while let Some((now, (received, free))) = events.pop_first() {
        reached += received;
        if reached >= nodes {
            return now;
        }
        let senders = received + free;
        events.entry(now + busy + latency).or_insert((0, 0)).0 += senders;
        events.entry(now + busy).or_insert((0, 0)).1 += senders;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mebibyte(nodes: usize, chunks: u64, latency_ms: u64) -> u128 {
        postal_bound(nodes, 1 << 20, chunks, 50_000_000 / 8, Duration::from_millis(latency_ms)).as_millis()
    }

    #[test]
    fn the_bound_is_what_the_closed_form_gives() {
        // By the closed form: C(i + j - 1, i) nodes receive a piece after j hops and i waits of one piece each.
        assert_eq!([mebibyte(1000, 64, 50), mebibyte(1000, 4, 50), mebibyte(16, 64, 25)], [354, 813, 223]);
    }

    #[test]
    fn without_latency_the_number_of_holders_doubles() {
        for (nodes, doublings) in [(2, 1), (3, 2), (4, 2), (1000, 10), (1024, 10), (1025, 11)] {
            let bound = postal_bound(nodes, 8000, 8, 1000, Duration::ZERO);
            assert_eq!(bound, Duration::from_secs(7 + doublings), "{nodes} nodes");
        }
    }

    #[test]
    fn the_publisher_alone_needs_no_time_and_an_empty_message_one_latency() {
        assert_eq!(mebibyte(1, 4, 50), 0);
        assert_eq!(postal_bound(10, 0, 4, 1000, Duration::from_millis(3)), Duration::from_millis(3));
    }
}
