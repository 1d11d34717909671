//! What a node was told, and what it did: a run of one node that can be repeated without the others.
//!
//! A driver notes each input before it gives it to the node, and the actions after; [`Recording::replay`] gives the
//! same inputs to a fresh node and compares. So an incident becomes a test, whether it happened in the simulator or
//! in production.
//!
//! A recording holds the node's seed and everything that it saw: keep it as secret as the node's key.
//!
//! # Text format
//!
//! Lines of words. The first is `braidcast recording 2`, the second `node PEER seed SEED born NANOS`; each other one
//! is a step, `NANOS INPUT = DIGEST`, with times in nanoseconds since the driver's epoch and the digest of the actions
//! in hexadecimal. Bytes (peers, ids, topics, payloads, frames as they are on the wire, without length) are
//! hexadecimal, `-` when empty, as is an unknown IP address. Inputs:
//!
//! ```text
//! up LINK PEER out|in PROTOCOL IP  down LINK lost|closed|slow     frame LINK FRAME     malformed LINK
//! ready LINK BYTES                 stats LINK RTT_NANOS LOST      judged ID accept|reject|ignore
//! record LINK ENVELOPE
//! subscribe TOPIC                  unsubscribe TOPIC              publish TOPIC PAYLOAD                wake
//! rated PEER MILLIONTHS
//! ```

mod read;
mod write;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{Action, Actions, Config, Event, Keys, Node, PeerId, Seed, Time, Topic, TraceHash};

/// The life of one node.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Who it is.
    pub me: PeerId,
    /// What its random choices follow from.
    pub seed: Seed,
    /// When it was made.
    pub born: Time,
    /// What it was told, and what it did.
    pub steps: Vec<Step>,
}

/// One input and what came of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// The node's time.
    pub at: Time,
    /// What it was told.
    pub input: Input,
    /// Digest of its actions.
    pub actions: u128,
}

/// A fact or a command.
#[derive(Clone, Debug)]
pub enum Input {
    /// [`Node::handle`]
    Event(Box<Event>),
    /// [`Node::subscribe`]
    Subscribe(Topic),
    /// [`Node::unsubscribe`]
    Unsubscribe(Topic),
    /// [`Node::publish`]
    Publish(Topic, Bytes),
}

/// A step at which a replay did something else.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("step {step} at {at:?}, {input}: recorded actions {expected:032x}, now {found:032x}: {actions}")]
pub struct Mismatch {
    /// Its number, from 0.
    pub step: usize,
    /// When.
    pub at: Time,
    /// What the node was told, as in the text format.
    pub input: String,
    /// Digest of the recorded actions.
    pub expected: u128,
    /// Digest of the actions now.
    pub found: u128,
    /// The actions now.
    pub actions: String,
}

/// Text that is no recording.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line} of the recording: expected {expected}")]
pub struct ReadError {
    /// Which, from 1.
    pub line: usize,
    /// What should have stood there.
    pub expected: &'static str,
}

impl Recording {
    /// Of a node that has just been made of these.
    pub const fn new(me: PeerId, seed: Seed, born: Time) -> Self {
        Self { me, seed, born, steps: Vec::new() }
    }

    /// Notes what the node is about to be told.
    pub fn note(&mut self, at: Time, input: Input) {
        self.steps.push(Step { at, input, actions: 0 });
    }

    /// Notes what it did, before the actions are drained.
    pub fn note_actions(&mut self, out: &Actions) {
        if let Some(step) = self.steps.last_mut() {
            step.actions = digest(out.as_slice());
        }
    }

    /// Lives it again. `config` and `keys` are those of the recorded node: they are no part of the recording.
    pub fn replay(&self, config: Arc<Config>, keys: Arc<dyn Keys>) -> Result<(), Mismatch> {
        let mut node = Node::new(config, self.me, keys, self.seed.clone(), self.born);
        let mut out = Actions::new();
        for (number, step) in self.steps.iter().enumerate() {
            step.input.clone().give(&mut node, step.at, &mut out);
            let found = digest(out.as_slice());
            if found != step.actions {
                return Err(Mismatch {
                    step: number,
                    at: step.at,
                    input: step.input.to_text(),
                    expected: step.actions,
                    found,
                    actions: alloc::format!("{:?}", out.as_slice()),
                });
            }
            out.drain().for_each(drop);
        }
        Ok(())
    }
}

impl Input {
    /// Gives it to a node. A command that is refused changes nothing, then as now.
    fn give(self, node: &mut Node, at: Time, out: &mut Actions) {
        let _refused = match self {
            Self::Event(event) => {
                node.handle(at, *event, out);
                false
            }
            Self::Subscribe(topic) => node.subscribe(at, &topic, out).is_err(),
            Self::Unsubscribe(topic) => node.unsubscribe(at, &topic, out).is_err(),
            Self::Publish(topic, payload) => node.publish(at, &topic, payload, out).is_err(),
        };
    }
}

fn digest(actions: &[Action]) -> u128 {
    let mut hash = TraceHash::new();
    actions.iter().for_each(|action| action.fold_into(&mut hash));
    hash.value()
}
