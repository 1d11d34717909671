//! What tests and experiments do to a network while it runs.

use std::hash::Hash;

use braidcast_protocol::recording::Input as Recorded;
use braidcast_protocol::{DownCause, MessageRef, PublishError, SubscribeError, Topic};
use bytes::Bytes;

use crate::drive::{Happening, Input};
use crate::frames::FrameKey;
use crate::{Network, Sharing};

/// Why a message was not published.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommandError {
    /// Nobody is there to do it.
    #[error("node {node} is down")]
    Down {
        /// Which.
        node: usize,
    },
    /// The node refused.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Network {
    /// Joins a topic at every node, at those that are down as soon as they start.
    pub fn subscribe_all(&mut self, topic: &Topic) -> Result<(), SubscribeError> {
        (0..self.hosts.len()).try_for_each(|node| self.subscribe(node, topic))
    }

    /// Joins a topic at one node, now or when it starts, and again after each restart.
    pub fn subscribe(&mut self, node: usize, topic: &Topic) -> Result<(), SubscribeError> {
        self.subscribe_now(node as u32, topic)?;
        let topics = &mut self.hosts[node].topics;
        if !topics.contains(topic) {
            topics.push(topic.clone());
        }
        Ok(())
    }

    pub(crate) fn subscribe_now(&mut self, index: u32, topic: &Topic) -> Result<(), SubscribeError> {
        let host = &mut self.hosts[index as usize];
        let Some(node) = &mut host.node else { return Ok(()) };
        let local = host.clock.shows(self.now);
        self.trace.begin(Some(index), self.now, || format!("subscribe {topic}"));
        (32u8, topic).hash(&mut self.trace.hash);
        if let Some(recorder) = &mut self.recorder {
            recorder.note(index, local, || Recorded::Subscribe(topic.clone()));
        }
        node.subscribe(local, topic, &mut self.actions)?;
        self.settle(index);
        Ok(())
    }

    /// Leaves a topic; nothing happens when the node is not in it.
    pub fn unsubscribe(&mut self, node: usize, topic: &Topic) {
        let host = &mut self.hosts[node];
        host.topics.retain(|other| other != topic);
        let local = host.clock.shows(self.now);
        self.trace.begin(Some(node as u32), self.now, || format!("unsubscribe {topic}"));
        (33u8, topic).hash(&mut self.trace.hash);
        let Some(core) = &mut host.node else { return };
        if let Some(recorder) = &mut self.recorder {
            recorder.note(node as u32, local, || Recorded::Unsubscribe(topic.clone()));
        }
        if core.unsubscribe(local, topic, &mut self.actions).is_ok() {
            self.settle(node as u32);
        }
    }

    /// Publishes now.
    pub fn publish(
        &mut self,
        node: usize,
        topic: &Topic,
        payload: Bytes,
    ) -> Result<MessageRef, CommandError> {
        let host = &mut self.hosts[node];
        let core = host.node.as_mut().ok_or(CommandError::Down { node })?;
        let local = host.clock.shows(self.now);
        self.trace
            .begin(Some(node as u32), self.now, || format!("publish {} bytes to {topic}", payload.len()));
        (34u8, topic, &payload).hash(&mut self.trace.hash);
        if let Some(recorder) = &mut self.recorder {
            recorder.note(node as u32, local, || Recorded::Publish(topic.clone(), payload.clone()));
        }
        let message = core.publish(local, topic, payload.clone(), &mut self.actions)?;
        self.record.publish(&message, (node, self.hosts.len()), self.now, topic, payload);
        self.settle(node as u32);
        Ok(message)
    }

    /// Takes a node down; neighbours notice a latency later. Nothing happens when it is down already.
    pub fn crash(&mut self, node: usize) {
        if self.hosts[node].node.is_none() {
            return;
        }
        let (from, now) = (node as u32, self.now);
        let (links, uplink, processor) = self.hosts[node].crash();
        self.changes += 1;
        let (inputs, making) = processor.waiting();
        let arrived = inputs.filter_map(|input| match input {
            Input::Frame(frame) => Some(*frame),
            Input::Begins { .. }
            | Input::LinkUp { .. }
            | Input::LinkDown { .. }
            | Input::Room { .. }
            | Input::Wake => None,
        });
        let lost: Vec<FrameKey> =
            uplink.frames().chain(making.map(|made| made.frame)).chain(arrived).collect();
        lost.into_iter().for_each(|frame| {
            self.frames.take(frame);
        });
        if let Some(shares) = &mut self.shares {
            let plans = shares.stop(now, from);
            self.follow(plans);
        }
        for link in links {
            if let Some(pair) = self.pairs.get_mut(&(from.min(link.peer), from.max(link.peer))) {
                pair.up = false;
            }
            self.tell_lost(from, link.peer, link.generation, link.noticed(now));
        }
    }

    /// Starts a node that is down, with an empty memory; it connects to its first neighbours again.
    pub fn restart(&mut self, node: usize) {
        let life = self.hosts[node].life;
        self.queue.push(self.now, Happening::Start { node: node as u32, life });
    }

    /// Opens a link, unless there is one or one of the nodes is down.
    pub fn connect(&mut self, dialer: usize, other: usize) {
        self.link(dialer as u32, other as u32);
    }

    /// Ends a link, if there is one.
    pub fn disconnect(&mut self, closer: usize, other: usize) {
        self.close(closer as u32, other as u32, DownCause::Closed);
    }

    /// Sets the rate of one node's uplink, bytes per second, from its next frame on; `None` is unlimited.
    pub fn set_uplink(&mut self, node: usize, bytes_per_s: Option<u64>) {
        let host = &mut self.hosts[node];
        host.bytes_per_s = bytes_per_s;
        host.fastest.up = faster(host.fastest.up, bytes_per_s);
        if let Some(shares) = &mut self.shares {
            let plans = shares.set_uplink(self.now, node as u32, bytes_per_s);
            self.follow(plans);
        }
    }

    /// Sets the rate of one node's downlink, bytes per second, from the next frame on; `None` is unlimited.
    pub fn set_downlink(&mut self, node: usize, bytes_per_s: Option<u64>) {
        let host = &mut self.hosts[node];
        host.downlink.bytes_per_s = bytes_per_s;
        host.fastest.down = faster(host.fastest.down, bytes_per_s);
        let shared = self.world.downlinks == Sharing::FairShare;
        if let Some(shares) = self.shares.as_mut().filter(|_| shared) {
            let plans = shares.set_downlink(self.now, node as u32, bytes_per_s);
            self.follow(plans);
        }
    }
}

/// The greater rate; `None` is unlimited.
fn faster(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    Some(one?.max(other?))
}
