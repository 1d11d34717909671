//! How fast a count fades.

use core::fmt;

/// What is left of a count after one decay interval, in millionths: 0 < decay < 1.
///
/// Half of it is gone after `ln 0.5 / ln decay` intervals: 0.97 is 23, 0.99 is 69, 0.999 is 693.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decay(u32);

impl Decay {
    /// `None` unless 0 < `value` < 1. Rounded to millionths within that.
    pub fn new(value: f64) -> Option<Self> {
        (value > 0.0 && value < 1.0).then(|| Self(((value * 1e6 + 0.5) as u32).clamp(1, 999_999)))
    }

    pub(super) const fn from_ppm(ppm: u32) -> Self {
        assert!(ppm > 0 && ppm < 1_000_000);
        Self(ppm)
    }

    /// What is left of a count.
    pub(crate) const fn of(self, count: u64) -> u64 {
        (count as u128 * self.0 as u128 / 1_000_000) as u64
    }
}

impl fmt::Debug for Decay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0.{:06}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_always_fades_and_never_to_less_than_nothing() {
        assert_eq!(Decay::new(0.97).unwrap().of(1_000_000), 970_000);
        assert_eq!(Decay::new(0.999_999_9).unwrap().of(u64::MAX), Decay::from_ppm(999_999).of(u64::MAX));
        assert!(Decay::new(0.999_999_9).unwrap().of(u64::MAX) < u64::MAX);
        assert_eq!(Decay::new(1e-9).unwrap().of(999_999), 0);
        for refused in [0.0, -0.5, 1.0, f64::NAN] {
            assert_eq!(Decay::new(refused), None);
        }
    }
}
