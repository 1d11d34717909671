//! What waits to be sent to one client: bounded by count and bytes; what does not fit is dropped and counted.
//!
//! Items wait as the node gave them and are encoded when the client takes them, so that a message that waits
//! for many clients is in memory once. Invariant O1: offering never waits, whatever the client does.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use braidcast_runtime_tokio::{Message, TraceRecord};
use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;
use tonic::Status;

use crate::encode::Encoder;
use crate::pb::proto::Response;

/// Bounds of what waits for one client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutboxBounds {
    /// Responses that wait; default 8192. Trace events only take half of the room, the rest is for messages.
    pub items_max: usize,
    /// Payload bytes that wait; default 64 MiB. One message is always taken, however large.
    pub bytes_max: usize,
}

impl Default for OutboxBounds {
    fn default() -> Self {
        Self { items_max: 8192, bytes_max: 64 << 20 }
    }
}

/// One response to be.
#[derive(Debug)]
pub(crate) enum Item {
    Message(Arc<Message>),
    Trace(TraceRecord),
    Answer(Bytes),
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.payload.len(),
            // Counted by number, which bounds them well enough: they are small.
            Self::Trace(_) => 0,
            Self::Answer(json) => json.len(),
        }
    }
}

/// The stream task's end.
#[derive(Debug)]
pub(crate) struct Outbox {
    sender: mpsc::Sender<Item>,
    shared: Arc<Shared>,
    bounds: OutboxBounds,
    dropped: u64,
}

#[derive(Debug, Default)]
struct Shared {
    queued_bytes: AtomicUsize,
    /// With what the stream ends, if not with OK.
    end: OnceLock<Status>,
}

/// The client's end.
#[derive(Debug)]
pub(crate) struct Responses {
    receiver: mpsc::Receiver<Item>,
    shared: Arc<Shared>,
    encoder: Arc<Encoder>,
    ended: bool,
}

pub(crate) fn outbox(bounds: OutboxBounds, encoder: Arc<Encoder>) -> (Outbox, Responses) {
    let (sender, receiver) = mpsc::channel(bounds.items_max.max(2));
    let shared = Arc::new(Shared::default());
    (
        Outbox { sender, shared: shared.clone(), bounds, dropped: 0 },
        Responses { receiver, shared, encoder, ended: false },
    )
}

impl Outbox {
    /// Queues an item if there is room; tells whether there was.
    pub(crate) fn offer(&mut self, item: Item) -> bool {
        let taken = self.has_room(&item) && {
            let bytes = item.bytes();
            self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
            let sent = self.sender.try_send(item).is_ok();
            if !sent {
                self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
            sent
        };
        if !taken {
            self.dropped += 1;
        }
        taken
    }

    fn has_room(&self, item: &Item) -> bool {
        let queued = self.shared.queued_bytes.load(Ordering::Relaxed);
        let fits = queued == 0 || queued.saturating_add(item.bytes()) <= self.bounds.bytes_max;
        let is_trace = matches!(item, Item::Trace(_));
        fits && (!is_trace || self.sender.capacity() > self.sender.max_capacity() / 2)
    }

    /// Items dropped so far.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Waits until the client no longer wants responses.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// What is queued is still sent, then the stream ends with an error.
    pub(crate) fn end_with(self, status: Status) {
        let _only_set_here = self.shared.end.set(status);
    }
}

impl Stream for Responses {
    type Item = Result<Response, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(item) = std::task::ready!(self.receiver.poll_recv(cx)) else {
                if std::mem::replace(&mut self.ended, true) {
                    return Poll::Ready(None);
                }
                return Poll::Ready(self.shared.end.get().cloned().map(Err));
            };
            self.shared.queued_bytes.fetch_sub(item.bytes(), Ordering::Relaxed);
            if let Some(response) = self.encoder.response(item) {
                return Poll::Ready(Some(Ok(response)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;
    use crate::message::JsonStyle;

    fn answer(bytes: usize) -> Item {
        Item::Answer(vec![b' '; bytes].into())
    }

    fn encoder() -> Arc<Encoder> {
        let peer = braidcast_runtime_tokio::PeerId::from_bytes(&[1]).unwrap();
        Arc::new(Encoder::new(peer, braidcast_runtime_tokio::Mode::Optimum, JsonStyle::Both))
    }

    fn trace() -> Item {
        let trace = braidcast_runtime_tokio::Trace::Join { topic: braidcast_runtime_tokio::Topic::new("t") };
        Item::Trace(TraceRecord { unix_ns: 1, trace: Arc::new(trace) })
    }

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_counted() {
        let (mut outbox, mut responses) = outbox(OutboxBounds { items_max: 4, bytes_max: 10 }, encoder());
        assert!(outbox.offer(answer(100)), "the first is taken whatever its size");
        assert!(!outbox.offer(answer(1)), "over the bytes");
        assert_eq!(responses.next().await.unwrap().unwrap().data.len(), 100);
        for _ in 0..4 {
            assert!(outbox.offer(answer(1)));
        }
        assert!(!outbox.offer(answer(1)), "over the count");
        assert_eq!(outbox.dropped(), 2);
    }

    #[tokio::test]
    async fn traces_leave_room_for_messages() {
        let (mut outbox, _responses) = outbox(OutboxBounds { items_max: 4, bytes_max: 10 }, encoder());
        assert_eq!([trace(), trace(), trace()].map(|item| outbox.offer(item)), [true, true, false]);
        assert!(outbox.offer(answer(1)));
        assert!(outbox.offer(answer(1)));
    }

    #[tokio::test]
    async fn the_end_comes_after_what_was_queued_and_once() {
        let (mut outbox, mut responses) = outbox(OutboxBounds::default(), encoder());
        outbox.offer(answer(1));
        outbox.end_with(Status::unavailable("stopping"));
        assert!(responses.next().await.unwrap().is_ok());
        assert_eq!(responses.next().await.unwrap().unwrap_err().code(), tonic::Code::Unavailable);
        assert!(responses.next().await.is_none());
    }
}
