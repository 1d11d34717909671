//! Means with 95 % intervals by Student's t distribution: right for few seeds.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Manifest;
use crate::result::RunResult;

/// A mean and where the true one is with 95 % confidence.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// How many values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Half the interval's width; `None` for a single value.
    pub margin: Option<f64>,
}

/// What a value of one axis changes, all else equal, seed by seed.
#[derive(Clone, PartialEq, Debug)]
pub struct PairedDifference {
    /// The point with the axis's first value.
    pub baseline: usize,
    /// The point compared with it.
    pub point: usize,
    /// Which axis differs.
    pub axis: usize,
    /// Point minus baseline, over the seeds at which both have the figure.
    pub difference: Estimate,
}

/// The mean of some values; `None` for none.
pub fn estimate(values: &[f64]) -> Option<Estimate> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let margin = (n > 1).then(|| {
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        let t = StudentsT::new(0.0, 1.0, (n - 1) as f64).expect("one degree of freedom or more");
        t.inverse_cdf(0.975) * (variance / n as f64).sqrt()
    });
    Some(Estimate { n, mean, margin })
}

/// The paired differences of a figure along every axis, against the axis's first value.
pub fn paired(manifest: &Manifest, results: &[RunResult], metric: &str) -> Vec<PairedDifference> {
    let seeds = manifest.seeds.len();
    let of = |point: usize| results[point * seeds..(point + 1) * seeds].iter().map(|run| run.metric(metric));
    let mut found = Vec::new();
    for point in 0..manifest.points() {
        let coordinates = manifest.coordinates(point);
        for axis in (0..coordinates.len()).filter(|axis| coordinates[*axis] != 0) {
            let mut first = coordinates.clone();
            first[axis] = 0;
            let baseline = manifest.point_at(&first);
            let pairs = of(point).zip(of(baseline)).filter_map(|(ours, theirs)| Some(ours? - theirs?));
            if let Some(difference) = estimate(&pairs.collect::<Vec<_>>()) {
                found.push(PairedDifference { baseline, point, axis, difference });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_the_widths_of_the_tables() {
        // t(0.975) is 12.706 for one degree of freedom and 2.776 for four.
        let two = estimate(&[1.0, 3.0]).unwrap();
        assert_eq!((two.n, two.mean), (2, 2.0));
        assert!((two.margin.unwrap() - 12.706).abs() < 1e-3, "{two:?}");
        let five = estimate(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((five.margin.unwrap() - 2.776 * (2.5f64 / 5.0).sqrt()).abs() < 1e-3, "{five:?}");
        assert_eq!(estimate(&[7.0]), Some(Estimate { n: 1, mean: 7.0, margin: None }));
        assert_eq!(estimate(&[]), None);
    }
}
