//! Ten frames of 10,000 entries of any kind of control change neither what a node delivers nor what it keeps.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc;
use std::time::Duration;

use braidcast_coding::counting::{CountingAllocator, held_bytes};
use braidcast_coding::{Params, ShardId};
use braidcast_protocol::rpc::{
    Coded, Control, Extensions, HashList, Have, Header, HeaderFields, IHave, Message, PeerInfo, Prune, Rpc,
    Shard, ShardHashes, Subscription, Want,
};
use braidcast_protocol::{
    Action, Actions, Agent, CodingId, Config, ContentId, Event, HashKeys, LinkId, MessageId, Node, Origin,
    PeerId, Protocol, Score, Seed, Settings, Time, Topic,
};
use bytes::Bytes;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// As many as a frame may hold.
const ENTRIES: u32 = 10_000;
const FRAMES: u32 = 10;

/// What a flood may occupy at its height: 5000 ids of one heartbeat, at some 200 bytes each.
const DURING_MAX: isize = 2 << 20;

/// What may be left when everything has had its time: tables that do not shrink.
const AFTER_MAX: isize = 128 << 10;

/// The same for undecoded messages, of which one neighbour may announce 512: some 5 KiB each, and memory for shards to
/// use again.
const UNDECODED_MAX: (isize, isize) = (3 << 20, 256 << 10);

/// Frames that a node sends for one that it gets: an IWANT of 5000 ids in frames of 16 KB.
const ANSWERS_MAX: usize = 32;

const ATTACKER: LinkId = LinkId::new(1);
const FRIEND: LinkId = LinkId::new(2);

/// Makes the frame with this number.
type Flood = fn(u32) -> Rpc;

fn numbers(frame: u32) -> impl Iterator<Item = u32> {
    frame * ENTRIES..(frame + 1) * ENTRIES
}

fn topic(number: u32) -> Topic {
    Topic::new(format!("topic-{number}").as_str())
}

fn ids(frame: u32) -> Vec<MessageId> {
    numbers(frame).map(|number| MessageId::from_bytes(format!("{number:046}").as_bytes())).collect()
}

fn coding_id(number: u32) -> CodingId {
    let mut id = [7; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    CodingId::from_bytes(id)
}

fn control(control: Control) -> Rpc {
    Rpc { control, ..Rpc::default() }
}

fn subscriptions(subscriptions: Vec<Subscription>) -> Rpc {
    Rpc { subscriptions, ..Rpc::default() }
}

fn coded(coded: Coded) -> Rpc {
    Rpc { coded, ..Rpc::default() }
}

/// A message of a neighbour, not signed unless it is an honest one.
fn message(topic: Topic, seqno: u64, signed: bool) -> Arc<Message> {
    let publisher = PeerId::from_bytes(&[9; 38]).unwrap();
    let mut message = Message {
        publisher: Some(publisher),
        seqno: Some(seqno),
        topic,
        data: Bytes::from(vec![seqno as u8; 100]),
        signature: Bytes::new(),
        key: Bytes::new(),
    };
    if signed {
        message.sign(&HashKeys::new(publisher));
    }
    Arc::new(message)
}

fn prune(number: u32) -> Prune {
    let peers = vec![PeerInfo { peer: PeerId::from_bytes(&number.to_be_bytes()).unwrap(), record: None }];
    Prune { topic: topic(number), peers, backoff_s: Some(u64::MAX) }
}

/// A header of a message of 256 bytes that never come.
fn header(number: u32) -> Arc<Header> {
    let publisher = PeerId::from_bytes(&[8; 38]).unwrap();
    let params = Params::for_message(256, 4).unwrap();
    let fields = HeaderFields {
        topic: Topic::new("t"),
        publisher,
        seqno: number.into(),
        params,
        content: ContentId::of(&number.to_be_bytes()),
        hashes: list().commitment(),
        message_signature: Bytes::new(),
    };
    Arc::new(Header::sign(fields, &HashKeys::new(publisher)))
}

/// Of six shards of zeros.
fn list() -> ShardHashes {
    ShardHashes::of(&vec![Bytes::from_static(&[0; 64]); 6])
}

/// A fifth of a frame's entries: each header is checked.
fn headers(frame: u32) -> Vec<Arc<Header>> {
    numbers(frame).step_by(5).map(header).collect()
}

fn halves(frame: u32) -> Rpc {
    let headers = headers(frame);
    let half = |header: &Arc<Header>| {
        let body = Bytes::from_static(&[0; 64]);
        Shard { message: header.id(), id: ShardId::Canonical(0), body, vouched: false }
    };
    let shards = headers.iter().map(half).collect();
    let lists = headers.iter().map(|header| HashList { message: header.id(), hashes: list() }).collect();
    coded(Coded { headers, shards, lists, ..Coded::default() })
}

const FLOODS: [(&str, Flood); 17] = [
    ("SUBSCRIBE", |n| {
        subscriptions(numbers(n).map(|i| Subscription { subscribe: true, topic: topic(i) }).collect())
    }),
    ("SUBSCRIBE and UNSUBSCRIBE", |n| {
        let change = |i| Subscription { subscribe: i % 2 == 0, topic: Topic::new("t") };
        subscriptions(numbers(n).map(change).collect())
    }),
    ("GRAFT of one topic", |n| {
        control(Control { graft: numbers(n).map(|_| Topic::new("t")).collect(), ..Control::default() })
    }),
    ("GRAFT", |n| control(Control { graft: numbers(n).map(topic).collect(), ..Control::default() })),
    ("PRUNE of one topic", |n| {
        let prunes = numbers(n).map(|i| Prune { topic: Topic::new("t"), ..prune(i) });
        control(Control { prune: prunes.collect(), ..Control::default() })
    }),
    ("PRUNE", |n| control(Control { prune: numbers(n).map(prune).collect(), ..Control::default() })),
    ("IHAVE", |n| {
        let ihave = vec![IHave { topic: Topic::new("t"), ids: ids(n) }];
        control(Control { ihave, ..Control::default() })
    }),
    ("IHAVE of many topics", |n| {
        let ihave = numbers(n).map(|i| IHave { topic: topic(i), ids: Vec::new() });
        control(Control { ihave: ihave.collect(), ..Control::default() })
    }),
    ("IWANT", |n| control(Control { iwant: ids(n), ..Control::default() })),
    ("IDONTWANT", |n| control(Control { idontwant: ids(n), ..Control::default() })),
    ("extensions", |n| {
        let extensions = Some(Extensions { coded: n % 2 == 0 });
        control(Control { extensions, ..Control::default() })
    }),
    ("coded Have", |n| {
        let have =
            |i| Have { message: coding_id(i), rank: 1, verified: 1, sources: 1, checks: true, doubts: true };
        coded(Coded { haves: numbers(n).map(have).collect(), ..Coded::default() })
    }),
    ("coded Want", |n| {
        let want = |i| Want { message: coding_id(i), count: u16::MAX, indices: (0..16).collect() };
        coded(Coded { wants: numbers(n).map(want).collect(), ..Coded::default() })
    }),
    ("coded headers", |n| coded(Coded { headers: headers(n), ..Coded::default() })),
    ("hashes", |n| {
        let list = |i: u32| HashList { message: CodingId::of(&i.to_be_bytes()), hashes: list() };
        coded(Coded { lists: numbers(n).map(list).collect(), ..Coded::default() })
    }),
    ("half coded messages", halves),
    ("messages of many topics", |n| {
        let publish = numbers(n).map(|i| message(topic(i), i.into(), false)).collect();
        Rpc { publish, ..Rpc::default() }
    }),
];

struct World {
    node: Node,
    out: Actions,
    now: Time,
}

impl World {
    fn new(scored: bool) -> Self {
        let mut settings = Settings::default();
        settings.score.enabled = scored;
        let config = Arc::new(Config::new(settings).unwrap());
        let me = PeerId::from_bytes(&[1; 38]).unwrap();
        let node = Node::new(config, me, Arc::new(HashKeys::new(me)), Seed::from_number(5), Time::EPOCH);
        let mut world = Self { node, out: Actions::new(), now: Time::EPOCH };
        world.node.subscribe(world.now, &Topic::new("t"), &mut world.out).unwrap();
        for (number, link) in [(2, ATTACKER), (3, FRIEND)] {
            let peer = PeerId::from_bytes(&[number; 38]).unwrap();
            let agent = Agent { protocol: Protocol::Meshsub13, ip: None };
            world.event(Event::LinkUp { link, peer, origin: Origin::Inbound, agent });
            let mut hello = subscriptions(vec![Subscription { subscribe: true, topic: Topic::new("t") }]);
            hello.control.extensions = Some(Extensions { coded: true });
            world.event(Event::Received { link, rpc: hello });
            world.event(Event::LinkReady { link, bytes: 1 << 20 });
        }
        world
    }

    fn event(&mut self, event: Event) -> Vec<Action> {
        self.node.handle(self.now, event, &mut self.out);
        self.out.drain().collect()
    }

    /// Whether a message of a friend is delivered, and one of ours is sent to it.
    fn serves(&mut self, seqno: u64) -> bool {
        let rpc = Rpc { publish: vec![message(Topic::new("t"), seqno, true)], ..Rpc::default() };
        let delivered = self.event(Event::Received { link: FRIEND, rpc });
        let delivered = delivered.iter().any(|action| matches!(action, Action::Deliver { .. }));
        let payload = Bytes::from(vec![seqno as u8; 50]);
        self.node.publish(self.now, &Topic::new("t"), payload, &mut self.out).unwrap();
        let is_sent = |action: Action| matches!(action, Action::Send { link: FRIEND, rpc, .. } if !rpc.publish.is_empty());
        let sent = self.out.drain().any(is_sent);
        delivered && sent
    }

    /// Lets every time run out, the longest being that of the seen ids: 120 s.
    fn rest(&mut self) {
        let end = self.now + Duration::from_secs(125);
        while self.now < end {
            self.now = self.node.next_deadline().unwrap().at;
            self.event(Event::Wake);
        }
    }
}

/// The bytes that are held at the end of a flood, and when everything has had its time.
fn flood(name: &str, make: Flood, scored: bool) -> (isize, isize) {
    let mut world = World::new(scored);
    assert!(world.serves(1_000), "{name}: not even without a flood");
    world.rest();
    let (during, served) = held_bytes(|| {
        let mut served = true;
        for frame in 0..FRAMES {
            let answers = world.event(Event::Received { link: ATTACKER, rpc: make(frame) });
            assert!(answers.len() <= ANSWERS_MAX, "{name}: {} frames for one", answers.len());
            served &= world.serves(u64::from(frame));
        }
        served
    });
    assert!(served, "{name}: a message was lost, scored {scored}");
    world.node.check_invariants().unwrap();
    let (freed, ()) = held_bytes(|| world.rest());
    let after = during + freed;
    let (during_max, after_max) = match name {
        "coded headers" | "half coded messages" => UNDECODED_MAX,
        _ => (DURING_MAX, AFTER_MAX),
    };
    assert!(during <= during_max, "{name}: {during} bytes held, scored {scored}");
    assert!(after <= after_max, "{name}: {after} bytes left, scored {scored}");
    assert!(world.serves(2_000), "{name}: a message was lost after it");
    (during, after)
}

#[test]
fn ten_thousand_entries_of_any_kind_change_neither_memory_nor_delivery() {
    let (bytes, kept) = held_bytes(|| vec![0_u8; 1000]);
    assert!(bytes >= 1000 && kept.len() == 1000, "the allocator counts");
    for (name, make) in FLOODS {
        for scored in [false, true] {
            let (during, after) = flood(name, make, scored);
            println!("{name}, scored {scored}: {during} bytes held during, {after} after");
        }
    }
}

#[test]
fn who_announces_messages_that_never_come_is_graylisted() {
    let floods: [(&str, Flood); 2] =
        [("headers", |n| coded(Coded { headers: headers(n), ..Coded::default() })), ("halves", halves)];
    for (name, make) in floods {
        let mut world = World::new(true);
        world.event(Event::Received { link: ATTACKER, rpc: make(0) });
        let score = |world: &World, number: u8| {
            let peer = PeerId::from_bytes(&[number; 38]).unwrap();
            world.node.scores().find(|score| score.peer == peer).unwrap().score
        };
        assert!(score(&world, 2) < Settings::default().score.thresholds.graylist, "{name}");
        assert!(score(&world, 3) >= Score::ZERO, "{name}: the friend did nothing");
    }
}
