//! Keeps what one node is told, so that its life can be repeated without the network.

use braidcast_protocol::recording::{Input, Recording};
use braidcast_protocol::{Actions, PeerId, Seed, Time};

use crate::Network;

/// The lives of one node.
#[derive(Debug)]
pub(crate) struct Recorder {
    node: u32,
    lives: Vec<Recording>,
}

impl Recorder {
    pub(crate) const fn new(node: u32) -> Self {
        Self { node, lives: Vec::new() }
    }

    pub(crate) fn born(&mut self, node: u32, me: PeerId, seed: Seed, at: Time) {
        if node == self.node {
            self.lives.push(Recording::new(me, seed, at));
        }
    }

    pub(crate) fn note(&mut self, node: u32, at: Time, input: impl FnOnce() -> Input) {
        if let Some(life) = self.lives.last_mut().filter(|_| node == self.node) {
            life.note(at, input());
        }
    }

    pub(crate) fn note_actions(&mut self, node: u32, out: &Actions) {
        if let Some(life) = self.lives.last_mut().filter(|_| node == self.node) {
            life.note_actions(out);
        }
    }
}

impl Network {
    /// The lives of the node that is recorded ([`crate::Builder::record`]), one for each start.
    pub fn recordings(&self) -> &[Recording] {
        self.recorder.as_ref().map_or(&[], |recorder| &recorder.lives)
    }
}
