//! Counts that fade.
//!
//! Spec: gossipsub v1.1 "Parameter Decay". Deviation: fixed-point numbers, the same on every machine.

use crate::{Decay, PenaltySettings, Score};

/// A count in millionths of one event, so that shares of a message add up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(crate) struct Counter(u64);

/// Millionths of one event.
pub(crate) const ONE: u64 = 1_000_000;

impl Counter {
    pub(crate) const fn millionths(self) -> u64 {
        self.0
    }

    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn add(&mut self, millionths: u64) {
        self.0 = self.0.saturating_add(millionths);
    }

    /// Adds, but not beyond so many whole events.
    pub(crate) fn add_up_to(&mut self, millionths: u64, cap: u32) {
        self.add(millionths);
        self.0 = self.0.min(u64::from(cap) * ONE);
    }

    /// One step of fading; below `floor` nothing is left.
    pub(crate) const fn fade(&mut self, decay: Decay, floor: u64) {
        self.0 = decay.of(self.0);
        if self.0 < floor {
            self.0 = 0;
        }
    }

    /// What is missing to so many whole events.
    pub(crate) const fn deficit(self, threshold: u32) -> Self {
        Self((threshold as u64 * ONE).saturating_sub(self.0))
    }

    /// Its square, in millionths as well.
    pub(crate) fn squared(self) -> Self {
        let square = u128::from(self.0) * u128::from(self.0) / u128::from(ONE);
        Self(u64::try_from(square).unwrap_or(u64::MAX))
    }

    /// What exceeds the threshold.
    pub(crate) const fn above(self, threshold: u32) -> Self {
        Self(self.0.saturating_sub(threshold as u64 * ONE))
    }

    /// Points.
    pub(crate) fn times(self, weight: Score) -> Score {
        let points = i128::from(self.0) * i128::from(weight.millionths()) / i128::from(ONE);
        let limit = if points < 0 { i64::MIN } else { i64::MAX };
        Score::from_millionths(i64::try_from(points).unwrap_or(limit))
    }

    /// The points of a penalty that grows with the square.
    pub(crate) fn penalty_squared(self, settings: &PenaltySettings) -> Score {
        self.above(settings.threshold).squared().times(settings.weight)
    }

    /// The points of a penalty.
    pub(crate) fn penalty(self, settings: &PenaltySettings) -> Score {
        self.above(settings.threshold).times(settings.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_exact_and_saturate() {
        let mut count = Counter::default();
        (0..3).for_each(|_| count.add(ONE));
        count.add(ONE / 2);
        assert_eq!(count.squared().times(Score::new(-20)), Score::new(-245));
        assert_eq!(count.above(2).squared().times(Score::new(-4)), Score::new(-9));
        assert_eq!(count.deficit(5), Counter(1_500_000));
        assert_eq!(count.deficit(2), Counter(0));
        count.add(u64::MAX);
        assert_eq!(count.squared().times(Score::new(-1_000_000)).millionths(), i64::MIN);
        count.add_up_to(ONE, 7);
        assert_eq!(count, Counter(7 * ONE));
    }
}
