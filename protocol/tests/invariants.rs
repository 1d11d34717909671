//! Whatever happens, in whatever order: no panic, every rule holds, and nothing but the published bytes is delivered.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test may fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use braidcast_coding::{Coefficients, Encoder, Params, Pool, ShardId};
use braidcast_protocol::rpc::{
    Coded, Control, Extensions, HashList, Have, Header, HeaderFields, IHave, Limits, Message, MessageHead,
    PeerInfo, Prune, Rpc, RpcFault, Shard, ShardHashes, Subscription, Want,
};
use braidcast_protocol::{
    Action, Actions, Agent, Config, ContentId, DownCause, Event, HashKeys, LinkId, MeshSettings, MessageId,
    MessageIds, Node, Origin, PeerId, Protocol, Score, Seed, SendClass, Settings, Time, Topic, Validation,
    Verdict,
};
use bytes::Bytes;
use proptest::prelude::*;

/// Few of everything, so that random choices meet.
const LINKS: u32 = 5;
const TOPICS: [&str; 2] = ["a", "b"];
const MESSAGES: u8 = 4;

#[derive(Clone, Debug)]
enum Op {
    LinkUp(u32, bool, bool),
    LinkDown(u32),
    Hello(u32, bool),
    Subscription(u32, usize, bool),
    Graft(u32, usize),
    Prune(u32, usize, Option<u64>),
    IHave(u32, usize, u8),
    IWant(u32, u8),
    IDontWant(u32, u8),
    Arriving(u32, u8),
    Whole(u32, u8, bool),
    Header(u32, u8, bool),
    Hashes(u32, u8, bool),
    Canonical(u32, u8, u16, bool),
    Dense(u32, u8, Vec<u8>, bool),
    Have(u32, u8, u16, u64),
    Want(u32, u8, u16, Vec<u8>),
    Ready(u32, usize),
    Stats(u32, u16),
    Rated(u32, i8),
    Malformed(u32),
    Judged(u8, bool),
    Advance(u16),
    Subscribe(usize),
    Unsubscribe(usize),
    Publish(usize, usize),
}

fn op() -> impl Strategy<Value = Op> {
    let link = 0..LINKS;
    let topic = 0..TOPICS.len();
    let message = 0..MESSAGES;
    let (l, t, m) = (link, topic.clone(), message.clone());
    prop_oneof![
        2 => (l.clone(), any::<bool>(), any::<bool>()).prop_map(|(l, n, c)| Op::LinkUp(l, n, c)),
        1 => l.clone().prop_map(Op::LinkDown),
        2 => (l.clone(), any::<bool>()).prop_map(|(l, c)| Op::Hello(l, c)),
        3 => (l.clone(), t.clone(), prop::bool::weighted(0.8)).prop_map(|(l, t, s)| Op::Subscription(l, t, s)),
        2 => (l.clone(), t.clone()).prop_map(|(l, t)| Op::Graft(l, t)),
        1 => (l.clone(), t.clone(), any::<Option<u64>>()).prop_map(|(l, t, b)| Op::Prune(l, t, b)),
        2 => (l.clone(), t, m.clone()).prop_map(|(l, t, m)| Op::IHave(l, t, m)),
        2 => (l.clone(), m.clone()).prop_map(|(l, m)| Op::IWant(l, m)),
        1 => (l.clone(), m.clone()).prop_map(|(l, m)| Op::IDontWant(l, m)),
        2 => (l.clone(), m.clone()).prop_map(|(l, m)| Op::Arriving(l, m)),
        2 => (l.clone(), m.clone(), any::<bool>()).prop_map(|(l, m, g)| Op::Whole(l, m, g)),
        4 => (l.clone(), m.clone(), prop::bool::weighted(0.9)).prop_map(|(l, m, g)| Op::Header(l, m, g)),
        4 => (l.clone(), m.clone(), prop::bool::weighted(0.9)).prop_map(|(l, m, g)| Op::Hashes(l, m, g)),
        6 => (l.clone(), m.clone(), 0u16..8, prop::bool::weighted(0.8))
            .prop_map(|(l, m, i, g)| Op::Canonical(l, m, i, g)),
        8 => (l.clone(), m.clone(), prop::collection::vec(any::<u8>(), 3..6), prop::bool::weighted(0.8))
            .prop_map(|(l, m, c, g)| Op::Dense(l, m, c, g)),
        2 => (l.clone(), m.clone(), 0u16..6, any::<u64>()).prop_map(|(l, m, r, v)| Op::Have(l, m, r, v)),
        2 => (l.clone(), m, 0u16..9, prop::collection::vec(any::<u8>(), 0..5))
            .prop_map(|(l, m, c, i)| Op::Want(l, m, c, i)),
        4 => (l.clone(), 0usize..20_000).prop_map(|(l, b)| Op::Ready(l, b)),
        1 => (l.clone(), any::<u16>()).prop_map(|(l, r)| Op::Stats(l, r)),
        1 => (l.clone(), any::<i8>()).prop_map(|(l, p)| Op::Rated(l, p)),
        1 => l.prop_map(Op::Malformed),
        1 => (message, any::<bool>()).prop_map(|(m, a)| Op::Judged(m, a)),
        4 => (0u16..3000).prop_map(Op::Advance),
        3 => topic.clone().prop_map(Op::Subscribe),
        1 => topic.clone().prop_map(Op::Unsubscribe),
        3 => (topic, prop_oneof![0usize..100, Just(4096), 0usize..9000]).prop_map(|(t, n)| Op::Publish(t, n)),
    ]
}

/// What remote publishers have to say: four messages, whole and as shards.
struct Remote {
    header: Arc<Header>,
    hashes: ShardHashes,
    encoder: Encoder,
    whole: Arc<Message>,
}

fn remote(number: u8) -> Remote {
    let publisher = PeerId::from_bytes(&[100 + number; 38]).unwrap();
    let keys = HashKeys::new(publisher);
    let data = Bytes::from(vec![number; 900 + usize::from(number)]);
    let mut whole = Message {
        publisher: Some(publisher),
        seqno: Some(1),
        topic: Topic::new(TOPICS[usize::from(number % 2)]),
        data: data.clone(),
        signature: Bytes::new(),
        key: Bytes::new(),
    };
    whole.sign(&keys);
    let params = Params::for_message(data.len(), 4).unwrap();
    let encoder = Encoder::new(data, params).unwrap();
    let shards: Vec<Bytes> = (0..6).map(|i| encoder.canonical(i, &mut Pool::default()).unwrap()).collect();
    let hashes = ShardHashes::of(&shards);
    let fields = HeaderFields {
        topic: whole.topic.clone(),
        publisher,
        seqno: 1,
        params,
        content: ContentId::of(&whole.data),
        hashes: hashes.commitment(),
        message_signature: whole.signature.clone(),
    };
    Remote { header: Arc::new(Header::sign(fields, &keys)), hashes, encoder, whole: Arc::new(whole) }
}

/// The peer that sits in a slot.
fn peer(slot: u32) -> PeerId {
    PeerId::from_bytes(&[10 + slot as u8; 38]).unwrap()
}

struct World {
    node: Node,
    now: Time,
    out: Actions,
    remotes: Vec<Remote>,
    /// Live links and the room the node may still use.
    room: BTreeMap<u32, usize>,
    /// The driver's number of the next link: numbers are never used again.
    next_link: u32,
    /// Slot to live link.
    slots: BTreeMap<u32, u32>,
    published: BTreeMap<MessageId, Vec<u8>>,
    delivered: BTreeSet<MessageId>,
}

impl World {
    fn new(validation: Validation, scored: bool) -> Self {
        let mut settings = Settings { validation, topics_max: 2, ..Settings::default() };
        (settings.outbox.messages_max, settings.outbox.bytes_max) = (3, 10_000);
        settings.judging_max = 2;
        (settings.gossip.ihave_frames_max, settings.gossip.idontwant_ids_max) = (2, 3);
        settings.mesh = MeshSettings::with_degrees(1, 2, 3);
        settings.mesh.peer_exchange = true;
        settings.score.thresholds.accept_px = Score::ZERO;
        // The last slot's peer is a direct one; every other link was dialled by the node.
        settings.direct_peers.insert(peer(LINKS - 1));
        (settings.gossip.cache_bytes_max, settings.gossip.seen_max) = (20_000, 50);
        // Little is forgiven, so that every limit is met.
        (settings.score.enabled, settings.score.retained_max) = (scored, 2);
        (settings.score.behaviour.threshold, settings.score.colocation.threshold) = (1, 3);
        settings.score.reputation.observations_min = 2;
        settings.score.topic.mesh_deliveries.weight = Score::new(-1);
        (settings.coded.undecoded_max, settings.coded.undecoded_bytes_max) = (2, 2000);
        let config = Arc::new(Config::new(settings).unwrap());
        let me = PeerId::from_bytes(&[1; 38]).unwrap();
        let node = Node::new(config, me, Arc::new(HashKeys::new(me)), Seed::from_number(5), Time::EPOCH);
        let remotes: Vec<Remote> = (0..MESSAGES).map(remote).collect();
        let published =
            remotes.iter().map(|r| (r.whole.id(MessageIds::Origin), r.whole.data.to_vec())).collect();
        Self {
            node,
            now: Time::EPOCH,
            out: Actions::with_traces(),
            remotes,
            room: BTreeMap::new(),
            next_link: 0,
            slots: BTreeMap::new(),
            published,
            delivered: BTreeSet::new(),
        }
    }

    /// Events may name links that are gone: the driver's queue may still hold them.
    fn link(&self, slot: u32) -> LinkId {
        LinkId::new(self.slots.get(&slot).copied().unwrap_or(u32::MAX))
    }

    fn rpc(&mut self, slot: u32, rpc: Rpc) {
        let frame = rpc.encode().into_bytes();
        let rpc = Rpc::decode(frame, &self.node.limits()).expect("what we encode is well-formed");
        self.event(Event::Received { link: self.link(slot), rpc });
    }

    fn control(&mut self, slot: u32, control: Control) {
        self.rpc(slot, Rpc { control, ..Rpc::default() });
    }

    fn coded(&mut self, slot: u32, coded: Coded) {
        self.rpc(slot, Rpc { coded, ..Rpc::default() });
    }

    fn event(&mut self, event: Event) {
        self.node.handle(self.now, event, &mut self.out);
        self.settle();
    }

    /// Checks what the node wants done and that its rules hold.
    fn settle(&mut self) {
        for action in self.out.drain() {
            match action {
                Action::Send { link, class, rpc } => {
                    let room = self.room.get_mut(&link.number()).expect("frames go to live links");
                    assert!(!rpc.is_empty());
                    if class != SendClass::Control {
                        assert!(*room > 0, "data goes out only against room");
                        *room = room.saturating_sub(rpc.encoded_len());
                    } else {
                        assert_eq!(rpc.body_bytes(), 0, "control carries no bodies");
                    }
                }
                Action::Deliver { message, payload, .. } => {
                    if let Some(expected) = self.published.get(&message.id) {
                        assert!(payload == *expected, "delivered what was published");
                    }
                    assert!(self.delivered.insert(message.id), "delivered once");
                }
                Action::Close { link, .. } => {
                    self.room.remove(&link.number());
                    self.slots.retain(|_, live| *live != link.number());
                }
                Action::Dial { .. } => {}
            }
        }
        self.out.drain_traces().for_each(drop);
        self.node.check_invariants().unwrap();
        let deadline = self.node.next_deadline().expect("there is always a heartbeat");
        assert!(deadline.at.since(self.now) <= Duration::from_secs(1));
    }

    /// The scores of all peers that are known.
    fn scores(&self) -> BTreeMap<PeerId, Score> {
        self.node.scores().map(|known| (known.peer, known.score)).collect()
    }

    /// Only heartbeats and the application raise a score; a peer that leaves is forgotten, or its merits are.
    fn apply_and_compare_scores(&mut self, op: Op) {
        let may_raise = matches!(
            op,
            Op::Advance(_) | Op::Rated(..) | Op::LinkUp(..) | Op::LinkDown(_) | Op::Malformed(_)
        );
        let before = self.scores();
        let whole_heartbeat = matches!(op, Op::Advance(millis) if millis >= 1000);
        self.apply(op);
        for (peer, score) in self.scores() {
            let known = before.get(&peer).copied().unwrap_or_default();
            assert!(may_raise || score <= known, "{peer:?} rose from {known:?} to {score:?}");
        }
        let negative = |link: LinkId| {
            let peers = self.node.snapshot().peers;
            peers.iter().any(|peer| {
                peer.link == link && peer.score.as_ref().is_some_and(|known| known.score.is_negative())
            })
        };
        for topic in TOPICS.map(Topic::new).iter().filter(|_| whole_heartbeat) {
            assert!(!self.node.mesh(topic).any(negative), "negative members after a heartbeat");
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::LinkUp(slot, new, coded) => self.link_up(slot, new, coded),
            Op::LinkDown(slot) => {
                let link = self.link(slot);
                self.room.remove(&link.number());
                self.slots.remove(&slot);
                self.event(Event::LinkDown { link, cause: DownCause::Lost });
            }
            Op::Hello(slot, coded) => {
                let extensions = Some(Extensions { coded });
                self.control(slot, Control { extensions, ..Control::default() });
            }
            Op::Subscription(slot, topic, subscribe) => {
                let subscriptions = vec![Subscription { subscribe, topic: Topic::new(TOPICS[topic]) }];
                self.rpc(slot, Rpc { subscriptions, ..Rpc::default() });
            }
            Op::Graft(slot, topic) => {
                self.control(slot, Control { graft: vec![Topic::new(TOPICS[topic])], ..Control::default() });
            }
            Op::Prune(slot, topic, backoff_s) => {
                let peers = vec![PeerInfo { peer: peer(slot + 1), record: None }];
                let prune = vec![Prune { topic: Topic::new(TOPICS[topic]), peers, backoff_s }];
                self.control(slot, Control { prune, ..Control::default() });
            }
            Op::IHave(slot, topic, message) => {
                let ids = vec![self.remotes[usize::from(message)].whole.id(MessageIds::Origin)];
                let ihave = vec![IHave { topic: Topic::new(TOPICS[topic]), ids }];
                self.control(slot, Control { ihave, ..Control::default() });
            }
            Op::IWant(slot, message) => {
                let iwant = vec![self.remotes[usize::from(message)].whole.id(MessageIds::Origin)];
                self.control(slot, Control { iwant, ..Control::default() });
            }
            Op::IDontWant(slot, message) => {
                let idontwant = vec![self.remotes[usize::from(message)].whole.id(MessageIds::Origin)];
                self.control(slot, Control { idontwant, ..Control::default() });
            }
            Op::Arriving(slot, message) => {
                let publish = vec![self.remotes[usize::from(message)].whole.clone()];
                let head = MessageHead::of(&Rpc { publish, ..Rpc::default() }).unwrap();
                self.event(Event::Arriving {
                    link: self.link(slot),
                    head: MessageHead { data_bytes: 1 << 20, ..head },
                });
            }
            Op::Whole(slot, message, good) => {
                let mut whole = (*self.remotes[usize::from(message)].whole).clone();
                if !good {
                    whole.data = Bytes::from_static(b"forged");
                }
                self.rpc(slot, Rpc { publish: vec![Arc::new(whole)], ..Rpc::default() });
            }
            other => self.apply_coded(other),
        }
    }

    fn link_up(&mut self, slot: u32, new: bool, coded: bool) {
        if self.slots.contains_key(&slot) {
            return;
        }
        self.next_link += 1;
        self.slots.insert(slot, self.next_link);
        self.room.insert(self.next_link, 0);
        // Most are at one address.
        let ip = Some([192, 0, 2, (slot / 4) as u8].into());
        let agent = Agent { protocol: if new { Protocol::Meshsub13 } else { Protocol::Meshsub11 }, ip };
        let origin = if slot.is_multiple_of(2) { Origin::Outbound } else { Origin::Inbound };
        self.event(Event::LinkUp { link: self.link(slot), peer: peer(slot), origin, agent });
        self.control(slot, Control { extensions: Some(Extensions { coded }), ..Control::default() });
    }

    fn apply_coded(&mut self, op: Op) {
        match op {
            Op::Header(slot, message, good) => {
                let header = &self.remotes[usize::from(message)].header;
                let header = match good {
                    true => header.clone(),
                    false => {
                        // Signed by somebody else.
                        let fields = HeaderFields::clone(header);
                        Arc::new(Header::sign(fields, &HashKeys::new(PeerId::from_bytes(b"x").unwrap())))
                    }
                };
                self.coded(slot, Coded { headers: vec![header], ..Coded::default() });
            }
            Op::Hashes(slot, message, good) => {
                let of = if good { message } else { (message + 1) % MESSAGES };
                let (message, of) = (&self.remotes[usize::from(message)], &self.remotes[usize::from(of)]);
                let list = HashList { message: message.header.id(), hashes: of.hashes.clone() };
                self.coded(slot, Coded { lists: vec![list], ..Coded::default() });
            }
            Op::Canonical(slot, message, index, good) => {
                let remote = &self.remotes[usize::from(message)];
                let mut body = remote.encoder.canonical(index, &mut Pool::default()).unwrap().to_vec();
                body[0] ^= u8::from(!good);
                self.shard(slot, message, ShardId::Canonical(index), body);
            }
            Op::Dense(slot, message, coefficients, good) => {
                let remote = &self.remotes[usize::from(message)];
                let id = ShardId::Dense(Coefficients::from_slice(&coefficients));
                let made = remote.encoder.encode(std::slice::from_ref(&id), &mut Pool::default());
                let mut body = made.map_or_else(|_| vec![0; 64], |mut made| made.remove(0).to_vec());
                body[0] ^= u8::from(!good);
                self.shard(slot, message, id, body);
            }
            Op::Have(slot, message, rank, verified) => {
                let message = self.remotes[usize::from(message)].header.id();
                self.coded(
                    slot,
                    Coded {
                        haves: vec![Have {
                            message,
                            rank,
                            verified,
                            sources: rank,
                            checks: rank.is_multiple_of(2),
                            doubts: rank.is_multiple_of(3),
                        }],
                        ..Coded::default()
                    },
                );
            }
            Op::Want(slot, message, count, indices) => {
                let message = self.remotes[usize::from(message)].header.id();
                let wants = vec![Want { message, count, indices: indices.into() }];
                self.coded(slot, Coded { wants, ..Coded::default() });
            }
            other => self.apply_local(other),
        }
    }

    fn shard(&mut self, slot: u32, message: u8, id: ShardId, body: Vec<u8>) {
        let message = self.remotes[usize::from(message)].header.id();
        let vouched = body.first().is_some_and(|byte| byte % 2 == 1);
        let shard = Shard { message, id, body: body.into(), vouched };
        self.coded(slot, Coded { shards: [shard].into_iter().collect(), ..Coded::default() });
    }

    fn apply_local(&mut self, op: Op) {
        match op {
            Op::Ready(slot, bytes) => {
                let link = self.link(slot);
                self.room.entry(link.number()).and_modify(|room| *room = bytes);
                self.event(Event::LinkReady { link, bytes });
            }
            Op::Stats(slot, rtt) => {
                let (link, rtt) = (self.link(slot), Duration::from_millis(rtt.into()));
                self.event(Event::LinkStats { link, rtt, lost: 1 });
            }
            Op::Rated(slot, points) => {
                let peer = PeerId::from_bytes(&[10 + slot as u8; 38]).unwrap();
                self.event(Event::Rated { peer, score: Score::new(points.into()) });
            }
            Op::Malformed(slot) => {
                let link = self.link(slot);
                self.event(Event::Malformed { link, fault: RpcFault::Truncated });
            }
            Op::Judged(message, accept) => {
                let message = self.remotes[usize::from(message)].whole.id(MessageIds::Origin);
                let verdict = if accept { Verdict::Accept } else { Verdict::Reject };
                self.event(Event::Judged { message, verdict });
            }
            Op::Advance(millis) => {
                self.now = self.now + Duration::from_millis(millis.into());
                self.event(Event::Wake);
            }
            Op::Subscribe(topic) => {
                self.node.subscribe(self.now, &Topic::new(TOPICS[topic]), &mut self.out).unwrap();
                self.settle();
            }
            Op::Unsubscribe(topic) => {
                let _may_be_out = self.node.unsubscribe(self.now, &Topic::new(TOPICS[topic]), &mut self.out);
                self.settle();
            }
            Op::Publish(topic, bytes) => {
                let payload = vec![bytes as u8; bytes];
                let topic = Topic::new(TOPICS[topic]);
                if let Ok(message) =
                    self.node.publish(self.now, &topic, payload.clone().into(), &mut self.out)
                {
                    self.published.insert(message.id, payload);
                }
                self.settle();
            }
            other => unreachable!("{other:?} is handled above"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_breaks_a_rule(
        application in any::<bool>(),
        scored in any::<bool>(),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let validation = if application { Validation::Application } else { Validation::Off };
        let mut world = World::new(validation, scored);
        for op in ops {
            world.apply_and_compare_scores(op);
        }
    }
}

#[test]
fn limits_leave_room_for_the_largest_message() {
    let limits = World::new(Validation::Off, false).node.limits();
    assert!(limits.frame_bytes_max() >= limits.message_bytes_max + Limits::OVERHEAD_BYTES);
}
