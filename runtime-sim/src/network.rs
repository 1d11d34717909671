//! The network as tests and experiments use it.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use braidcast_protocol::{
    Actions, Config, DownCause, Fold, MessageId, MessageRef, PeerId, PublishError, Seed, SubscribeError,
    Time, Topic, TraceHash,
};
use bytes::Bytes;

use crate::drive::{Happening, Input};
use crate::fault::{Churn, Cut, Stalled};
use crate::frames::{FrameKey, Frames};
use crate::host::{Host, link_parts};
use crate::links::Pair;
use crate::queue::Schedule;
use crate::rng::{Concern, Draws};
use crate::share::Shares;
use crate::stats::{Delivery, Record};
use crate::world::World;
use crate::{Builder, Failure, Fault, NodeStats, NodeTrace, Published, Queue, Sharing, Violation};

/// Nodes, the links between them, and the time they live in.
///
/// Nodes are numbered from 0. The same seed and calls give the same run, to the last bit, on every machine.
pub struct Network {
    pub(crate) now: Time,
    pub(crate) seed: Seed,
    pub(crate) world: World,
    pub(crate) hosts: Vec<Host>,
    pub(crate) peers: BTreeMap<PeerId, u32>,
    pub(crate) pairs: BTreeMap<(u32, u32), Pair>,
    pub(crate) queue: Schedule<Happening>,
    /// Frames under way.
    pub(crate) frames: Frames,
    /// Transfers on lines that are shared fairly, if there are such.
    pub(crate) shares: Option<Shares>,
    pub(crate) loss: Draws,
    pub(crate) jitter: Draws,
    /// Faults that were scheduled, by number.
    pub(crate) faults: Vec<Fault>,
    /// Churn by number; `None` when it has ended.
    pub(crate) churns: Vec<Option<Churn>>,
    /// Adversaries set so far.
    pub(crate) attacks: u32,
    pub(crate) cuts: Vec<Cut>,
    /// How often cuts were mended.
    pub(crate) heals: u32,
    /// What was sent into a cut, by sender and receiver.
    pub(crate) stalled: BTreeMap<(u32, u32), Stalled>,
    pub(crate) record: Record,
    pub(crate) trace: Traces,
    pub(crate) actions: Actions,
    pub(crate) traces: Vec<NodeTrace>,
    /// The number of the next frame.
    pub(crate) frames_sent: u64,
    pub(crate) events: u64,
    failure: Option<Failure>,
}

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
    /// Settings of a network of which everything random follows from `seed`, and whose nodes share `config`.
    pub fn builder(seed: Seed, config: Arc<Config>) -> Builder {
        Builder::new(seed, config)
    }

    pub(crate) fn empty(seed: Seed, world: World, queue: Queue) -> Self {
        Self {
            now: Time::EPOCH,
            loss: Draws::new(&seed, Concern::Loss),
            jitter: Draws::new(&seed, Concern::Jitter),
            seed,
            world,
            hosts: Vec::new(),
            peers: BTreeMap::new(),
            pairs: BTreeMap::new(),
            queue: Schedule::new(queue),
            frames: Frames::default(),
            shares: None,
            faults: Vec::new(),
            churns: Vec::new(),
            attacks: 0,
            cuts: Vec::new(),
            heals: 0,
            stalled: BTreeMap::new(),
            record: Record::default(),
            trace: Traces::default(),
            actions: Actions::new(),
            traces: Vec::new(),
            frames_sent: 0,
            events: 0,
            failure: None,
        }
    }

    /// Lets everything happen that is due until `until`, which becomes the present.
    pub fn run_until(&mut self, until: Time) -> Result<(), Failure> {
        while self.step(until)? {}
        self.now = self.now.max(until);
        Ok(())
    }

    /// Runs until `met` holds after an event, or `bound` is reached; whether it was met.
    pub fn run_until_met(
        &mut self,
        bound: Time,
        mut met: impl FnMut(&Self) -> bool,
    ) -> Result<bool, Failure> {
        while !met(self) {
            if !self.step(bound)? {
                self.now = self.now.max(bound);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs until every node that is up and in the topic has each of the messages, or `bound` is reached.
    pub fn run_until_delivered(&mut self, messages: &[MessageId], bound: Time) -> Result<bool, Failure> {
        // Who had a message keeps it, so the question is for one node at a time, until none is found.
        let mut waits_for = (0, 0);
        self.run_until_met(bound, |network| {
            let (mut message, mut node) = waits_for;
            while let Some(id) = messages.get(message) {
                if let Some(lacking) = (node..network.nodes()).find(|node| network.lacks(*node, id)) {
                    waits_for = (message, lacking);
                    return false;
                }
                (message, node) = (message + 1, 0);
            }
            // Faults may have brought somebody back behind the one that was waited for.
            waits_for = (0, 0);
            messages.iter().all(|message| network.missing(message).is_empty())
        })
    }

    /// One event, if it is due by `until`.
    fn step(&mut self, until: Time) -> Result<bool, Failure> {
        let next = self.queue.pop_due(until);
        if let Some((at, what)) = next {
            self.now = at;
            self.happen(what);
        }
        match &self.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(next.is_some()),
        }
    }

    pub(crate) fn fail(&mut self, node: u32, violation: Violation) {
        // What follows from the first is of no interest.
        self.failure.get_or_insert(Failure { at: self.now, node: node as usize, violation });
    }

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
        self.trace.fold_node(index, self.now);
        (32u8, topic).hash(&mut self.trace.hash);
        node.subscribe(host.clock.shows(self.now), topic, &mut self.actions)?;
        self.settle(index);
        Ok(())
    }

    /// Leaves a topic; nothing happens when the node is not in it.
    pub fn unsubscribe(&mut self, node: usize, topic: &Topic) {
        let host = &mut self.hosts[node];
        host.topics.retain(|other| other != topic);
        self.trace.fold_node(node as u32, self.now);
        (33u8, topic).hash(&mut self.trace.hash);
        if let Some(core) = &mut host.node
            && core.unsubscribe(host.clock.shows(self.now), topic, &mut self.actions).is_ok()
        {
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
        self.trace.fold_node(node as u32, self.now);
        (34u8, topic, &payload).hash(&mut self.trace.hash);
        let message = core.publish(host.clock.shows(self.now), topic, payload.clone(), &mut self.actions)?;
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
        let (inputs, making) = processor.waiting();
        let arrived = inputs.filter_map(|input| match input {
            Input::Frame(frame) => Some(*frame),
            Input::LinkUp { .. } | Input::LinkDown { .. } | Input::Room { .. } | Input::Wake => None,
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
        self.hosts[node].bytes_per_s = bytes_per_s;
        if let Some(shares) = &mut self.shares {
            let plans = shares.set_uplink(self.now, node as u32, bytes_per_s);
            self.follow(plans);
        }
    }

    /// Sets the rate of one node's downlink, bytes per second, from the next frame on; `None` is unlimited.
    pub fn set_downlink(&mut self, node: usize, bytes_per_s: Option<u64>) {
        self.hosts[node].downlink.bytes_per_s = bytes_per_s;
        let shared = self.world.downlinks == Sharing::FairShare;
        if let Some(shares) = self.shares.as_mut().filter(|_| shared) {
            let plans = shares.set_downlink(self.now, node as u32, bytes_per_s);
            self.follow(plans);
        }
    }

    /// The present.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// How many nodes there are, those that are down included.
    pub const fn nodes(&self) -> usize {
        self.hosts.len()
    }

    /// Whether a node is up.
    pub fn is_up(&self, node: usize) -> bool {
        self.hosts[node].node.is_some()
    }

    /// Events that nodes were given so far.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Frames that nodes sent so far.
    pub const fn frames(&self) -> u64 {
        self.frames_sent
    }

    /// Links that are up.
    pub fn links(&self) -> usize {
        self.pairs.values().filter(|pair| pair.up).count()
    }

    /// Whether nobody can dial a node.
    pub fn is_behind_nat(&self, node: usize) -> bool {
        self.hosts[node].nat
    }

    /// The number of the region in which a node lives; `None` without [`crate::Latency::Regions`].
    pub fn region(&self, node: usize) -> Option<usize> {
        self.world.latencies.region(node).map(usize::from)
    }

    /// Traffic of a node.
    pub fn stats(&self, node: usize) -> NodeStats {
        self.hosts[node].stats
    }

    /// A published message and its deliveries.
    pub fn published(&self, message: &MessageId) -> Option<&Published> {
        self.record.get(message)
    }

    /// All published messages, by id.
    pub fn messages(&self) -> impl Iterator<Item = (&MessageId, &Published)> {
        self.record.iter()
    }

    /// Nodes that are up and in the message's topic but never delivered it; all of them for an unknown message.
    pub fn missing(&self, message: &MessageId) -> Vec<usize> {
        (0..self.hosts.len()).filter(|node| self.lacks(*node, message)).collect()
    }

    fn lacks(&self, node: usize, message: &MessageId) -> bool {
        let host = &self.hosts[node];
        let wants =
            |published: &Published| host.topics.contains(&published.topic) && !published.reached(node);
        host.node.is_some() && self.record.get(message).is_none_or(wants)
    }

    /// The neighbours in a node's mesh, ascending.
    pub fn mesh(&self, node: usize, topic: &Topic) -> Vec<usize> {
        let Some(core) = &self.hosts[node].node else { return Vec::new() };
        let neighbour = |link| link_parts(link, self.hosts.len()).0 as usize;
        let mut mesh: Vec<usize> = core.mesh(topic).map(neighbour).collect();
        mesh.sort_unstable();
        mesh
    }

    /// Whether every mesh membership is mutual. Holds when nothing was grafted or pruned for a round trip.
    pub fn check_mesh_symmetry(&self, topic: &Topic) -> Result<(), Failure> {
        let meshes: Vec<_> = (0..self.hosts.len()).map(|node| self.mesh(node, topic)).collect();
        for (node, mesh) in meshes.iter().enumerate() {
            let one_sided = mesh.iter().find(|neighbour| meshes[**neighbour].binary_search(&node).is_err());
            if let Some(&neighbour) = one_sided {
                let violation = Violation::AsymmetricMesh { neighbour, topic: topic.clone() };
                return Err(Failure { at: self.now, node, violation });
            }
        }
        Ok(())
    }

    /// Has the nodes' trace events recorded from now on, or no longer. They are no part of the digests.
    pub const fn record_traces(&mut self, on: bool) {
        self.actions.set_tracing(on);
    }

    /// The trace events recorded since the last call, in order.
    pub fn take_traces(&mut self) -> Vec<NodeTrace> {
        std::mem::take(&mut self.traces)
    }

    /// Digest of every command, event and action so far: equal runs have equal digests.
    pub const fn trace_hash(&self) -> u128 {
        self.trace.hash.value()
    }

    /// Digest of every delivery so far: message, node and time.
    pub const fn delivery_hash(&self) -> u128 {
        self.trace.deliveries.value()
    }

    /// Digest of what all nodes hold in memory now.
    pub fn state_hash(&self) -> u128 {
        let mut hash = TraceHash::new();
        for (index, host) in self.hosts.iter().enumerate() {
            (index, host.life, host.node.is_some()).hash(&mut hash);
            if let Some(node) = &host.node {
                node.fold_into(&mut hash);
            }
        }
        hash.value()
    }

    pub(crate) fn host_mut(&mut self, index: u32) -> &mut Host {
        &mut self.hosts[index as usize]
    }
}

/// The digests of a run.
#[derive(Default)]
pub(crate) struct Traces {
    pub(crate) hash: TraceHash,
    deliveries: TraceHash,
}

impl Traces {
    /// Starts an entry: who, and when.
    pub(crate) fn fold_node(&mut self, index: u32, now: Time) {
        (index, now).fold_into(&mut self.hash);
    }

    pub(crate) fn fold_delivery(&mut self, message: &MessageId, delivery: &Delivery) {
        (message, delivery).fold_into(&mut self.deliveries);
    }
}
