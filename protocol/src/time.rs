//! Virtual time: nanoseconds since the driver's epoch.

use core::fmt;
use core::num::NonZeroU64;
use core::ops::Add;
use core::time::Duration;

/// A point in time, as nanoseconds since the driver's epoch.
///
/// The core never reads a clock: each call carries the time, so a simulator and a socket driver are
/// the same to it. Stored off by one, so that `Option<Time>` takes 8 bytes. The range is 584 years.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(NonZeroU64);

impl Time {
    /// The driver's epoch.
    pub const EPOCH: Self = Self(NonZeroU64::MIN);

    /// The time `nanos` nanoseconds after the epoch (saturating at the end of the range).
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0.get() - 1
    }

    /// The time `span` before this one; the epoch when there is none.
    #[must_use]
    pub const fn before(self, span: Duration) -> Self {
        let nanos = span.as_nanos();
        if nanos > self.as_nanos() as u128 {
            Self::EPOCH
        } else {
            Self::from_nanos(self.as_nanos() - nanos as u64)
        }
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.as_nanos().saturating_sub(earlier.as_nanos()))
    }
}

impl Add<Duration> for Time {
    type Output = Self;

    fn add(self, delay: Duration) -> Self {
        let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        Self::from_nanos(self.as_nanos().saturating_add(nanos))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.as_nanos()))
    }
}

const _: () = assert!(size_of::<Option<Time>>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let late = Time::from_nanos(u64::MAX);
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(Time::EPOCH.since(late), Duration::ZERO);
        assert_eq!((Time::EPOCH + Duration::from_millis(3)).as_nanos(), 3_000_000);
    }
}
