//! Bounded queues from the driver to those who listen: what does not fit is dropped and counted.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;

/// Bounds of one listener's queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct QueueBounds {
    /// Items that wait; default 4096.
    pub items_max: usize,
    /// Bytes that wait; default 64 MiB. One item is always taken, however large.
    pub bytes_max: usize,
}

impl Default for QueueBounds {
    fn default() -> Self {
        Self { items_max: 4096, bytes_max: 64 << 20 }
    }
}

#[derive(Debug, Default)]
struct Counters {
    queued_bytes: AtomicUsize,
    dropped: AtomicU64,
}

/// The driver's end.
#[derive(Debug)]
pub(crate) struct Feed<T> {
    sender: mpsc::Sender<(usize, T)>,
    counters: Arc<Counters>,
    bytes_max: usize,
}

/// The listener's end: a stream that ends with the node.
#[derive(Debug)]
pub struct Listener<T> {
    receiver: mpsc::Receiver<(usize, T)>,
    counters: Arc<Counters>,
}

pub(crate) fn bounded<T>(bounds: QueueBounds) -> (Feed<T>, Listener<T>) {
    let (sender, receiver) = mpsc::channel(bounds.items_max.max(1));
    let counters = Arc::new(Counters::default());
    (
        Feed { sender, counters: counters.clone(), bytes_max: bounds.bytes_max },
        Listener { receiver, counters },
    )
}

impl<T> Feed<T> {
    /// Queues an item; `false` when the listener is gone for good.
    pub(crate) fn offer(&self, bytes: usize, item: T) -> bool {
        let queued = self.counters.queued_bytes.load(Ordering::Relaxed);
        if queued > 0 && queued.saturating_add(bytes) > self.bytes_max {
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
            return !self.sender.is_closed();
        }
        self.counters.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.sender.try_send((bytes, item)) {
            Ok(()) => true,
            Err(refused) => {
                self.counters.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                self.counters.dropped.fetch_add(1, Ordering::Relaxed);
                matches!(refused, mpsc::error::TrySendError::Full(_))
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl<T> Listener<T> {
    /// The next item; `None` when the node has stopped.
    pub async fn next(&mut self) -> Option<T> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Items that were dropped because this listener was too slow.
    pub fn dropped(&self) -> u64 {
        self.counters.dropped.load(Ordering::Relaxed)
    }
}

impl<T> Stream for Listener<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.receiver.poll_recv(cx).map(|next| {
            next.map(|(bytes, item)| {
                self.counters.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                item
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_listener_loses_the_newest_and_knows_how_many() {
        let (feed, mut listener) = bounded(QueueBounds { items_max: 2, bytes_max: 10 });
        assert!(feed.offer(100, "first is taken whatever its size"));
        assert!(feed.offer(1, "over the bytes"));
        assert_eq!(listener.next().await, Some("first is taken whatever its size"));
        for item in ["a", "b", "c"] {
            assert!(feed.offer(1, item));
        }
        assert_eq!(listener.dropped(), 2);
        assert_eq!(listener.next().await, Some("a"));
        drop(listener);
        assert!(!feed.offer(1, "nobody"));
    }
}
