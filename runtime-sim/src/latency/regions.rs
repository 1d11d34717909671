//! Nodes in regions, and the latency between regions.

use std::time::Duration;

use crate::rng::Draws;

/// Regions, what share of the nodes lives in each, and the one-way latency between them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Regions {
    names: Vec<String>,
    weights: Vec<u32>,
    /// One-way, microseconds, row after row.
    micros: Vec<u32>,
}

/// Why regions cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RegionsError {
    /// None, or too many.
    #[error("{regions} regions, allowed are 1 to {max}")]
    Count {
        /// How many.
        regions: usize,
        /// The most.
        max: usize,
    },
    /// The matrix has not one figure for each pair of regions.
    #[error("{figures} latencies for {regions} regions, needed are {regions} x {regions}")]
    Matrix {
        /// Figures given.
        figures: usize,
        /// How many regions.
        regions: usize,
    },
    /// Not one weight for each region, or all of them zero.
    #[error("{weights} weights with sum {sum} for {regions} regions; needed is one each, not all zero")]
    Weights {
        /// Weights given.
        weights: usize,
        /// Their sum.
        sum: u64,
        /// How many regions.
        regions: usize,
    },
    /// Latencies differ by direction.
    #[error("latency from {a} to {b} is not that from {b} to {a}")]
    Asymmetric {
        /// One region.
        a: String,
        /// The other.
        b: String,
    },
}

impl Regions {
    /// The most regions.
    pub const COUNT_MAX: usize = 4096;

    /// Regions with their weights, and the symmetric matrix of one-way latencies, microseconds, row after row.
    pub fn new(names: Vec<String>, weights: Vec<u32>, micros: Vec<u32>) -> Result<Self, RegionsError> {
        let (regions, max) = (names.len(), Self::COUNT_MAX);
        if regions == 0 || regions > max {
            return Err(RegionsError::Count { regions, max });
        }
        if micros.len() != regions * regions {
            return Err(RegionsError::Matrix { figures: micros.len(), regions });
        }
        let sum = weights.iter().map(|weight| u64::from(*weight)).sum();
        if weights.len() != regions || sum == 0 {
            return Err(RegionsError::Weights { weights: weights.len(), sum, regions });
        }
        let pairs = (0..regions).flat_map(|a| (0..a).map(move |b| (a, b)));
        for (a, b) in pairs {
            if micros[a * regions + b] != micros[b * regions + a] {
                return Err(RegionsError::Asymmetric { a: names[a].clone(), b: names[b].clone() });
            }
        }
        Ok(Self { names, weights, micros })
    }

    /// The names, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// One-way, between two regions by number.
    pub fn between(&self, a: u16, b: u16) -> Duration {
        Duration::from_micros(self.micros[usize::from(a) * self.names.len() + usize::from(b)].into())
    }

    /// A region, by the weights.
    pub(crate) fn draw(&self, draws: &mut Draws) -> u16 {
        let total: u64 = self.weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = draws.below(total);
        let chosen = self.weights.iter().position(|weight| match left.checked_sub((*weight).into()) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        chosen.unwrap_or_default() as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Concern;
    use braidcast_protocol::Seed;

    #[test]
    fn nodes_live_where_the_weights_say() {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let regions = Regions::new(names, vec![1, 0, 3], vec![0; 9]).unwrap();
        let mut draws = Draws::new(&Seed::from_number(1), Concern::Regions);
        let mut count = [0; 3];
        (0..4000).for_each(|_| count[usize::from(regions.draw(&mut draws))] += 1);
        assert!(count[1] == 0 && (900..1100).contains(&count[0]), "{count:?}");
    }

    #[test]
    fn what_is_no_symmetric_matrix_is_refused() {
        let new = |weights: &[u32], micros: &[u32]| {
            Regions::new(vec!["a".into(), "b".into()], weights.to_vec(), micros.to_vec()).unwrap_err()
        };
        assert_eq!(new(&[1, 1], &[0; 3]), RegionsError::Matrix { figures: 3, regions: 2 });
        assert_eq!(new(&[0, 0], &[0; 4]), RegionsError::Weights { weights: 2, sum: 0, regions: 2 });
        assert!(matches!(new(&[1, 1], &[0, 1, 2, 0]), RegionsError::Asymmetric { .. }));
    }
}
