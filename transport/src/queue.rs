//! What waits to be sent on one link: two bounded queues, control before data.
//!
//! Invariants: Q1: `control_bytes` and `data_bytes` are the costs of all frames of the class that
//! were accepted and not yet handed to the stream, including those the writer holds. Q2: a link
//! that is not open accepts nothing.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{DownCause, LinkId, SendError, frame::Prefix};

/// What a frame is, for the order of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Small and urgent: overtakes all queued data. Bounded by
    /// [`CONTROL_QUEUE_BYTES_MAX`]; a peer that lets it fill is closed.
    Control,
    /// Everything else: bounded by the link's window.
    Data,
    /// Data that needs no data behind or beside it: frames of this kind arrive in any order, but after all frames of
    /// [`Self::Data`] that were queued before them. A lost packet then holds up one of them only, where the connection
    /// has streams for that (QUIC between nodes of ours).
    Unordered,
}

/// The send queue of one link, shared by the handle, the writer and the event receiver.
pub(crate) struct SendQueue {
    link: LinkId,
    window_bytes: usize,
    state: Mutex<State>,
    /// Told when there is something to take, or when draining begins.
    wake: Notify,
    closed: CancellationToken,
}

struct State {
    control: VecDeque<Queued>,
    data: VecDeque<Queued>,
    control_bytes: usize,
    data_bytes: usize,
    /// Data bytes handed to the stream since the consumer last read the room.
    released: usize,
    /// A `Writable` is on its way to the consumer.
    hinted: bool,
    /// The path takes nothing now: what is queued would age.
    held: bool,
    phase: Phase,
    /// The consumer has been handed `LinkDown`.
    buried: bool,
}

enum Phase {
    Open,
    Draining,
    Closed(DownCause),
}

/// One accepted frame.
pub(crate) struct Queued {
    pub(crate) class: Class,
    pub(crate) prefix: Prefix,
    pub(crate) chunks: Vec<Bytes>,
    /// What it counts against its bound: its bytes, or [`FRAME_COST_MIN`] if that is more.
    pub(crate) cost: usize,
    /// Bytes in `chunks`.
    pub(crate) bytes: usize,
}

impl State {
    fn room(&self, window_bytes: usize) -> usize {
        if self.held { 0 } else { window_bytes.saturating_sub(self.data_bytes) }
    }

    /// Whether to tell the consumer now that there is room: it is, then.
    fn hint(&mut self, window_bytes: usize) -> bool {
        let worth_it = self.data_bytes == 0 || self.released >= window_bytes / 4;
        let hint = worth_it && self.released > 0 && !self.hinted && !self.held;
        self.hinted |= hint;
        hint
    }
}

/// What [`SendQueue::take_batch`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Frames,
    Nothing,
    /// Nothing, and there never will be.
    Drained,
}

impl SendQueue {
    pub(crate) fn new(link: LinkId, window_bytes: usize) -> Self {
        let state = State {
            control: VecDeque::new(),
            data: VecDeque::new(),
            control_bytes: 0,
            data_bytes: 0,
            released: 0,
            // The driver reports the whole window at link-up.
            hinted: true,
            held: false,
            phase: Phase::Open,
            buried: false,
        };
        Self {
            link,
            window_bytes,
            state: Mutex::new(state),
            wake: Notify::new(),
            closed: CancellationToken::new(),
        }
    }

    pub(crate) fn link(&self) -> LinkId {
        self.link
    }

    /// Accepts a frame or says why not.
    pub(crate) fn push(&self, class: Class, chunks: Vec<Bytes>) -> Result<(), SendError> {
        let bytes = chunks.iter().map(Bytes::len).sum::<usize>();
        let cost = bytes.max(FRAME_COST_MIN);
        let frame = Queued { class, prefix: Prefix::new(bytes as u64), chunks, cost, bytes };
        let mut state = self.lock();
        match state.phase {
            Phase::Open => {}
            Phase::Draining | Phase::Closed(_) => return Err(SendError::Closed { link: self.link }),
        }
        match class {
            Class::Control => {
                let queued = state.control_bytes;
                if queued > 0 && queued + cost > CONTROL_QUEUE_BYTES_MAX {
                    let cause =
                        DownCause::ControlOverflow { bytes: queued, bytes_max: CONTROL_QUEUE_BYTES_MAX };
                    self.close_locked(&mut state, cause);
                    return Err(SendError::ControlOverflow { link: self.link, bytes_queued: queued });
                }
                state.control_bytes += cost;
                state.control.push_back(frame);
            }
            Class::Data | Class::Unordered => {
                if state.data_bytes >= self.window_bytes {
                    return Err(SendError::Full { link: self.link, bytes_queued: state.data_bytes });
                }
                state.data_bytes += cost;
                state.data.push_back(frame);
            }
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Free room for data in bytes.
    pub(crate) fn room(&self) -> usize {
        let state = self.lock();
        match state.phase {
            Phase::Open => state.room(self.window_bytes),
            Phase::Draining | Phase::Closed(_) => 0,
        }
    }

    /// Moves frames to `batch`, control first, until it holds about [`BATCH_BYTES`].
    pub(crate) fn take_batch(&self, batch: &mut VecDeque<Queued>) -> Taken {
        let mut state = self.lock();
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let next = state.control.pop_front().or_else(|| state.data.pop_front());
            let Some(frame) = next else { break };
            bytes += frame.cost;
            batch.push_back(frame);
        }
        match (batch.is_empty(), &state.phase) {
            (false, _) => Taken::Frames,
            (true, Phase::Open) => Taken::Nothing,
            (true, Phase::Draining | Phase::Closed(_)) => Taken::Drained,
        }
    }

    /// Moves all control to `batch`, behind what is there.
    pub(crate) fn take_control(&self, batch: &mut VecDeque<Queued>) {
        batch.append(&mut self.lock().control);
    }

    /// Waits until something may have been queued since the last call.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes note that the stream took `bytes` of `class`; `true` if the consumer is to be told.
    #[must_use]
    pub(crate) fn release(&self, class: Class, bytes: usize) -> bool {
        let mut state = self.lock();
        match class {
            Class::Control => {
                state.control_bytes -= bytes;
                false
            }
            Class::Data | Class::Unordered => {
                state.data_bytes -= bytes;
                state.released += bytes;
                state.hint(self.window_bytes)
            }
        }
    }

    /// Says that there is no room, whatever is queued, until [`Self::let_go`].
    pub(crate) fn hold(&self) {
        self.lock().held = true;
    }

    pub(crate) fn is_held(&self) -> bool {
        self.lock().held
    }

    /// Ends [`Self::hold`]; `true` if the consumer is to be told.
    #[must_use]
    pub(crate) fn let_go(&self) -> bool {
        let mut state = self.lock();
        state.held = false;
        state.hint(self.window_bytes)
    }

    /// Reads the room for a `Writable` that is handed out now; `None` if the link is gone, or has none until
    /// [`Self::let_go`], which makes another.
    pub(crate) fn take_hint(&self) -> Option<usize> {
        let mut state = self.lock();
        state.hinted = false;
        if state.buried || state.held {
            return None;
        }
        state.released = 0;
        Some(state.room(self.window_bytes))
    }

    /// Takes note that the consumer knows of the end.
    pub(crate) fn bury(&self) {
        self.lock().buried = true;
    }

    /// Accepts no more frames; what is queued is still sent.
    pub(crate) fn drain(&self) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Draining;
        }
        drop(state);
        self.wake.notify_one();
    }

    /// Drops what is queued and stops the writer. The first cause given is the one that counts.
    pub(crate) fn close(&self, cause: DownCause) {
        self.close_locked(&mut self.lock(), cause);
    }

    /// Waits for [`Self::close`].
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Why the queue was closed, if it was.
    pub(crate) fn cause(&self) -> Option<DownCause> {
        match &self.lock().phase {
            Phase::Open | Phase::Draining => None,
            Phase::Closed(cause) => Some(cause.clone()),
        }
    }

    fn close_locked(&self, state: &mut State, cause: DownCause) {
        if matches!(state.phase, Phase::Closed(_)) {
            return;
        }
        state.phase = Phase::Closed(cause);
        state.control.clear();
        state.data.clear();
        self.closed.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock, and the state is valid between statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Most bytes of control frames that wait on one link.
pub const CONTROL_QUEUE_BYTES_MAX: usize = 1 << 20;

/// What a frame counts at least, so that empty frames cannot pile up without bound.
pub const FRAME_COST_MIN: usize = 64;

/// What is written in pieces up to here does not wait for data that other links send: most control.
pub(crate) const SHORT_BYTES_MAX: usize = 1 << 10;

/// How much the writer takes at a time. Control queued later waits for this much data at most, or for one frame if
/// that is longer, and not for data of which the stream has taken nothing yet.
const BATCH_BYTES: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(window: usize) -> SendQueue {
        let queue = SendQueue::new(LinkId::new(7), window);
        assert_eq!(queue.take_hint(), Some(window));
        queue
    }

    fn bytes(count: usize) -> Vec<Bytes> {
        vec![Bytes::from(vec![0; count])]
    }

    fn take(queue: &SendQueue) -> Vec<(Class, usize)> {
        let mut batch = VecDeque::new();
        let _ = queue.take_batch(&mut batch);
        batch.iter().map(|f| (f.class, f.bytes)).collect()
    }

    #[test]
    fn control_overtakes_data_and_each_class_keeps_its_order() {
        let queue = queue(10_000);
        for (class, n) in
            [(Class::Data, 100), (Class::Data, 200), (Class::Control, 300), (Class::Control, 400)]
        {
            queue.push(class, bytes(n)).unwrap();
        }
        assert_eq!(
            take(&queue),
            [(Class::Control, 300), (Class::Control, 400), (Class::Data, 100), (Class::Data, 200)]
        );
    }

    #[test]
    fn room_falls_at_once_and_rises_when_the_stream_takes_bytes() {
        let queue = queue(1000);
        queue.push(Class::Data, bytes(600)).unwrap();
        assert_eq!(queue.room(), 400);
        queue.push(Class::Data, bytes(5000)).unwrap();
        assert_eq!(queue.room(), 0);
        let full = SendError::Full { link: LinkId::new(7), bytes_queued: 5600 };
        assert_eq!(queue.push(Class::Data, bytes(1)).unwrap_err(), full);
        assert_eq!(take(&queue).len(), 2);
        assert_eq!(queue.room(), 0, "taken is not yet sent");
        assert!(queue.release(Class::Data, 5000));
        assert!(!queue.release(Class::Data, 500), "one hint at a time");
        assert_eq!(queue.take_hint(), Some(900));
        assert!(queue.release(Class::Data, 100), "an empty queue is always reported");
        assert_eq!(queue.take_hint(), Some(1000));
    }

    #[test]
    fn there_is_no_room_while_the_path_takes_nothing() {
        let queue = queue(1000);
        queue.push(Class::Unordered, bytes(1500)).unwrap();
        assert_eq!(take(&queue), [(Class::Unordered, 1500)]);
        queue.hold();
        assert!(!queue.release(Class::Unordered, 1500), "not yet");
        assert_eq!((queue.is_held(), queue.room()), (true, 0));
        assert!(queue.let_go());
        assert_eq!((queue.is_held(), queue.room()), (false, 1000));
        assert_eq!(queue.take_hint(), Some(1000));
        queue.hold();
        assert!(!queue.let_go(), "it was told already");
    }

    #[test]
    fn a_hint_that_comes_too_late_is_made_again() {
        let queue = queue(1000);
        queue.push(Class::Data, bytes(500)).unwrap();
        queue.push(Class::Unordered, bytes(1500)).unwrap();
        assert_eq!(take(&queue).len(), 2);
        assert!(queue.release(Class::Data, 500), "on its way to the consumer");
        queue.hold();
        assert!(!queue.release(Class::Unordered, 1500));
        assert_eq!(queue.take_hint(), None);
        assert!(queue.let_go());
        assert_eq!(queue.take_hint(), Some(1000));
    }

    #[test]
    fn a_control_overflow_closes_the_link() {
        let queue = queue(1000);
        queue.push(Class::Control, bytes(CONTROL_QUEUE_BYTES_MAX + 5)).expect("alone it may be longer");
        let error = queue.push(Class::Control, bytes(1)).unwrap_err();
        assert!(matches!(error, SendError::ControlOverflow { .. }), "{error}");
        assert!(matches!(queue.cause(), Some(DownCause::ControlOverflow { .. })));
        assert!(matches!(queue.push(Class::Data, bytes(1)), Err(SendError::Closed { .. })));
    }

    #[test]
    fn empty_frames_count_too() {
        let queue = queue(10 * FRAME_COST_MIN);
        for _ in 0..10 {
            queue.push(Class::Data, Vec::new()).unwrap();
        }
        assert_eq!(queue.room(), 0);
    }

    #[test]
    fn the_first_cause_counts() {
        let queue = queue(1000);
        queue.drain();
        assert_eq!(queue.take_batch(&mut VecDeque::new()), Taken::Drained);
        queue.close(DownCause::Shutdown);
        queue.close(DownCause::Unresponsive);
        assert_eq!(queue.cause(), Some(DownCause::Shutdown));
    }
}
