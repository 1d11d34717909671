//! What a comparison says, for people and for scripts.

use std::fmt::Write;

use serde::Serialize;

use super::{Load, Sample};
use crate::row::number;

/// Ours under one load, beside a baseline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What was delivered.
    #[serde(flatten)]
    pub load: Load,
    /// Ours: medians of the rounds.
    pub ours: Figures,
    /// The baseline's, if there was one.
    pub baseline: Option<Figures>,
    /// Median of the rounds' ratios of processor time, ours to the baseline's; lower is better.
    pub ratio_cpu: Option<f64>,
    /// The lowest and the highest ratio of a round.
    pub ratio_cpu_range: Option<[f64; 2]>,
    /// The ratio that must not be exceeded, where one is set for messages of this size.
    pub need: Option<f64>,
    /// Whether it is not.
    pub met: Option<bool>,
    /// Rounds.
    pub rounds: usize,
}

/// What one kind of network took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Processor time per 10^9 bytes of delivered payload, seconds.
    pub cpu_s_per_gb: f64,
    /// Processor time per delivered message, microseconds.
    pub cpu_us_per_delivery: f64,
    /// Median time from a publication to the last node's delivery, milliseconds.
    pub t100_p50_ms: f64,
    /// Delivered payload, 10^6 bytes per second, all nodes together.
    pub goodput_mb_s: f64,
    /// Bytes on the loopback interface for each byte of delivered payload, everything included; Linux only.
    pub overhead: Option<f64>,
    /// Memory of the process at most; Linux only.
    pub peak_rss_mib: Option<f64>,
    /// Share of deliveries; a network that loses a message does not end, and has no figures.
    pub delivery: f64,
}

impl Comparison {
    /// `ours` and `others`: one sample per round, at least one of ours.
    pub(super) fn new(load: Load, ours: &[Sample], others: &[Sample]) -> Self {
        let ratios: Vec<f64> =
            ours.iter().zip(others).map(|(a, b)| us_per_delivery(a) / us_per_delivery(b)).collect();
        let ratio_cpu = median(ratios.clone());
        let range = ratios.iter().copied().reduce(f64::min).zip(ratios.iter().copied().reduce(f64::max));
        let need = NEEDS.iter().find(|(bytes, _)| *bytes == load.bytes).map(|(_, need)| *need);
        Self {
            load,
            ours: Figures::of(load, ours),
            baseline: (!others.is_empty()).then(|| Figures::of(load, others)),
            ratio_cpu,
            ratio_cpu_range: range.map(|(low, high)| [low, high]),
            need: need.filter(|_| ratio_cpu.is_some()),
            met: ratio_cpu.zip(need).map(|(ratio, need)| ratio <= need),
            rounds: ours.len(),
        }
    }
}

impl Figures {
    fn of(load: Load, samples: &[Sample]) -> Self {
        let of = |value: fn(&Sample) -> f64| median(samples.iter().map(value).collect()).unwrap_or(f64::NAN);
        let optional = |value: fn(&Sample) -> Option<f64>| median(samples.iter().filter_map(value).collect());
        let bytes = load.bytes as f64;
        Self {
            cpu_s_per_gb: of(us_per_delivery) * 1e3 / bytes,
            cpu_us_per_delivery: of(us_per_delivery),
            t100_p50_ms: of(|sample| sample.t100_p50_ms),
            goodput_mb_s: of(|sample| sample.delivered as f64 / sample.wall_s) * bytes / 1e6,
            overhead: optional(|sample| Some(sample.wire_bytes? as f64 / sample.delivered as f64))
                .map(|wire| wire / bytes),
            peak_rss_mib: optional(|sample| sample.peak_rss_mib),
            delivery: of(|sample| sample.delivered as f64 / sample.wanted as f64),
        }
    }
}

fn us_per_delivery(sample: &Sample) -> f64 {
    sample.cpu_ns / 1000.0 / sample.delivered as f64
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The comparisons as a table for people, two lines each.
#[must_use]
pub fn table(rows: &[Comparison]) -> String {
    let mut text = format!(
        "{:>9} {:8} {:>10} {:>9} {:>9} {:>8} {:>8} {:>7}\n",
        "bytes", "whose", "cpu us", "cpu s/GB", "to all ms", "MB/s", "overhead", "RSS MiB"
    );
    for row in rows {
        let kinds = [("ours", Some(row.ours)), ("baseline", row.baseline)];
        for (whose, it) in kinds.into_iter().filter_map(|(whose, it)| Some((whose, it?))) {
            let shown = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), number);
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{:>9} {whose:8} {:>10} {:>9} {:>9} {:>8} {:>8} {:>7}",
                row.load.bytes,
                number(it.cpu_us_per_delivery),
                number(it.cpu_s_per_gb),
                number(it.t100_p50_ms),
                number(it.goodput_mb_s),
                shown(it.overhead),
                shown(it.peak_rss_mib)
            );
        }
        if let (Some(ratio), Some([low, high])) = (row.ratio_cpu, row.ratio_cpu_range) {
            let verdict = match (row.need, row.met) {
                (Some(need), Some(true)) => format!(", need <= {need}: met"),
                (Some(need), Some(false)) => format!(", need <= {need}: NOT met"),
                (Some(_) | None, _) => String::new(),
            };
            let spread = format!("{} to {} in {} rounds", number(low), number(high), row.rounds);
            let _ = writeln!(text, "{:>9} ratio of processor time {} ({spread}){verdict}", "", number(ratio));
        }
    }
    text
}

/// Sizes, and the ratio of processor time that ours may take.
const NEEDS: [(usize, f64); 2] = [(1 << 10, 0.7), (1 << 20, 0.5)];

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu_us: f64) -> Sample {
        Sample {
            cpu_ns: cpu_us * 1e4,
            wall_s: 2.0,
            delivered: 10,
            wanted: 10,
            t100_p50_ms: 3.0,
            wire_bytes: Some(20_480),
            peak_rss_mib: None,
        }
    }

    #[test]
    fn a_comparison_takes_medians_and_the_rounds_ratios() {
        let load = Load { bytes: 1024, messages: 1, window: 1 };
        let (ours, others) = ([10.0, 30.0, 9.0].map(sample), [20.0, 40.0, 10.0].map(sample));
        let it = Comparison::new(load, &ours, &others);
        assert_eq!((it.ours.cpu_us_per_delivery, it.baseline.unwrap().cpu_us_per_delivery), (10.0, 20.0));
        assert_eq!((it.ratio_cpu, it.ratio_cpu_range, it.met), (Some(0.75), Some([0.5, 0.9]), Some(false)));
        assert_eq!((it.ours.overhead, it.ours.goodput_mb_s), (Some(2.0), 5.0 * 1024.0 / 1e6));
        assert!(
            table(&[it])
                .ends_with("ratio of processor time 0.75 (0.50 to 0.90 in 3 rounds), need <= 0.7: NOT met\n")
        );
        let alone = Comparison::new(load, &ours, &[]);
        assert_eq!((alone.baseline, alone.ratio_cpu, alone.need, alone.met), (None, None, None, None));
        assert_eq!(table(&[alone]).lines().count(), 2);
    }
}
