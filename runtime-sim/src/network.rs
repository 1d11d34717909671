//! The network as tests and experiments use it.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use braidcast_protocol::{Actions, Config, MessageId, PeerId, Seed, Time, Topic, TraceHash};

use crate::drive::Happening;
use crate::fault::{Churn, Cut, Stalled};
use crate::frames::Frames;
use crate::host::{Host, link_parts};
use crate::journal::Traces;
use crate::links::Pair;
use crate::processor::Machine;
use crate::queue::Schedule;
use crate::record::Record;
use crate::recorder::Recorder;
use crate::rng::{Concern, Draws};
use crate::share::Shares;
use crate::world::World;
use crate::{
    Builder, Checkpoint, Failure, Fault, JournalEntry, NodeStats, NodeTrace, Published, Queue, ShardArrival,
    Violation, Watch,
};

/// Nodes, the links between them, and the time they live in.
///
/// Nodes are numbered from 0. The same seed and calls give the same run, to the last bit, on every machine.
pub struct Network {
    pub(crate) now: Time,
    pub(crate) seed: Seed,
    pub(crate) world: World,
    pub(crate) hosts: Vec<Host>,
    pub(crate) machine: Machine,
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
    pub(crate) recorder: Option<Recorder>,
    pub(crate) actions: Actions,
    pub(crate) traces: Vec<NodeTrace>,
    /// The number of the next frame.
    pub(crate) frames_sent: u64,
    pub(crate) events: u64,
    /// Deliveries, starts and crashes: what can change the answer to who lacks a message.
    pub(crate) changes: u64,
    failure: Option<Failure>,
}

impl Network {
    /// Settings of a network of which everything random follows from `seed`, and whose nodes share `config`.
    pub fn builder(seed: Seed, config: Arc<Config>) -> Builder {
        Builder::new(seed, config)
    }

    pub(crate) fn empty(seed: Seed, world: World, queue: Queue, watch: Watch) -> Self {
        Self {
            now: Time::EPOCH,
            loss: Draws::new(&seed, Concern::Loss),
            jitter: Draws::new(&seed, Concern::Jitter),
            seed,
            machine: Machine::new(&world.processing),
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
            trace: Traces::new(watch),
            recorder: None,
            actions: Actions::new(),
            traces: Vec::new(),
            frames_sent: 0,
            events: 0,
            changes: 0,
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

    /// Keeps every arrival of a shard or copy of one message from now on, in place of an earlier message's.
    pub fn log_spread(&mut self, message: &MessageId) {
        self.record.log_spread(message);
    }

    /// The arrivals of the message that is logged, in order.
    pub fn spread(&self) -> &[ShardArrival] {
        self.record.spread()
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

    /// Entries of the trace so far: commands, events and faults.
    pub const fn entries(&self) -> u64 {
        self.trace.entries()
    }

    /// The checkpoints that were asked for ([`Builder::watch`]).
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.trace.checkpoints
    }

    /// The part of the trace in words that was asked for ([`Builder::watch`]).
    pub fn journal(&self) -> Vec<JournalEntry> {
        self.trace.journal()
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
