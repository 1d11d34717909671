//! A node's processor: one input after another, each at a price.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::time::Duration;

use braidcast_protocol::Time;

use crate::drive::Input;
use crate::uplink::Waiting;

/// What a node's processor spends, the same for all nodes; the default is nothing.
///
/// A frame takes effect after it was paid for; a shard or message that is sent enters the uplink after it was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Processing {
    /// For each frame that arrives.
    pub per_frame: Duration,
    /// For each thousand bytes that arrive, as charged: hashing and decoding.
    pub per_kilobyte_in: Duration,
    /// For each thousand bytes of data that are sent, as charged: coding.
    pub per_kilobyte_out: Duration,
    /// All nodes run on this many processors, as on one machine; each has one of its own without.
    pub processors: Option<NonZeroU16>,
}

impl Processing {
    pub(crate) fn of_arrival(&self, bytes: u64) -> Duration {
        self.per_frame + of_bytes(self.per_kilobyte_in, bytes)
    }

    pub(crate) fn of_making(&self, bytes: u64) -> Duration {
        of_bytes(self.per_kilobyte_out, bytes)
    }
}

fn of_bytes(per_kilobyte: Duration, bytes: u64) -> Duration {
    let nanos = per_kilobyte.as_nanos() * u128::from(bytes) / 1000;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The work of one node's processor.
#[derive(Debug)]
pub(crate) struct Processor {
    /// When it has done all that was given to it.
    free_at: Time,
    /// It does nothing before this.
    paused_until: Time,
    /// Inputs not handled yet, first come first.
    inbox: VecDeque<Input>,
    /// Data being made, for the uplink.
    making: VecDeque<Waiting>,
}

impl Default for Processor {
    fn default() -> Self {
        Self {
            free_at: Time::EPOCH,
            paused_until: Time::EPOCH,
            inbox: VecDeque::new(),
            making: VecDeque::new(),
        }
    }
}

impl Processor {
    /// Whether an input without a price takes effect at once.
    pub(crate) fn is_idle(&self, now: Time) -> bool {
        self.inbox.is_empty() && self.free_at <= now
    }

    /// Takes an input; when it takes effect.
    pub(crate) fn take_in(
        &mut self,
        now: Time,
        input: Input,
        price: Duration,
        machine: &mut Machine,
    ) -> Time {
        self.inbox.push_back(input);
        self.spend(now, price, machine)
    }

    /// Takes something to be made; when it is.
    pub(crate) fn make(
        &mut self,
        now: Time,
        waiting: Waiting,
        price: Duration,
        machine: &mut Machine,
    ) -> Time {
        self.making.push_back(waiting);
        self.spend(now, price, machine)
    }

    fn spend(&mut self, now: Time, price: Duration, machine: &mut Machine) -> Time {
        self.free_at = self.free_at.max(machine.run(now, self.free_at, price)) + price;
        self.free_at
    }

    /// The input that takes effect now; or until when it has to wait.
    pub(crate) fn next_input(&mut self, now: Time) -> Result<Option<Input>, Time> {
        if now < self.paused_until { Err(self.paused_until) } else { Ok(self.inbox.pop_front()) }
    }

    pub(crate) fn next_made(&mut self) -> Option<Waiting> {
        self.making.pop_front()
    }

    /// Does nothing until `until`.
    pub(crate) fn pause(&mut self, until: Time) {
        self.paused_until = self.paused_until.max(until);
        self.free_at = self.free_at.max(until);
    }

    /// Everything that waits in it.
    pub(crate) fn waiting(&self) -> (impl Iterator<Item = &Input>, impl Iterator<Item = &Waiting>) {
        (self.inbox.iter(), self.making.iter())
    }
}

/// Processors that all nodes share; none if each has its own.
#[derive(Debug)]
pub(crate) struct Machine {
    /// When each has done what was given to it.
    free_at: Vec<Time>,
}

impl Machine {
    pub(crate) fn new(processing: &Processing) -> Self {
        let processors = processing.processors.map_or(0, NonZeroU16::get);
        Self { free_at: vec![Time::EPOCH; usize::from(processors)] }
    }

    /// Gives work to the processor that is free first; when it begins. Work of nodes is done in the order in which it
    /// came, and a node is on one processor at a time: while it is busy until `busy`, its work waits for one that is
    /// free no sooner, so none waits for a node.
    fn run(&mut self, now: Time, busy: Time, price: Duration) -> Time {
        let after = if busy > now { busy } else { Time::EPOCH };
        let later = self.free_at.iter_mut().filter(|free| **free >= after).min();
        match later {
            Some(free) => {
                let begin = (*free).max(now);
                *free = begin + price;
                begin
            }
            // No shared processor, or a node that pauses: its work is done when it goes on.
            None => now,
        }
    }
}
