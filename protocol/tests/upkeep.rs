//! Meshes under random peers: within their bounds after each heartbeat, no GRAFT inside a backoff, and nothing kept
//! for longer than it may be.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test may fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::rpc::{Control, Prune, Rpc, Subscription};
use braidcast_protocol::{
    Action, Actions, Agent, Config, DownCause, Event, HashKeys, Held, LinkId, MeshSettings, Node, Origin,
    PeerId, Protocol, Seed, Settings, Time, Topic,
};
use proptest::prelude::*;

const PEERS: u32 = 20;

#[derive(Clone, Debug)]
enum Op {
    Up(u32),
    Down(u32),
    Subscribe(u32, bool),
    Graft(u32),
    Prune(u32, Option<u64>),
    Join,
    Leave,
    Publish(usize),
    /// So many seconds pass, with a heartbeat in each.
    Advance(u8),
}

fn op() -> impl Strategy<Value = Op> {
    let peer = 0..PEERS;
    prop_oneof![
        8 => peer.clone().prop_map(Op::Up),
        1 => peer.clone().prop_map(Op::Down),
        12 => (peer.clone(), prop::bool::weighted(0.95)).prop_map(|(p, s)| Op::Subscribe(p, s)),
        12 => peer.clone().prop_map(Op::Graft),
        1 => (peer, prop::option::of(0u64..90)).prop_map(|(p, b)| Op::Prune(p, b)),
        2 => Just(Op::Join),
        1 => Just(Op::Leave),
        1 => prop_oneof![Just(10usize), Just(5000)].prop_map(Op::Publish),
        4 => (1u8..20).prop_map(Op::Advance),
    ]
}

/// A peer as the outside sees it.
#[derive(Clone, Copy, Default)]
struct Peer {
    link: Option<LinkId>,
    subscribed: bool,
    /// When its backoff ends, by the PRUNEs that passed.
    backoff: Option<Time>,
}

struct World {
    node: Node,
    config: Arc<Config>,
    now: Time,
    out: Actions,
    peers: Vec<Peer>,
    by_link: BTreeMap<LinkId, usize>,
    links: u32,
    joined: bool,
}

/// Two of three are dialled by the node; the last is a direct peer.
const fn is_outbound(peer: usize) -> bool {
    !peer.is_multiple_of(3)
}

const DIRECT: usize = PEERS as usize - 1;

fn id(peer: usize) -> PeerId {
    PeerId::from_bytes(&[10 + peer as u8; 38]).unwrap()
}

fn topic() -> Topic {
    Topic::new("t")
}

impl World {
    fn new() -> Self {
        let mut settings = Settings { mesh: MeshSettings::with_degrees(4, 5, 7), ..Settings::default() };
        settings.direct_peers.insert(id(DIRECT));
        let config = Arc::new(Config::new(settings).unwrap());
        let me = PeerId::from_bytes(&[1; 38]).unwrap();
        let keys = Arc::new(HashKeys::new(me));
        Self {
            node: Node::new(config.clone(), me, keys, Seed::from_number(3), Time::EPOCH),
            config,
            now: Time::EPOCH,
            out: Actions::new(),
            peers: vec![Peer::default(); PEERS as usize],
            by_link: BTreeMap::new(),
            links: 0,
            joined: false,
        }
    }

    fn event(&mut self, event: Event) {
        self.node.handle(self.now, event, &mut self.out);
        self.settle();
    }

    fn control(&mut self, peer: usize, control: Control) {
        if let Some(link) = self.peers[peer].link {
            self.event(Event::Received { link, rpc: Rpc { control, ..Rpc::default() } });
        }
    }

    fn settle(&mut self) {
        for action in self.out.drain() {
            let Action::Send { link, rpc, .. } = action else { continue };
            let peer = &mut self.peers[self.by_link[&link]];
            if !rpc.control.graft.is_empty() {
                let end = peer.backoff.unwrap_or(Time::EPOCH);
                assert!(end <= self.now, "GRAFT at {:?}, its backoff ends at {end:?}", self.now);
            }
            for prune in rpc.control.prune {
                peer.back_off(self.now, prune.backoff_s.unwrap());
            }
        }
        self.node.check_invariants().unwrap();
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Up(peer) => self.up(peer as usize),
            Op::Down(peer) => {
                if let Some(link) = self.peers[peer as usize].link.take() {
                    self.peers[peer as usize].subscribed = false;
                    self.event(Event::LinkDown { link, cause: DownCause::Lost });
                }
            }
            Op::Subscribe(peer, subscribe) => {
                if let Some(link) = self.peers[peer as usize].link {
                    self.peers[peer as usize].subscribed = subscribe;
                    let member = self.node.mesh(&topic()).any(|member| member == link);
                    if member && !subscribe {
                        self.peers[peer as usize].back_off(self.now, 10);
                    }
                    let subscriptions = vec![Subscription { subscribe, topic: topic() }];
                    self.event(Event::Received { link, rpc: Rpc { subscriptions, ..Rpc::default() } });
                }
            }
            Op::Graft(peer) => {
                self.control(peer as usize, Control { graft: vec![topic()], ..Control::default() });
            }
            Op::Prune(peer, backoff_s) => {
                if self.joined && self.peers[peer as usize].link.is_some() {
                    self.peers[peer as usize].back_off(self.now, backoff_s.unwrap_or(60));
                }
                let prune = vec![Prune { topic: topic(), peers: vec![], backoff_s }];
                self.control(peer as usize, Control { prune, ..Control::default() });
            }
            Op::Join => {
                self.joined = true;
                self.node.subscribe(self.now, &topic(), &mut self.out).unwrap();
                self.settle();
            }
            Op::Leave => {
                self.joined = false;
                let _may_be_out = self.node.unsubscribe(self.now, &topic(), &mut self.out);
                self.settle();
            }
            Op::Publish(bytes) => {
                let _backlog = self.node.publish(self.now, &topic(), vec![0; bytes].into(), &mut self.out);
                self.settle();
            }
            Op::Advance(seconds) => (0..seconds).for_each(|_| self.heartbeat()),
        }
    }

    fn up(&mut self, peer: usize) {
        if self.peers[peer].link.is_some() {
            return;
        }
        self.links += 1;
        let link = LinkId::new(self.links);
        self.peers[peer].link = Some(link);
        self.by_link.insert(link, peer);
        let origin = if is_outbound(peer) { Origin::Outbound } else { Origin::Inbound };
        let agent = Agent { protocol: Protocol::Meshsub13, ip: None };
        self.event(Event::LinkUp { link, peer: id(peer), origin, agent });
        self.event(Event::LinkReady { link, bytes: usize::MAX });
    }

    fn heartbeat(&mut self) {
        let at = self.node.next_deadline().unwrap().at;
        self.now = at.max(self.now);
        let heartbeats = self.now + Duration::from_secs(1);
        while let Some(deadline) = self.node.next_deadline().filter(|deadline| deadline.at < heartbeats) {
            self.now = deadline.at.max(self.now);
            self.event(Event::Wake);
        }
        if self.joined {
            self.check_mesh();
        }
    }

    fn check_mesh(&self) {
        let mesh = &self.config.mesh;
        let members: BTreeSet<usize> = self.node.mesh(&topic()).map(|link| self.by_link[&link]).collect();
        let free = |peer: &usize| {
            let state = self.peers[*peer];
            let over = state.backoff.is_none_or(|end| end + mesh.backoff_slack <= self.now);
            state.subscribed && over && *peer != DIRECT && !members.contains(peer)
        };
        let eligible: Vec<usize> = (0..PEERS as usize).filter(free).collect();
        assert!(members.len() <= mesh.max, "at most D_hi: {members:?}");
        assert!(members.len() >= mesh.min || eligible.is_empty(), "{members:?} and free {eligible:?}");
        let outbound = members.iter().filter(|peer| is_outbound(**peer)).count();
        let more = eligible.iter().any(|peer| is_outbound(*peer));
        assert!(
            outbound >= mesh.outbound_min || !more,
            "{outbound} outbound of {members:?}, free {eligible:?}"
        );
    }
}

impl Peer {
    fn back_off(&mut self, now: Time, seconds: u64) {
        self.backoff = self.backoff.max(Some(now + Duration::from_secs(seconds)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn meshes_keep_their_bounds_and_nothing_outlives_its_time(ops in prop::collection::vec(op(), 1..200)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
        // Seen ids are kept longest, 120 s.
        world.apply(&Op::Advance(122));
        prop_assert_eq!(world.node.held(), Held::default());
        prop_assert!(world.node.snapshot().fanout.is_empty());
    }
}
