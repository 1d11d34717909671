//! What was delivered where and when, and what that amounts to.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::options::Plan;

/// Deliveries of all messages at all nodes.
#[derive(Debug)]
pub(crate) struct Tally {
    /// When each message was handed to its sidecar.
    published: Vec<Option<Instant>>,
    /// By message, then node: how long it took; `None` until it came.
    took: Vec<Vec<Option<Duration>>>,
    /// Payloads that were not what was published, by node.
    wrong: Vec<u64>,
    /// Messages that came again, by node.
    repeated: Vec<u64>,
}

/// What a devnet run prints with `--json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    mode: &'static str,
    transport: &'static str,
    nodes: usize,
    messages: usize,
    expected: usize,
    delivered: usize,
    corrupt: u64,
    repeated: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    bytes_sent: u64,
    overhead: f64,
}

impl Tally {
    /// Nothing published yet.
    pub(crate) fn new(messages: usize, nodes: usize) -> Self {
        Self {
            published: vec![None; messages],
            took: vec![vec![None; nodes]; messages],
            wrong: vec![0; nodes],
            repeated: vec![0; nodes],
        }
    }

    /// A message is handed over now.
    pub(crate) fn on_publish(&mut self, message: usize, at: Instant) {
        self.published[message] = Some(at);
    }

    /// A node has got a message, bit by bit as published.
    pub(crate) fn on_delivery(&mut self, message: usize, node: usize, at: Instant) {
        let took = &mut self.took[message][node];
        match self.published[message] {
            Some(start) if took.is_none() => *took = Some(at.saturating_duration_since(start)),
            Some(_) => self.repeated[node] += 1,
            None => self.wrong[node] += 1,
        }
    }

    /// A node has got something that nobody published.
    pub(crate) fn on_wrong(&mut self, node: usize) {
        self.wrong[node] += 1;
    }

    /// Whether every node has got messages `..count`.
    pub(crate) fn is_complete(&self, count: usize) -> bool {
        self.took[..count].iter().flatten().all(Option::is_some)
    }

    /// One line per node that missed something or got what it should not.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let nodes = self.wrong.len();
        let complain = |node: usize| {
            let missed = self.took.iter().filter(|by_node| by_node[node].is_none()).count();
            let (wrong, repeated) = (self.wrong[node], self.repeated[node]);
            let of = self.took.len();
            (missed > 0 || wrong > 0 || repeated > 0).then(|| {
                format!("node {node} missed {missed} of {of} messages, got {wrong} corrupt and {repeated} repeated")
            })
        };
        (0..nodes).filter_map(complain).collect()
    }

    /// The numbers of the run.
    pub(crate) fn summary(&self, plan: &Plan, bytes_sent: u64) -> Summary {
        let payload_bytes: usize = plan.load.map_or(0, |load| load.bytes * load.count);
        let mut all: Vec<_> = self.took.iter().flatten().flatten().copied().collect();
        all.sort_unstable();
        Summary {
            mode: plan.mode_name(),
            transport: plan.link.name(),
            nodes: plan.nodes,
            messages: self.took.len(),
            expected: self.took.len() * plan.nodes,
            delivered: all.len(),
            corrupt: self.wrong.iter().sum(),
            repeated: self.repeated.iter().sum(),
            p50_ms: percentile_ms(&all, 50),
            p99_ms: percentile_ms(&all, 99),
            max_ms: percentile_ms(&all, 100),
            bytes_sent,
            overhead: rounded(bytes_sent as f64 / (plan.nodes * payload_bytes).max(1) as f64),
        }
    }

    /// A table for people: one row per node, what took how long.
    pub(crate) fn table(&self) -> Vec<String> {
        let mut rows = vec![format!(
            "{:>5} {:>10} {:>10} {:>10} {:>10}",
            "node", "delivered", "p50 ms", "p99 ms", "max ms"
        )];
        for node in 0..self.wrong.len() {
            let mut took: Vec<_> = self.took.iter().filter_map(|by_node| by_node[node]).collect();
            took.sort_unstable();
            let [p50, p99, max] = [50, 99, 100].map(|percent| percentile_ms(&took, percent));
            rows.push(format!("{node:>5} {:>10} {p50:>10.3} {p99:>10.3} {max:>10.3}", took.len()));
        }
        rows
    }
}

impl Summary {
    /// The last line under the table.
    pub(crate) fn line(&self) -> String {
        format!(
            "{} of {} deliveries; p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms; {} bytes sent, {:.2} x the payload per node",
            self.delivered,
            self.expected,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.bytes_sent,
            self.overhead
        )
    }
}

/// The smallest value that `percent` of them do not exceed; 0 if there are none.
fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).map_or(0.0, |took| rounded(took.as_secs_f64() * 1e3))
}

/// To thousandths: more digits say nothing.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let took: Vec<_> = (1..=10).map(Duration::from_millis).collect();
        assert_eq!([50, 99, 100].map(|percent| percentile_ms(&took, percent)), [5.0, 10.0, 10.0]);
        assert_eq!(percentile_ms(&[], 50), 0.0);
        assert_eq!(percentile_ms(&took[..1], 99), 1.0);
    }

    #[test]
    fn what_is_missing_corrupt_or_repeated_is_said_by_node() {
        let start = Instant::now();
        let mut tally = Tally::new(2, 2);
        for message in 0..2 {
            tally.on_publish(message, start);
            tally.on_delivery(message, 0, start + Duration::from_millis(3));
        }
        tally.on_delivery(0, 1, start);
        assert!(tally.is_complete(1) && !tally.is_complete(2));
        assert_eq!(tally.complaints(), ["node 1 missed 1 of 2 messages, got 0 corrupt and 0 repeated"]);
        tally.on_delivery(1, 1, start);
        assert!(tally.is_complete(2) && tally.complaints().is_empty());
        tally.on_wrong(0);
        tally.on_delivery(1, 1, start);
        assert_eq!(tally.complaints().len(), 2);
    }
}
