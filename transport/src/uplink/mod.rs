//! One window for all connections of a node: what may be on its way from it. QUIC's have one and TCP's another: who waits
//! for TCP has to ask what was acknowledged, and nobody would ask for QUIC's streams.
//!
//! All connections share the node's uplink, and each one's congestion controller looks for the whole of it. Ten of them
//! keep its queue full. What waits there is old when it arrives, reports as well, and can no longer be replaced by
//! something fresher. So streams write only while all connections together hold less than the uplink carries in a
//! round trip ([`BdpWindow`]).
//!
//! And no faster than the uplink sends, once that is known ([`Pace`]).
//!
//! Invariant U1: `held` is the sum over the connections that are not silent. U2: who waits is woken when there is room,
//! and waits for [`PATIENCE`] at most; then those are silent which hold something and were not acknowledged anything for
//! as long. So peers that crash or acknowledge nothing do not stop the others.

mod bdp;
mod pace;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Context,
    time::{Duration, Instant},
};

use self::{bdp::BdpWindow, pace::Pace};
use crate::waiters::Waiters;

/// What the connections of a node share.
pub(crate) struct Uplink(Mutex<State>);

struct State {
    window: BdpWindow,
    pace: Pace,
    members: BTreeMap<u64, Held>,
    /// Of the next connection.
    number: u64,
    /// Bytes that streams wrote and peers have not acknowledged.
    held: u64,
    /// Streams that wait for the window of all.
    waiting: Waiters,
}

/// Bytes of one connection.
struct Held {
    /// Written to a stream and not sent.
    unsent: u64,
    /// Sent and not acknowledged.
    in_flight: u64,
    /// When it held nothing, or something was acknowledged.
    well: Instant,
    silent: bool,
    /// When one of its streams may write that waits for the pace, and for nothing else.
    turn: Option<Instant>,
    /// Its streams that wait for the connection's own window.
    waiting: Waiters,
}

impl Held {
    fn bytes(&self) -> u64 {
        if self.silent { 0 } else { self.unsent + self.in_flight }
    }
}

impl Uplink {
    /// The window never exceeds `bytes_max`.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self(Mutex::new(State {
            window: BdpWindow::new(bytes_max),
            pace: Pace::default(),
            members: BTreeMap::new(),
            number: 0,
            held: 0,
            waiting: Waiters::default(),
        }))
    }

    pub(crate) fn join(self: &Arc<Self>, now: Instant) -> Arc<Member> {
        let mut state = self.lock();
        let number = state.number;
        state.number += 1;
        state.members.insert(
            number,
            Held {
                unsent: 0,
                in_flight: 0,
                well: now,
                silent: false,
                turn: None,
                waiting: Waiters::default(),
            },
        );
        drop(state);
        Arc::new(Member { uplink: Arc::clone(self), number })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is valid between statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room(&self) -> bool {
        self.held < self.window.bytes()
    }

    /// A connection holds other bytes than before.
    fn change(&mut self, number: u64, change: impl FnOnce(&mut Held)) {
        let Some(member) = self.members.get_mut(&number) else { return };
        let before = member.bytes();
        change(member);
        let after = member.bytes();
        if after < before {
            member.waiting.wake_all();
        }
        self.held = self.held - before + after;
        self.wake();
    }

    fn wake(&mut self) {
        if self.has_room() {
            self.waiting.wake_all();
        }
    }
}

/// What a connection may write.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// So much, one byte at least.
    Bytes(u64),
    /// Nothing: all connections together hold what the uplink carries.
    OthersHoldAll,
    /// Nothing: it holds what its own path carries.
    HoldsItsOwn,
    /// Nothing before this time: the uplink is busy.
    After(Instant),
}

/// One connection's part of it.
pub(crate) struct Member {
    uplink: Arc<Uplink>,
    number: u64,
}

impl Member {
    /// Whether a stream of this connection may write, by the connection's own `window`, bytes. Whoever has to wait is
    /// woken when it may be worth another look.
    pub(crate) fn room(&self, cx: &Context<'_>, now: Instant, window: u64) -> Room {
        let mut state = self.uplink.lock();
        let turn = state.members.get_mut(&self.number).and_then(|own| own.turn.take());
        if !state.has_room() {
            state.window.on_limited();
            state.waiting.add(cx.waker());
            return Room::OthersHoldAll;
        }
        let pace = state.pace.wait(now);
        let Some(own) = state.members.get_mut(&self.number) else { return Room::Bytes(window.max(1)) };
        match (window.saturating_sub(own.bytes()), pace) {
            (0, _) => {
                own.waiting.add(cx.waker());
                Room::HoldsItsOwn
            }
            (_, Some(at)) => {
                own.turn = Some(at);
                Room::After(at)
            }
            (room, None) => {
                if let Some(at) = turn {
                    state.pace.on_turn(now, at);
                }
                Room::Bytes(room)
            }
        }
    }

    /// A stream is about to write.
    pub(crate) fn on_writing(&self, now: Instant, bytes: usize) {
        let mut state = self.uplink.lock();
        state.change(self.number, |held| {
            if held.unsent + held.in_flight == 0 {
                held.well = now;
            }
            held.unsent += bytes as u64;
        });
        let time = state.window.time_of(bytes as u64);
        state.pace.on_writing(now, time);
    }

    /// So much of it was not taken.
    pub(crate) fn on_left(&self, bytes: usize) {
        let mut state = self.uplink.lock();
        state.change(self.number, |held| held.unsent = held.unsent.saturating_sub(bytes as u64));
        let time = state.window.time_of(bytes as u64);
        state.pace.on_left(time);
    }

    /// So much goes out: of what was written, and acknowledgements, which nobody acknowledges.
    pub(crate) fn on_sent(&self, bytes: u64) {
        self.change(|held| {
            let sent = bytes.min(held.unsent);
            held.unsent -= sent;
            held.in_flight += sent;
        });
    }

    /// See [`BdpWindow::on_acknowledged`].
    pub(crate) fn on_acknowledged(&self, bytes: u64, rtt: Duration, shortest: Duration) {
        self.uplink.lock().window.on_acknowledged(bytes, rtt, shortest);
    }

    /// See [`BdpWindow::on_acknowledged_until`].
    pub(crate) fn on_acknowledged_until(&self, now: Instant, sent: Instant) {
        self.uplink.lock().window.on_acknowledged_until(now, sent);
    }

    /// The peer gives a sign of life: so much is on its way now.
    pub(crate) fn on_in_flight(&self, now: Instant, bytes: u64) {
        self.change(|held| {
            held.in_flight = bytes;
            (held.well, held.silent) = (now, false);
        });
    }

    /// A stream waited for [`PATIENCE`]: connections whose peers are silent no longer count.
    pub(crate) fn on_patience_end(&self, now: Instant) {
        let mut state = self.uplink.lock();
        for member in state.members.values_mut() {
            member.silent |= member.bytes() > 0 && now.saturating_duration_since(member.well) >= PATIENCE;
        }
        state.held = state.members.values().map(Held::bytes).sum();
        state.wake();
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        self.uplink.lock().change(self.number, change);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut state = self.uplink.lock();
        let held = state.members.remove(&self.number).map_or(0, |member| member.bytes());
        state.held -= held;
        state.wake();
    }
}

/// The longest that a stream waits for others, and the longest that they may hold something without a word.
pub(crate) const PATIENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        task::{Wake, Waker},
    };

    use futures::task::noop_waker_ref;

    use super::*;

    /// Connections of one node whose window is `BYTES` and stays so.
    fn connections() -> (Arc<Uplink>, [Arc<Member>; 2]) {
        let uplink = Arc::new(Uplink::new(BYTES));
        let both = [0, 1].map(|_| uplink.join(Instant::now()));
        (uplink, both)
    }

    fn room(connection: &Member, window: u64) -> Room {
        connection.room(&Context::from_waker(noop_waker_ref()), Instant::now(), window)
    }

    fn may_write(connection: &Member) -> bool {
        matches!(room(connection, BYTES), Room::Bytes(_))
    }

    #[test]
    fn a_stream_waits_while_another_connection_holds_the_window() {
        let (_uplink, [first, second]) = connections();
        first.on_writing(Instant::now(), BYTES as usize - 1);
        assert!(may_write(&second));
        first.on_writing(Instant::now(), 1);
        assert!(!may_write(&second));
        first.on_sent(BYTES);
        assert!(!may_write(&second), "sent is not acknowledged");
        first.on_in_flight(Instant::now(), BYTES / 2);
        assert!(may_write(&second));
    }

    #[test]
    fn a_connection_holds_no_more_than_its_own_window() {
        let (_uplink, [first, second]) = connections();
        first.on_writing(Instant::now(), 900);
        assert_eq!(room(&first, 1000), Room::Bytes(100));
        first.on_writing(Instant::now(), 300);
        assert_eq!(room(&first, 1000), Room::HoldsItsOwn);
        assert_eq!(room(&second, 1000), Room::Bytes(1000));
        first.on_left(250);
        assert_eq!(room(&first, 1000), Room::Bytes(50), "it was not taken after all");
        second.on_writing(Instant::now(), BYTES as usize);
        assert_eq!(room(&first, 1000), Room::OthersHoldAll);
    }

    #[test]
    fn streams_write_no_faster_than_the_uplink_sends() {
        let (uplink, [first, second]) = connections();
        let now = Instant::now();
        uplink.lock().pace.on_writing(now, Duration::from_secs(1));
        for connection in [&first, &second] {
            let room = connection.room(&Context::from_waker(noop_waker_ref()), now, BYTES);
            assert!(matches!(room, Room::After(at) if at > now), "{room:?}");
            let later = now + Duration::from_secs(1);
            let room = connection.room(&Context::from_waker(noop_waker_ref()), later, BYTES);
            assert_eq!(room, Room::Bytes(BYTES));
        }
    }

    #[test]
    fn who_waited_for_the_window_was_not_late_for_its_turn() {
        let late = |holds: usize| {
            let (uplink, [first, _second]) = connections();
            let (now, cx) = (Instant::now(), Context::from_waker(noop_waker_ref()));
            uplink.lock().pace.on_writing(now, Duration::from_millis(50));
            assert!(matches!(first.room(&cx, now, BYTES), Room::After(_)));
            first.on_writing(now, holds);
            first.room(&cx, now + Duration::from_millis(60), 1000);
            first.on_left(holds);
            let after = now + Duration::from_secs(1);
            assert_eq!(first.room(&cx, after, BYTES), Room::Bytes(BYTES));
            uplink.lock().pace.on_writing(after, Duration::from_millis(50));
            first.room(&cx, after, BYTES)
        };
        assert_eq!([late(1000), late(BYTES as usize)].map(|room| matches!(room, Room::After(_))), [true; 2]);
        assert_eq!(late(0), Room::Bytes(BYTES), "18 ms late: all of it may be in hand");
    }

    #[test]
    fn who_waits_for_its_own_window_is_woken_by_its_own_acknowledgements() {
        let (_uplink, [first, second]) = connections();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        for connection in [&first, &second] {
            connection.on_writing(Instant::now(), 1000);
        }
        assert_eq!(first.room(&Context::from_waker(&waker), Instant::now(), 1000), Room::HoldsItsOwn);
        second.on_sent(1000);
        second.on_in_flight(Instant::now(), 0);
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        first.on_sent(1000);
        first.on_in_flight(Instant::now(), 0);
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_acknowledges_nothing_stops_the_others_for_a_moment_only() {
        let (uplink, [silent, other]) = connections();
        let now = Instant::now();
        silent.on_writing(now, BYTES as usize);
        silent.on_sent(BYTES);
        other.on_patience_end(now + PATIENCE / 2);
        assert!(!may_write(&other), "it may still be acknowledged");
        other.on_patience_end(now + PATIENCE);
        assert!(may_write(&other));
        silent.on_writing(now + PATIENCE, 10);
        assert_eq!(uplink.lock().held, 0);
        silent.on_in_flight(now + PATIENCE * 2, BYTES);
        assert_eq!(uplink.lock().held, BYTES + 10, "it is well again");
    }

    #[test]
    fn what_nobody_acknowledges_is_not_held() {
        let (uplink, [connection, _other]) = connections();
        connection.on_sent(40);
        assert_eq!(uplink.lock().held, 0);
    }

    #[test]
    fn a_connection_that_ends_holds_nothing() {
        let (uplink, [first, second]) = connections();
        first.on_writing(Instant::now(), BYTES as usize);
        first.on_sent(1200);
        assert!(!may_write(&second));
        drop(first);
        assert!(may_write(&second));
        assert_eq!(uplink.lock().held, 0);
    }

    const BYTES: u64 = 64 << 10;
}
