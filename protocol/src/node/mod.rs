//! The node: one input, what follows from it, the next deadline.

mod arriving;
mod commands;
mod deliver;
mod flush;
mod meta;
mod rpc;
mod snapshot;

use alloc::sync::Arc;

use rand_core::Rng;

pub use self::snapshot::{Held, NodeSnapshot, PeerState, TopicState};
use crate::ctx::Ctx;
use crate::direct::Direct;
use crate::gossip::Gossip;
use crate::invariants::Broken;
use crate::links::Links;
use crate::mesh::Mesh;
use crate::rpc::{Extensions, Limits, Rpc, RpcFault, Subscription};
use crate::score::Scores;
use crate::seed::Streams;
use crate::shards::Shards;
use crate::{
    Action, Actions, Agent, CloseReason, Config, Event, Fold, Keys, LinkId, Misdeed, Mode, Origin, PeerId,
    Protocol, Seed, Time, Topic, Trace, TraceHash,
};

/// One node of a publish/subscribe network: a state machine without clock, sockets or entropy of its own.
///
/// See the crate's documentation for the loop that drives it.
pub struct Node {
    config: Arc<Config>,
    me: PeerId,
    keys: Arc<dyn Keys>,
    rng: Streams,
    links: Links,
    mesh: Mesh,
    gossip: Gossip,
    shards: Shards,
    scores: Scores,
    direct: Direct,
    /// The sequence number of the next publication.
    seqno: u64,
    heartbeat_at: Time,
    /// The time of the last input.
    now: Time,
}

/// When a node wants to be woken, and what for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline {
    /// When.
    pub at: Time,
    /// What for.
    pub timer: Timer,
}

/// What a deadline is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Timer {
    /// Mesh upkeep and gossip.
    Heartbeat,
    /// A pull of shards that did not come.
    Repair,
    /// A neighbour that keeps others from their turn.
    Turn,
}

/// The features, apart from what all of them need.
struct Parts<'a> {
    mesh: &'a mut Mesh,
    gossip: &'a mut Gossip,
    shards: &'a mut Shards,
    direct: &'a mut Direct,
}

impl Node {
    /// A node without links and topics.
    ///
    /// `me` is the peer id of `keys`. Every random choice follows from `seed`.
    pub fn new(config: Arc<Config>, me: PeerId, keys: Arc<dyn Keys>, seed: Seed, now: Time) -> Self {
        let mut rng = Streams::new(&seed);
        // Message ids are publisher and number, so a restarted node must not start at the same number.
        let seqno = rng.seqno.next_u64() >> 1;
        Self {
            gossip: Gossip::new(&config, &mut rng),
            shards: Shards::new(&config, &mut rng),
            heartbeat_at: now + config.mesh.heartbeat_initial_delay,
            direct: Direct::new(&config, now),
            links: Links::default(),
            mesh: Mesh::default(),
            scores: Scores::new(now),
            config,
            me,
            keys,
            rng,
            seqno,
            now,
        }
    }

    /// Takes a fact. Drain `out` before the next call.
    pub fn handle(&mut self, now: Time, event: Event, out: &mut Actions) {
        match event {
            Event::LinkUp { link, peer, origin, agent } => {
                self.on_link_up(now, link, peer, origin, agent, out);
            }
            Event::LinkDown { link, cause: _ } => self.on_link_down(now, link, out),
            Event::Received { link, rpc } => self.on_rpc(now, link, rpc, out),
            Event::Arriving { link, head } => {
                let (mut parts, mut cx) = self.split(now, out);
                parts.on_arriving(&mut cx, link, head);
            }
            Event::Malformed { link, fault } => self.on_malformed(now, link, fault, out),
            Event::LinkReady { link, bytes } => self.links.set_room(link, bytes),
            Event::LinkStats { link, rtt, lost } => {
                if let Some(held) = self.links.get_mut(link) {
                    held.rtt = Some(rtt);
                    held.lost = lost;
                }
                self.shards.on_stats(link);
            }
            Event::PeerRecord { link, record } => self.links.set_record(link, record),
            Event::Judged { message, verdict } => self.on_judged(now, &message, verdict, out),
            Event::Rated { peer, score } => self.scores.on_rated(&self.config, now, &peer, score),
            Event::Wake => self.on_wake(now, out),
        }
        self.flush(now, out);
    }

    /// When to call again with [`Event::Wake`], unless something happens before.
    pub fn next_deadline(&self) -> Option<Deadline> {
        let heartbeat = Deadline { at: self.heartbeat_at, timer: Timer::Heartbeat };
        let repair = self.shards.next_repair().map(|at| Deadline { at, timer: Timer::Repair });
        let turn = self.links.next_turn().map(|at| Deadline { at, timer: Timer::Turn });
        [Some(heartbeat), repair, turn].into_iter().flatten().min()
    }

    /// What a frame for this node may hold.
    pub fn limits(&self) -> Limits {
        self.config.limits()
    }

    /// The mesh of a topic, in order; empty when the node is not in it.
    pub fn mesh(&self, topic: &Topic) -> impl Iterator<Item = LinkId> + '_ {
        self.mesh.members(topic).iter().copied()
    }

    /// Whether all rules hold that must hold between any two inputs.
    pub fn check_invariants(&self) -> Result<(), Broken> {
        self.links.check(&self.config)?;
        self.mesh.check(self.now, &self.links)?;
        self.gossip.check(&self.config, &self.links)?;
        self.scores.check(&self.config, &self.links)?;
        self.shards.check(&self.config, self.now, &self.links, &self.mesh)
    }

    /// Adds a digest of the state.
    pub fn fold_into(&self, hash: &mut TraceHash) {
        (self.me, self.seqno, self.heartbeat_at).fold_into(hash);
        self.mesh.fold_into(hash);
        self.gossip.fold_into(hash);
        self.shards.fold_into(hash);
        if self.config.score.enabled {
            self.scores.fold_into(hash);
        }
    }

    /// Disjoint borrows of the features and of what they work with.
    fn split<'a>(&'a mut self, now: Time, out: &'a mut Actions) -> (Parts<'a>, Ctx<'a>) {
        self.now = now;
        let parts = Parts {
            mesh: &mut self.mesh,
            gossip: &mut self.gossip,
            shards: &mut self.shards,
            direct: &mut self.direct,
        };
        let cx = Ctx {
            now,
            config: &self.config,
            me: self.me,
            keys: &*self.keys,
            rng: &mut self.rng,
            links: &mut self.links,
            scores: &mut self.scores,
            out,
        };
        (parts, cx)
    }

    fn on_link_up(
        &mut self,
        now: Time,
        link: LinkId,
        peer: PeerId,
        origin: Origin,
        agent: Agent,
        out: &mut Actions,
    ) {
        if self.scores.is_refused(&peer, now) {
            out.push(Action::Close { link, reason: CloseReason::Reputation });
            return;
        }
        if let Some(earlier) = self.links.up(&self.config, link, peer, origin, agent) {
            self.on_link_down(now, earlier, out);
        }
        self.scores.on_link_up(&self.config, now, peer, agent.ip);
        out.trace(|| Trace::AddPeer { peer, protocol: agent.protocol });
        let topics = self.mesh.topics().cloned();
        let subscriptions = topics.map(|topic| Subscription { subscribe: true, topic }).collect();
        // v1.3: extensions stand in the first frame and never again.
        let extensions = (agent.protocol >= Protocol::Meshsub13 && self.config.mode == Mode::Optimum)
            .then_some(Extensions { coded: true });
        if let Some(rpc) = self.links.control(link) {
            *rpc = Rpc { subscriptions, ..Rpc::default() };
            rpc.control.extensions = extensions;
        }
    }

    fn on_link_down(&mut self, now: Time, link: LinkId, out: &mut Actions) {
        let (mut parts, mut cx) = self.split(now, out);
        parts.mesh.on_link_down(link);
        parts.shards.on_link_down(link);
        if let Some(arrival) = parts.gossip.on_link_down(link) {
            parts.on_not_arrived(&mut cx, link, &arrival.topic, &arrival.id);
        }
        if let Some(gone) = cx.links.down(link) {
            cx.scores.on_link_down(cx.config, now, &gone.peer);
            cx.out.trace(|| Trace::RemovePeer { peer: gone.peer });
        }
    }

    /// The link's framing is lost or its peer does not keep the rules: nothing more can be read from it.
    fn on_malformed(&mut self, now: Time, link: LinkId, _fault: RpcFault, out: &mut Actions) {
        if self.links.is_live(link) {
            self.split(now, out).1.misbehaved(link, Misdeed::Malformed, None);
            self.close(now, link, CloseReason::Malformed, out);
        }
    }

    fn close(&mut self, now: Time, link: LinkId, reason: CloseReason, out: &mut Actions) {
        out.push(Action::Close { link, reason });
        self.on_link_down(now, link, out);
    }

    /// Faults before scores, scores before meshes: so that nobody below zero is left in a mesh.
    fn on_wake(&mut self, now: Time, out: &mut Actions) {
        let due = self.heartbeat_at <= now;
        let (mut parts, mut cx) = self.split(now, out);
        cx.links.expire_turns(now);
        parts.shards.on_wake(&mut cx);
        if !due {
            return;
        }
        parts.drop_expired(&mut cx);
        parts.gossip.check_promises(&mut cx);
        parts.check_arrivals(&mut cx);
        for link in self.scores.heartbeat(&self.config, now, &self.links, &self.mesh) {
            self.close(now, link, CloseReason::Reputation, out);
        }
        let (mut parts, mut cx) = self.split(now, out);
        cx.links.heartbeat();
        parts.direct.heartbeat(&mut cx);
        for (topic, link) in parts.mesh.heartbeat(&mut cx) {
            parts.on_new_member(&mut cx, link, &topic);
        }
        for (topic, link) in parts.mesh.fanout_heartbeat(&mut cx) {
            parts.on_new_member(&mut cx, link, &topic);
        }
        parts.gossip.heartbeat(&mut cx, parts.mesh);
        parts.shards.heartbeat(&mut cx, parts.mesh);
        self.heartbeat_at = now + self.config.mesh.heartbeat;
    }
}

impl Parts<'_> {
    /// A link is sent messages of a topic from now on, by mesh, fanout or peering agreement: it hears of what it may have missed.
    fn on_new_member(&mut self, cx: &mut Ctx<'_>, link: LinkId, topic: &Topic) {
        self.shards.on_graft(cx, link, topic);
        self.gossip.greet(cx, link, topic);
    }
}

impl core::fmt::Debug for Node {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Node").field("me", &self.me).finish_non_exhaustive()
    }
}
