//! Random durations, drawn in integers.

use std::time::Duration;

use crate::fixed::{LN_2, LOG2_E, ONE, exp2, log2};
use crate::rng::{Draws, nanos};

/// A random duration. Shapes are in thousandths, so that a draw is the same on every machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Distribution {
    /// Always the same.
    Constant(Duration),
    /// Anything from `min` to `max`, both included.
    Uniform {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// The exponential of a normal deviate: round-trip times on the Internet.
    LogNormal {
        /// Half of all draws are below.
        median: Duration,
        /// Standard deviation of the logarithm, thousandths.
        sigma_milli: u32,
    },
    /// Events without memory.
    Exponential {
        /// The mean.
        mean: Duration,
    },
    /// Heavy-tailed for shapes below 1: measured session times of peers.
    Weibull {
        /// 63 % of all draws are below.
        scale: Duration,
        /// The shape, thousandths; 0 is taken as 1.
        shape_milli: u32,
    },
}

impl Distribution {
    /// One draw; nanoseconds saturate after 584 years.
    pub(crate) fn draw(&self, draws: &mut Draws) -> Duration {
        match *self {
            Self::Constant(duration) => duration,
            Self::Uniform { min, max } => draws.between(min, max),
            Self::LogNormal { median, sigma_milli } => {
                let exponent = normal(draws) * i128::from(sigma_milli) / 1000 * i128::from(LOG2_E);
                scaled(median, (exponent >> 32) as i64)
            }
            Self::Exponential { mean } => scaled(mean, log2_of_exponential(draws)),
            Self::Weibull { scale, shape_milli } => {
                let exponent = i128::from(log2_of_exponential(draws)) * 1000 / i128::from(shape_milli.max(1));
                scaled(scale, exponent.clamp(i128::from(-64 * ONE), i128::from(64 * ONE)) as i64)
            }
        }
    }
}

/// A standard normal deviate in Q32: the sum of twelve uniform ones, minus six. No draw is beyond six deviations.
fn normal(draws: &mut Draws) -> i128 {
    let sum: i128 = (0..12).map(|_| i128::from(draws.below(ONE as u64))).sum();
    sum - 6 * i128::from(ONE)
}

/// The base-2 logarithm of an exponential deviate of mean 1, Q32.
fn log2_of_exponential(draws: &mut Draws) -> i64 {
    // -ln u for u in (0, 1]; the smallest positive Q32 value stands for 0, whose logarithm there is none of.
    let bits = 64 * ONE - log2(draws.below(u64::MAX) + 1);
    let deviate = ((i128::from(bits) * i128::from(LN_2)) >> 32).max(1);
    log2(deviate as u64) - 32 * ONE
}

/// `duration` times 2 to the power of a Q32 `exponent`.
fn scaled(duration: Duration, exponent: i64) -> Duration {
    let nanos = (u128::from(nanos(duration)) * u128::from(exp2(exponent))) >> 32;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Concern;
    use braidcast_protocol::Seed;

    /// Mean, and share of draws below one second, of 20,000 draws, in thousandths.
    fn measured(distribution: Distribution) -> (u128, usize) {
        let mut draws = Draws::new(&Seed::from_number(1), Concern::Topology);
        let drawn: Vec<u128> = (0..20_000).map(|_| distribution.draw(&mut draws).as_millis()).collect();
        let below = drawn.iter().filter(|millis| **millis < 1_000).count();
        (drawn.iter().sum::<u128>() / drawn.len() as u128, below / 20)
    }

    #[track_caller]
    fn close(measured: (u128, usize), expected: (u128, usize)) {
        let near = measured.0.abs_diff(expected.0) * 20 < expected.0 && measured.1.abs_diff(expected.1) < 15;
        assert!(near, "{measured:?} instead of {expected:?}");
    }

    #[test]
    fn draws_have_the_mean_and_the_median_of_their_distribution() {
        let second = Duration::from_secs(1);
        close(measured(Distribution::LogNormal { median: second, sigma_milli: 500 }), (1_133, 500));
        close(measured(Distribution::Exponential { mean: second }), (1_000, 632));
        // Gamma(1 + 1/0.5) = 2.
        close(measured(Distribution::Weibull { scale: second, shape_milli: 500 }), (2_000, 632));
        close(measured(Distribution::Weibull { scale: second, shape_milli: 1_000 }), (1_000, 632));
        close(measured(Distribution::Uniform { min: Duration::ZERO, max: 2 * second }), (1_000, 500));
        assert_eq!(measured(Distribution::Constant(second)), (1_000, 0));
    }
}
