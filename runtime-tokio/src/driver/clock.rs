//! The only clock and the only alarm of a node.

use std::pin::Pin;
use std::time::Duration;

use braidcast_protocol::Time;
use tokio::time::{Instant, Sleep};

/// The core's time: monotonic, since the node was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    epoch: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    pub(super) fn now(&self) -> Time {
        Time::EPOCH + self.epoch.elapsed()
    }

    /// When the core's time will be `time`.
    fn instant(&self, time: Time) -> Instant {
        let after = time.since(Time::EPOCH);
        // The core's range is 584 years, the system's may be shorter.
        self.epoch.checked_add(after).unwrap_or_else(|| Instant::now() + FAR_AWAY)
    }
}

/// One timer, armed anew after each input.
#[derive(Debug)]
pub(super) struct Alarm {
    clock: Clock,
    sleep: Pin<Box<Sleep>>,
    armed: Option<Time>,
}

impl Alarm {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), armed: None }
    }

    /// Rings at this time and at no earlier one.
    pub(super) fn set(&mut self, at: Option<Time>) {
        if at == self.armed {
            return;
        }
        self.armed = at;
        if let Some(at) = at {
            self.sleep.as_mut().reset(self.clock.instant(at));
        }
    }

    /// Waits for the time set. Cancel safe.
    pub(super) async fn ring(&mut self) {
        match self.armed {
            Some(_) => self.sleep.as_mut().await,
            None => std::future::pending().await,
        }
        // The same time may be set again, and must ring again.
        self.armed = None;
    }
}

const FAR_AWAY: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_alarm_rings_at_the_time_set_last() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        alarm.set(Some(Time::EPOCH + Duration::from_secs(50)));
        alarm.set(Some(Time::EPOCH + Duration::from_secs(2)));
        alarm.ring().await;
        assert_eq!(clock.now().since(Time::EPOCH), Duration::from_secs(2));
        alarm.set(Some(Time::EPOCH + Duration::from_secs(2)));
        alarm.ring().await;
        alarm.set(None);
        let silence = tokio::time::timeout(Duration::from_secs(1000), alarm.ring()).await;
        assert!(silence.is_err());
        // Later than any clock can say.
        alarm.set(Some(Time::from_nanos(u64::MAX)));
    }
}
