//! What congestion controllers tell the uplink that they share with others.

use std::{any::Any, sync::Arc, time::Instant};

use quinn::congestion::{Controller, ControllerFactory, ControllerMetrics};
use quinn_proto::RttEstimator;

use crate::uplink::{Member, Uplink};

/// Makes the congestion controllers of connections that share an uplink.
pub(super) struct Sharing {
    pub(super) uplink: Arc<Uplink>,
    pub(super) inner: Arc<dyn ControllerFactory + Send + Sync>,
}

impl ControllerFactory for Sharing {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        let member = self.uplink.join(now);
        let inner = Arc::clone(&self.inner).build(now, current_mtu);
        Box::new(Counting { inner, member, newest: None })
    }
}

/// A congestion controller that tells the uplink what is on its way.
pub(super) struct Counting {
    inner: Box<dyn Controller>,
    member: Arc<Member>,
    /// Of the packets that are being acknowledged, when the last was sent.
    newest: Option<Instant>,
}

impl Counting {
    /// The part of a connection of ours in its node's window.
    pub(super) fn member_of(connection: &quinn::Connection) -> Option<Arc<Member>> {
        let counting = connection.congestion_state().into_any().downcast::<Self>().ok()?;
        Some(Arc::clone(&counting.member))
    }
}

impl Controller for Counting {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.member.on_sent(bytes);
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, app_limited: bool, rtt: &RttEstimator) {
        self.newest = self.newest.max(Some(sent));
        let on_way = now.saturating_duration_since(sent);
        self.member.on_acknowledged(bytes, on_way, rtt.min());
        self.inner.on_ack(now, sent, bytes, app_limited, rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        if let Some(sent) = self.newest.take() {
            self.member.on_acknowledged_until(now, sent);
        }
        self.member.on_in_flight(now, in_flight);
        self.inner.on_end_acks(now, in_flight, app_limited, largest);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, persistent: bool, lost_bytes: u64) {
        self.inner.on_congestion_event(now, sent, persistent, lost_bytes);
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.inner.window()
    }

    fn metrics(&self) -> ControllerMetrics {
        self.inner.metrics()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self {
            inner: self.inner.clone_box(),
            member: Arc::clone(&self.member),
            newest: self.newest,
        })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use futures::task::noop_waker_ref;
    use quinn::congestion::NewRenoConfig;

    use super::*;
    use crate::uplink::Room;

    #[test]
    fn what_is_sent_and_acknowledged_is_counted_for_all() {
        let uplink = Arc::new(Uplink::new(BYTES));
        let sharing = Arc::new(Sharing { uplink, inner: Arc::new(NewRenoConfig::default()) });
        let [mut first, second] = [0, 1].map(|_| {
            let built = Arc::clone(&sharing).build(Instant::now(), 1200).into_any();
            *built.downcast::<Counting>().unwrap_or_else(|_| panic!("another controller"))
        });
        let cx = Context::from_waker(noop_waker_ref());
        let room = || second.member.room(&cx, Instant::now(), BYTES);
        first.member.on_writing(Instant::now(), BYTES as usize);
        first.on_sent(Instant::now(), BYTES, 1);
        assert_eq!(room(), Room::OthersHoldAll);
        first.on_end_acks(Instant::now(), BYTES / 2, false, Some(1));
        assert_eq!(room(), Room::Bytes(BYTES));
    }

    const BYTES: u64 = 64 << 10;
}
