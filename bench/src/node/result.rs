//! What a comparison says, for people and for scripts.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Load;
use crate::row::number;

/// Ours against rust-libp2p under one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What was delivered.
    #[serde(flatten)]
    pub load: Load,
    /// Median processor time of ours per delivered message, microseconds.
    pub ours_us: f64,
    /// The same of rust-libp2p.
    pub libp2p_us: f64,
    /// Median of the rounds' ratios, ours to rust-libp2p's; lower is better.
    pub ratio: f64,
    /// The lowest ratio of a round.
    pub ratio_min: f64,
    /// The highest ratio of a round.
    pub ratio_max: f64,
    /// Rounds.
    pub rounds: usize,
    /// The ratio that must not be exceeded.
    pub need: f64,
    /// Whether it is not.
    pub met: bool,
}

impl Comparison {
    /// `pairs`: microseconds per delivered message of ours and of rust-libp2p, one pair per round, at least one.
    pub(super) fn new(load: Load, need: f64, pairs: &[(f64, f64)]) -> Self {
        let sorted = |value: fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = pairs.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let median = |values: &[f64]| values[values.len() / 2];
        let ratios = sorted(|(ours, libp2p)| ours / libp2p);
        let ratio = median(&ratios);
        Self {
            load,
            ours_us: median(&sorted(|pair| pair.0)),
            libp2p_us: median(&sorted(|pair| pair.1)),
            ratio,
            ratio_min: ratios[0],
            ratio_max: ratios[ratios.len() - 1],
            rounds: pairs.len(),
            need,
            met: ratio <= need,
        }
    }
}

/// The comparisons as a table for people, one line each.
#[must_use]
pub fn table(rows: &[Comparison]) -> String {
    let mut text = format!(
        "{:>9} {:>9} {:>9} {:>6} {:>11} {:>7} {:4} rounds\n",
        "bytes", "ours us", "libp2p us", "ratio", "spread", "need", "met"
    );
    for row in rows {
        let spread = format!("{}-{}", number(row.ratio_min), number(row.ratio_max));
        let (ours, libp2p, ratio) = (number(row.ours_us), number(row.libp2p_us), number(row.ratio));
        let (need, met) = (format!("<= {}", row.need), if row.met { "yes" } else { "NO" });
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>9} {ours:>9} {libp2p:>9} {ratio:>6} {spread:>11} {need:>7} {met:4} {}",
            row.load.bytes, row.rounds
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comparison_takes_the_median_of_the_rounds_ratios() {
        let load = Load { bytes: 1024, messages: 1, window: 1 };
        let pairs = [(10.0, 20.0), (30.0, 40.0), (9.0, 10.0)];
        let it = Comparison::new(load, 0.7, &pairs);
        assert_eq!((it.ours_us, it.libp2p_us), (10.0, 20.0));
        assert_eq!((it.ratio, it.ratio_min, it.ratio_max, it.met), (0.75, 0.5, 0.9, false));
        assert!(Comparison::new(load, 0.75, &pairs).met);
        assert_eq!(
            table(&[it]).lines().last(),
            Some("     1024      10.0      20.0   0.75   0.50-0.90  <= 0.7 NO   3")
        );
    }
}
