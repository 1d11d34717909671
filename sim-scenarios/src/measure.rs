//! From a run that is over to its figures.

use std::collections::BTreeMap;
use std::time::Duration;

use braidcast_runtime_sim::{Distribution, Latency, Network, NodeStats, Published, postal_bound};

use crate::result::{Bounds, DeliveryRow, MessageResult, RunResult, SCHEMA, SHARES, Traffic};
use crate::run::Run;

/// Counters at the first publication: what went before is no part of the result.
pub(crate) struct Before(Vec<NodeStats>);

impl Before {
    pub(crate) fn take(network: &Network) -> Self {
        Self((0..network.nodes()).map(|node| network.stats(node)).collect())
    }
}

pub(crate) fn measure(run: &Run<'_>, before: &Before) -> (RunResult, Vec<DeliveryRow>) {
    let (scenario, network) = (run.scenario, &run.network);
    let counts = |node: &usize| network.is_up(*node) && !network.is_adversary(*node);
    let up: Vec<usize> = (0..network.nodes()).filter(counts).collect();
    let mut deliveries = Vec::new();
    let mut published = Vec::new();
    let mut pooled = Vec::new();
    for (index, message) in run.messages.iter().filter_map(|id| network.published(id)).enumerate() {
        let first = first_deliveries(index, message);
        published.push(message_result(message, &first, &up));
        let times = up.iter().filter(|node| **node != message.publisher);
        pooled.extend(times.map(|node| first.get(node).map(|row| row.ms)));
        deliveries.extend(first.into_values());
    }
    let (wanted, delivered) =
        published.iter().fold((0, 0), |(wanted, got), it| (wanted + it.wanted, got + it.delivered));
    let traffic = traffic(run, before);
    let payload = scenario.workload.message_bytes as f64 * run.messages.len().max(1) as f64;
    let per_node = |bytes: u64| bytes as f64 / (payload * network.nodes() as f64);
    let received = since(run, before, |stats| stats.data_bytes_received + stats.control_bytes_received);
    let [t50_ms, t95_ms, t99_ms, t100_ms] = [0, 1, 2, 3].map(|share| mean_time(&published, share));
    let bounds = bounds(run);
    let tightest = bounds.postal_ms.into_iter().chain(bounds.heterogeneous_ms).map(|bound| bound[3]);
    let bound_ms = tightest.max_by(f64::total_cmp).filter(|bound| *bound > 0.0);
    let (hops_mean, hops_max) = hops(run);
    let result = RunResult {
        schema: SCHEMA,
        scenario: scenario.name.clone(),
        point: BTreeMap::new(),
        seed: run.seed,
        nodes: network.nodes(),
        messages: run.messages.len(),
        unpublished: run.unpublished,
        message_bytes: scenario.workload.message_bytes,
        chunks: scenario.workload.chunks,
        delivery: if wanted == 0 { 1.0 } else { delivered as f64 / wanted as f64 },
        t50_ms,
        t95_ms,
        t99_ms,
        t100_ms,
        bound_ms,
        ratio: t100_ms.zip(bound_ms).map(|(time, bound)| time / bound),
        rx_x: per_node(received),
        tx_x: per_node(traffic.data_bytes + traffic.control_bytes),
        duplicates: duplicates(run, before),
        hops_mean,
        hops_max,
        trace_hash: format!("{:032x}", network.trace_hash()),
        delivery_hash: format!("{:032x}", network.delivery_hash()),
        events: network.events(),
        wall_s: run.started.elapsed().as_secs_f64(),
        peak_rss_mib: peak_rss_mib(),
        bounds,
        traffic,
        delivery_ms: percentiles(pooled),
        defence: scenario.judges().then(|| run.intrusion.finish(network)),
        published,
        checkpoints: run.checkpoints.clone(),
        config: scenario.config_json().clone(),
    };
    (result, deliveries)
}

/// The first delivery at each node, whatever its life.
fn first_deliveries(index: usize, message: &Published) -> BTreeMap<usize, DeliveryRow> {
    let mut first = BTreeMap::new();
    for delivery in &message.deliveries {
        let ms = millis(delivery.at.since(message.at));
        let row = DeliveryRow { message: index, node: delivery.node, ms, life: delivery.life };
        first.entry(delivery.node).or_insert(row);
    }
    first
}

fn message_result(message: &Published, first: &BTreeMap<usize, DeliveryRow>, up: &[usize]) -> MessageResult {
    let mut times: Vec<f64> = up.iter().filter_map(|node| first.get(node)).map(|row| row.ms).collect();
    times.sort_by(f64::total_cmp);
    let time_to = |share: usize| {
        let rank = (up.len() * share).div_ceil(100).max(1);
        times.get(rank - 1).copied()
    };
    let others = up.iter().filter(|node| **node != message.publisher);
    MessageResult {
        publisher: message.publisher,
        at_ms: message.at.as_nanos() as f64 / 1e6,
        delivered: others.clone().filter(|node| first.contains_key(node)).count(),
        wanted: others.count(),
        times_ms: SHARES.map(time_to),
    }
}

fn mean_time(published: &[MessageResult], share: usize) -> Option<f64> {
    let times: Vec<f64> = published.iter().map(|message| message.times_ms[share]).collect::<Option<_>>()?;
    (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64)
}

/// A counter of all nodes since the first publication.
fn since(run: &Run<'_>, before: &Before, of: fn(&NodeStats) -> u64) -> u64 {
    run.stats().zip(&before.0).map(|(now, then)| of(&now) - of(then)).sum()
}

fn traffic(run: &Run<'_>, before: &Before) -> Traffic {
    let since = |of| since(run, before, of);
    let queues: Vec<u64> = run.stats().map(|stats| stats.queue_bytes_max).collect();
    Traffic {
        data_frames: since(|stats| stats.data_frames),
        data_bytes: since(|stats| stats.data_bytes),
        control_frames: since(|stats| stats.control_frames),
        control_bytes: since(|stats| stats.control_bytes),
        useless_shards: since(|stats| stats.useless_shards),
        invalid_shards: since(|stats| stats.invalid_shards),
        duplicate_messages: since(|stats| stats.duplicate_messages),
        dropped_messages: since(|stats| stats.dropped_messages),
        held_bytes_max: run.stats().map(|stats| stats.held_bytes_max).max().unwrap_or(0),
        retransmissions: since(|stats| stats.retransmissions),
        refused_frames: since(|stats| stats.refused_frames),
        downlink_bytes_max: run.stats().map(|stats| stats.downlink_bytes_max).max().unwrap_or(0),
        queue_bytes_max: queues.iter().copied().max().unwrap_or(0),
        queue_bytes_mean: queues.iter().sum::<u64>() as f64 / queues.len() as f64,
    }
}

fn duplicates(run: &Run<'_>, before: &Before) -> f64 {
    let bodies: u64 = run
        .stats()
        .zip(&before.0)
        .map(|(now, then)| now.body_bytes_received - then.body_bytes_received)
        .sum();
    let once = run.scenario.workload.real_bytes * run.messages.len() * (run.network.nodes() - 1);
    if once == 0 { 0.0 } else { (bodies as f64 / once as f64 - 1.0).max(0.0) }
}

/// Hops of all nodes that were sent anything, but the publishers.
fn hops(run: &Run<'_>) -> (f64, u16) {
    let published = run.messages.iter().filter_map(|id| run.network.published(id));
    let of = |message: &Published| -> Vec<u16> {
        (0..run.network.nodes()).filter_map(|node| message.hops(node)).filter(|hops| *hops > 0).collect()
    };
    let all: Vec<u16> = published.flat_map(of).collect();
    let sum: u64 = all.iter().map(|hops| u64::from(*hops)).sum();
    (sum as f64 / all.len().max(1) as f64, all.into_iter().max().unwrap_or(0))
}

/// The bounds of a run; a latency that differs between pairs counts with its least in the postal model.
fn bounds(run: &Run<'_>) -> Bounds {
    let (network, workload) = (&run.network, &run.scenario.workload);
    let (all, bytes, chunks) = (network.nodes(), workload.message_bytes, workload.chunks);
    // Deliveries to adversaries do not count.
    let nodes = (0..all).filter(|node| !network.is_adversary(*node)).count();
    let latency = least(&run.scenario.network.latency);
    let first = run.messages.first();
    let heterogeneous = first.map(|id| {
        SHARES.map(|share| network.bounds(id, share * nodes / all).map_or(0.0, |it| millis(it.heterogeneous)))
    });
    let unlimited = Bounds {
        fluid_ms: None,
        postal_ms: None,
        postal_curve_ms: Vec::new(),
        heterogeneous_ms: heterogeneous,
        whole_ms: None,
    };
    let Some(rate) = run.scenario.network.lines.uplink else { return unlimited };
    let reaching = |nodes, chunks| millis(postal_bound(nodes, bytes, chunks, rate, latency));
    let postal = |share: usize, chunks| reaching((nodes * share).div_ceil(100), chunks);
    let curve = (0..=100).map(|percent| reaching(((nodes - 1) * percent).div_ceil(100).max(1) + 1, chunks));
    Bounds {
        fluid_ms: Some(bytes as f64 / rate as f64 * 1e3 + millis(latency)),
        postal_ms: Some(SHARES.map(|share| postal(share, chunks))),
        postal_curve_ms: curve.collect(),
        whole_ms: Some(postal(100, 1)),
        ..unlimited
    }
}

/// The shortest latency that a pair can have.
fn least(latency: &Latency) -> Duration {
    match latency {
        Latency::Constant(latency) => *latency,
        Latency::Uniform { min, max: _ } | Latency::Drawn(Distribution::Uniform { min, max: _ }) => *min,
        Latency::Drawn(Distribution::Constant(latency)) => *latency,
        Latency::Drawn(
            Distribution::LogNormal { .. } | Distribution::Exponential { .. } | Distribution::Weibull { .. },
        ) => Duration::ZERO,
        Latency::Regions(regions) => {
            let all = || 0..regions.names().len() as u16;
            all().flat_map(|a| all().map(move |b| regions.between(a, b))).min().unwrap_or_default()
        }
    }
}

/// The 0th to the 100th percentile; what is missing counts as later than everything.
fn percentiles(mut times: Vec<Option<f64>>) -> Vec<Option<f64>> {
    if times.is_empty() {
        return Vec::new();
    }
    times.sort_by(|a, b| a.unwrap_or(f64::INFINITY).total_cmp(&b.unwrap_or(f64::INFINITY)));
    (0..=100).map(|percent| times[((times.len() * percent).div_ceil(100)).max(1) - 1]).collect()
}

fn millis(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}

/// The process's high-water mark, from Linux's proc file system.
fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_leave_room_for_what_never_came() {
        let times = percentiles(vec![Some(3.0), None, Some(1.0), Some(2.0)]);
        assert_eq!(
            [times[0], times[25], times[26], times[75], times[76], times[100]],
            [Some(1.0), Some(1.0), Some(2.0), Some(3.0), None, None]
        );
        assert_eq!(percentiles(Vec::new()), Vec::new());
    }
}
