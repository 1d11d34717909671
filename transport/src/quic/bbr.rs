//! BBR with a window that sparse acknowledgements can keep open.
//!
//! We ask peers for few acknowledgements, and BBR's window knows nothing of that: on a short path it is smaller than
//! what they wait for. It is four packets for 200 ms when the network limits it for the first time, and every 10 s
//! after that (ProbeRTT), and every four packets then wait for the peer's timer: 1 MiB on loopback takes 200 to 900 ms
//! instead of 10. So the window holds two acknowledgements at least, but for a while after a loss, when BBR alone
//! decides.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use quinn::congestion::{BbrConfig, Controller, ControllerFactory, ControllerMetrics};
use quinn_proto::RttEstimator;

/// Makes the controllers of connections whose peers acknowledge so many packets together.
pub(super) struct SparselyAcknowledged {
    pub(super) packets: u32,
}

impl ControllerFactory for SparselyAcknowledged {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let inner = Arc::new(BbrConfig::default()).build(now, current_mtu);
        Box::new(Floored { inner, packets: self.packets, mtu: current_mtu, lost: None })
    }
}

struct Floored {
    inner: Box<dyn Controller>,
    packets: u32,
    mtu: u16,
    /// The last loss, for [`LOSS_COUNTS_FOR`].
    lost: Option<Instant>,
}

impl Floored {
    const fn has_floor(&self) -> bool {
        self.lost.is_none()
    }
}

impl Controller for Floored {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.lost = self.lost.filter(|&lost| now.saturating_duration_since(lost) < LOSS_COUNTS_FOR);
        // BBR probes until no more is on its way than it allows; what is more is by our leave.
        let by_its_leave = in_flight.min(self.inner.window());
        let in_flight = if self.has_floor() { by_its_leave } else { in_flight };
        self.inner.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, persistent: bool, lost_bytes: u64) {
        self.lost = Some(now);
        self.inner.on_congestion_event(now, sent, persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = new_mtu;
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        let floor = 2 * u64::from(self.packets) * u64::from(self.mtu);
        let window = self.inner.window();
        if self.has_floor() { window.max(floor) } else { window }
    }

    fn metrics(&self) -> ControllerMetrics {
        let mut metrics = self.inner.metrics();
        metrics.congestion_window = self.window();
        metrics
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            inner: self.inner.clone_box(),
            packets: self.packets,
            mtu: self.mtu,
            lost: self.lost,
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// How long BBR decides alone after a loss.
const LOSS_COUNTS_FOR: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quic::pair::Pair;

    /// 1 MiB is more than the first window, so it is then that BBR probes.
    #[test]
    fn a_new_connection_on_a_short_path_does_not_stall() {
        let mut pair = Pair::connected(Duration::from_micros(50));
        let times: Vec<_> = (0..5).map(|_| pair.transfer(1 << 20)).collect();
        assert!(times.iter().all(|time| *time < Duration::from_millis(50)), "{times:?}");
    }

    #[test]
    fn after_a_loss_bbr_alone_decides_for_a_second() {
        let mut floored = Floored { inner: Box::new(OnePacket), packets: 8, mtu: 1200, lost: None };
        assert_eq!(floored.window(), 16 * 1200);
        let lost = Instant::now();
        floored.on_congestion_event(lost, lost, false, 1200);
        assert_eq!(floored.window(), 1200);
        floored.on_end_acks(lost + LOSS_COUNTS_FOR / 2, 0, false, None);
        assert_eq!(floored.window(), 1200);
        floored.on_end_acks(lost + LOSS_COUNTS_FOR, 16 * 1200, false, None);
        assert_eq!(floored.window(), 16 * 1200);
    }

    /// Allows one packet of 1200 bytes, and is told of no more.
    struct OnePacket;

    impl Controller for OnePacket {
        fn on_congestion_event(&mut self, _now: Instant, _sent: Instant, _persistent: bool, _lost: u64) {}

        fn on_end_acks(&mut self, _now: Instant, in_flight: u64, _app_limited: bool, _largest: Option<u64>) {
            assert!(in_flight <= self.window());
        }

        fn on_mtu_update(&mut self, _new_mtu: u16) {}

        fn window(&self) -> u64 {
            1200
        }

        fn clone_box(&self) -> Box<dyn Controller> {
            Box::new(Self)
        }

        fn initial_window(&self) -> u64 {
            1200
        }

        fn into_any(self: Box<Self>) -> Box<dyn Any> {
            self
        }
    }
}
