//! Whole messages that wait for a link to have room. Not in the specification.

use alloc::collections::VecDeque;
use alloc::sync::Arc;

use smallvec::SmallVec;

use crate::rpc::Message;
use crate::{MessageId, OutboxSettings, Time};

/// What waits for one link, by reference. Invariant L2: its bytes are right, and it is within its bounds.
///
/// Two classes, each in the order in which it came: first what nobody else will send the peer, our own messages and
/// those that it asked for; then what we pass on, which it may get from others.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    urgent: VecDeque<Waiting>,
    forwards: VecDeque<Waiting>,
    bytes: usize,
}

/// A message that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) id: MessageId,
    pub(crate) message: Arc<Message>,
    /// When it is no longer worth sending.
    pub(crate) until: Time,
}

/// Why a message is sent to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    /// It is ours, or the peer asked for it.
    Urgent,
    /// It is passed on.
    Forward,
}

impl Outbox {
    /// Queues a message. Gives those that had to leave for it: the oldest that we pass on, then the oldest of all.
    pub(crate) fn push(
        &mut self,
        class: Class,
        waiting: Waiting,
        bounds: &OutboxSettings,
    ) -> SmallVec<[Waiting; 1]> {
        self.bytes += waiting.message.data.len();
        match class {
            Class::Urgent => self.urgent.push_back(waiting),
            Class::Forward => self.forwards.push_back(waiting),
        }
        let mut dropped = SmallVec::new();
        while self.exceeds(bounds) {
            let oldest = self.forwards.pop_front().or_else(|| self.urgent.pop_front());
            dropped.extend(oldest.inspect(|oldest| self.bytes -= oldest.message.data.len()));
        }
        dropped
    }

    /// Payload of the next message to send.
    pub(crate) fn next_bytes(&self) -> Option<usize> {
        self.urgent.front().or_else(|| self.forwards.front()).map(|waiting| waiting.message.data.len())
    }

    /// Takes the next message to send.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let next = self.urgent.pop_front().or_else(|| self.forwards.pop_front())?;
        self.bytes -= next.message.data.len();
        Some(next)
    }

    /// Takes the messages that waited too long.
    pub(crate) fn take_expired(&mut self, now: Time) -> SmallVec<[Waiting; 1]> {
        let mut expired = SmallVec::new();
        for queue in [&mut self.urgent, &mut self.forwards] {
            // In one class all wait equally long.
            while let Some(waiting) = queue.pop_front_if(|waiting| waiting.until <= now) {
                self.bytes -= waiting.message.data.len();
                expired.push(waiting);
            }
        }
        expired
    }

    /// The peer does not need the message.
    pub(crate) fn remove(&mut self, id: &MessageId) {
        for queue in [&mut self.urgent, &mut self.forwards] {
            queue.retain(|waiting| {
                let unwanted = waiting.id == *id;
                self.bytes -= if unwanted { waiting.message.data.len() } else { 0 };
                !unwanted
            });
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.urgent.len() + self.forwards.len()
    }

    /// Whether another message would make one leave.
    pub(crate) fn is_full(&self, bounds: &OutboxSettings) -> bool {
        self.len() >= bounds.messages_max || self.bytes >= bounds.bytes_max
    }

    /// A single message may be longer than all may be together.
    fn exceeds(&self, bounds: &OutboxSettings) -> bool {
        self.len() > bounds.messages_max || (self.bytes > bounds.bytes_max && self.len() > 1)
    }

    pub(crate) fn is_sound(&self, bounds: &OutboxSettings) -> bool {
        let waiting = self.urgent.iter().chain(&self.forwards);
        let bytes: usize = waiting.map(|waiting| waiting.message.data.len()).sum();
        bytes == self.bytes && !self.exceeds(bounds)
    }
}
