//! A score: fixed-point, so that it is the same on every platform and has a total order.

use core::fmt;
use core::ops::{Add, AddAssign};

/// A peer's score in millionths; 0 for a peer of whom nothing is known.
///
/// Source: gossipsub v1.1 "Peer Scoring". Deviation: fixed-point instead of `f64`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Score(i64);

impl Score {
    /// Of a peer of whom nothing is known.
    pub const ZERO: Self = Self(0);

    /// A whole number.
    pub const fn new(units: i64) -> Self {
        Self(units.saturating_mul(1_000_000))
    }

    /// From millionths.
    pub const fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// In millionths.
    pub const fn millionths(self) -> i64 {
        self.0
    }

    /// The points, this many times.
    pub(crate) fn times(self, factor: Self) -> Self {
        let product = i128::from(self.0) * i128::from(factor.0) / 1_000_000;
        let limit = if product < 0 { i64::MIN } else { i64::MAX };
        Self(i64::try_from(product).unwrap_or(limit))
    }

    /// Below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl Add for Score {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl fmt::Debug for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_negative() { "-" } else { "" };
        let (units, rest) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        write!(f, "{sign}{units}.{rest:06}")
    }
}
