//! The way from the tasks to the consumer: one ordered queue in which everything is bounded.
//!
//! Frames are bounded per peer in bytes by the peer's budget, `Writable` by one per link, and all
//! other facts by [`FACTS_MAX`], beyond which the driver pauses.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

use crate::{Event, queue::SendQueue};

/// Hands out the events of an endpoint. Dropping it stops the endpoint.
#[derive(Debug)]
pub struct EventReceiver {
    entries: mpsc::UnboundedReceiver<Entry>,
    facts: Arc<Facts>,
}

impl EventReceiver {
    /// The next event; `None` once the endpoint has stopped and everything has been handed out.
    ///
    /// Cancel safe.
    pub async fn recv(&mut self) -> Option<Event> {
        loop {
            let entry = self.entries.recv().await?;
            if let Some(event) = self.open(entry) {
                return Some(event);
            }
        }
    }

    /// The next event if one is there.
    pub fn try_recv(&mut self) -> Option<Event> {
        loop {
            let entry = self.entries.try_recv().ok()?;
            if let Some(event) = self.open(entry) {
                return Some(event);
            }
        }
    }

    /// Takes an entry out of its bound; `None` if it is void by now.
    fn open(&self, entry: Entry) -> Option<Event> {
        match entry {
            Entry::Frame(event, _permit) => Some(event),
            Entry::Fact(event) => {
                self.facts.taken();
                Some(event)
            }
            Entry::Down(event, queue) => {
                self.facts.taken();
                queue.bury();
                Some(event)
            }
            Entry::Writable(queue) => {
                let bytes = queue.take_hint()?;
                Some(Event::Writable { link: queue.link(), bytes })
            }
        }
    }
}

/// Where the tasks of an endpoint report. Sending to a receiver that is gone does nothing.
#[derive(Clone)]
pub(crate) struct EventSender {
    entries: mpsc::UnboundedSender<Entry>,
    facts: Arc<Facts>,
}

impl EventSender {
    /// A frame; `permit` is its share of the peer's budget, given back when it is handed out.
    pub(crate) fn frame(&self, event: Event, permit: OwnedSemaphorePermit) {
        let _ = self.entries.send(Entry::Frame(event, permit));
    }

    pub(crate) fn fact(&self, event: Event) {
        self.facts.added();
        let _ = self.entries.send(Entry::Fact(event));
    }

    /// The end of the link `queue` belongs to.
    pub(crate) fn down(&self, event: Event, queue: Arc<SendQueue>) {
        self.facts.added();
        let _ = self.entries.send(Entry::Down(event, queue));
    }

    /// That the link has room; the caller holds the queue's one hint.
    pub(crate) fn writable(&self, queue: Arc<SendQueue>) {
        let _ = self.entries.send(Entry::Writable(queue));
    }

    pub(crate) fn is_crowded(&self) -> bool {
        self.facts.count.load(Ordering::Acquire) >= FACTS_MAX
    }

    /// Waits until the consumer has caught up after [`Self::is_crowded`], or is gone.
    pub(crate) async fn uncrowded(&self) {
        tokio::select! {
            () = self.facts.drained.notified() => {}
            () = self.entries.closed() => {}
        }
    }

    /// Waits until the receiver is gone.
    pub(crate) async fn closed(&self) {
        self.entries.closed().await;
    }
}

pub(crate) fn channel() -> (EventSender, EventReceiver) {
    // Unbounded as a channel: each kind of entry is admitted by a bound of its own, see above.
    let (sender, receiver) = mpsc::unbounded_channel();
    let facts = Arc::new(Facts { count: AtomicUsize::new(0), drained: Notify::new() });
    let sender = EventSender { entries: sender, facts: Arc::clone(&facts) };
    (sender, EventReceiver { entries: receiver, facts })
}

enum Entry {
    Frame(Event, OwnedSemaphorePermit),
    Fact(Event),
    Down(Event, Arc<SendQueue>),
    Writable(Arc<SendQueue>),
}

#[derive(Debug)]
struct Facts {
    count: AtomicUsize,
    drained: Notify,
}

impl Facts {
    fn added(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
    }

    fn taken(&self) {
        if self.count.fetch_sub(1, Ordering::AcqRel) == FACTS_MAX {
            self.drained.notify_one();
        }
    }
}

/// Facts that wait for the consumer before the driver pauses. What it is doing at that moment may
/// add a few more per link.
pub(crate) const FACTS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, DownCause, LinkId};

    fn link(number: u32) -> (LinkId, Arc<SendQueue>) {
        let link = LinkId::new(number);
        (link, Arc::new(SendQueue::new(link, 1000)))
    }

    #[test]
    fn writable_says_what_is_true_when_it_is_handed_out() {
        let (events, mut receiver) = channel();
        let (link, queue) = link(1);
        events.writable(Arc::clone(&queue));
        queue.push(Class::Data, vec![vec![0; 300].into()]).unwrap();
        assert_eq!(receiver.try_recv(), Some(Event::Writable { link, bytes: 700 }));
    }

    #[test]
    fn nothing_of_a_link_comes_after_its_end() {
        let (events, mut receiver) = channel();
        let (link, queue) = link(1);
        let down = Event::LinkDown { link, cause: DownCause::Shutdown };
        events.down(down.clone(), Arc::clone(&queue));
        events.writable(queue);
        assert_eq!(receiver.try_recv(), Some(down));
        assert_eq!(receiver.try_recv(), None);
    }

    #[tokio::test]
    async fn a_crowd_of_facts_is_noticed_and_its_end_as_well() {
        let (events, mut receiver) = channel();
        for _ in 0..FACTS_MAX + 3 {
            assert_eq!(events.is_crowded(), events.facts.count.load(Ordering::Relaxed) >= FACTS_MAX);
            events.fact(Event::Listening { address: crate::Multiaddr::empty() });
        }
        assert!(events.is_crowded());
        let (sender, taker) = (events.clone(), async {
            while events.is_crowded() {
                receiver.recv().await;
            }
        });
        tokio::join!(sender.uncrowded(), taker);
    }
}
