//! What no network can beat, to be printed beside what a run took.

use std::time::Duration;

use crate::rng::nanos;

/// The least time in which one message can reach all nodes when every uplink has the same rate.
///
/// The message is `chunks` pieces, each sent whole before it can be passed on, over a complete graph in which
/// one node sends one piece at a time and a piece arrives `latency` after its last byte left.
/// Source: Bar-Noy and Kipnis, "Designing Broadcasting Algorithms in the Postal Model for Message-Passing
/// Systems", 1994. Rounded down to nanoseconds; `bytes_per_s` and `chunks` are taken as at least 1.
pub fn postal_bound(nodes: usize, bytes: u64, chunks: u64, bytes_per_s: u64, latency: Duration) -> Duration {
    if nodes <= 1 {
        return Duration::ZERO;
    }
    let (chunks, bytes_per_s) = (u128::from(chunks.max(1)), u128::from(bytes_per_s.max(1)));
    // One chunk takes `spent / pace` nanoseconds.
    let (spent, pace) = (u128::from(bytes) * 1_000_000_000, chunks * bytes_per_s);
    if spent == 0 {
        return latency;
    }
    let lag = (u128::from(nanos(latency)) * pace).div_ceil(spent) as usize;
    let steps = chunks - 1 + spread_steps(nodes as u64, lag + 1);
    Duration::from_nanos((steps * spent / pace) as u64)
}

/// `f(N)`: the first step by which one piece can have reached `nodes` nodes, when it takes `lambda` steps per hop.
fn spread_steps(nodes: u64, lambda: usize) -> u128 {
    let mut reached = vec![1; lambda];
    while reached[reached.len() - 1] < nodes {
        let step = reached.len();
        reached.push(reached[step - 1] + reached[step - lambda]);
    }
    reached.len() as u128 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mebibyte(nodes: usize, chunks: u64, latency_ms: u64) -> u128 {
        postal_bound(nodes, 1 << 20, chunks, 50_000_000 / 8, Duration::from_millis(latency_ms)).as_millis()
    }

    #[test]
    fn the_bound_has_the_published_values() {
        // The table of the coded mode's design, rounded there.
        assert_eq!(mebibyte(1000, 64, 50), 361);
        assert_eq!(mebibyte(1000, 4, 50), 964);
        assert_eq!(mebibyte(16, 64, 25), 225);
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
