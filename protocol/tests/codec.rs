//! The RPC codec: bytes as the specifications fix them, and what must not get in.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc;

use braidcast_coding::{Coefficients, Params, ShardId};
use braidcast_protocol::rpc::{
    Coded, Control, Extensions, HashCommitment, HashList, Have, Header, HeaderFields, IHave, Limits, Message,
    PeerInfo, Prune, Rpc, RpcFault, Shard, ShardHashes, Subscription, Want,
};
use braidcast_protocol::{CodingId, ContentId, HashKeys, MessageId, PeerId, Topic};
use bytes::Bytes;
use proptest::prelude::*;

const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, topic_bytes_max: 64, entries_max: 100 };

fn peer(n: u8) -> PeerId {
    PeerId::from_bytes(&[n; 38]).unwrap()
}

fn header(bytes: usize, k: usize) -> Header {
    let fields = HeaderFields {
        topic: Topic::new("t"),
        publisher: peer(1),
        seqno: 7,
        params: Params::for_message(bytes, k).unwrap(),
        content: ContentId::of(b"x"),
        hashes: HashCommitment { n: k as u16 + 2, list: [9; 32], first: [8; 32] },
        message_signature: vec![3; 64].into(),
    };
    Header::sign(fields, &HashKeys::new(peer(1)))
}

/// The example of the compatibility sheet: one subscription is 16 bytes.
#[test]
fn a_subscription_is_the_documented_16_bytes() {
    let subscriptions = vec![Subscription { subscribe: true, topic: Topic::new("trace-test") }];
    let frame = Rpc { subscriptions, ..Rpc::default() }.encode();
    assert_eq!(hex(&frame.into_bytes()), "0a0e0801120a74726163652d74657374");
}

/// Written out by hand from `rpc.proto`.
#[test]
fn control_has_the_field_numbers_of_the_specification() {
    let id = MessageId::from_bytes(b"id");
    let info = PeerInfo { peer: PeerId::from_bytes(b"p").unwrap(), record: Some(Bytes::from_static(b"rec")) };
    let control = Control {
        ihave: vec![IHave { topic: Topic::new("t"), ids: vec![id.clone()] }],
        iwant: vec![id.clone()],
        graft: vec![Topic::new("t")],
        prune: vec![Prune { topic: Topic::new("t"), peers: vec![info], backoff_s: Some(60) }],
        idontwant: vec![id],
        extensions: Some(Extensions { coded: true }),
    };
    let frame = Rpc { control, ..Rpc::default() }.encode().into_bytes();
    let expected: &[u8] = &[
        0x1a, 0x32, // field 3, control
        0x0a, 7, 0x0a, 1, b't', 0x12, 2, b'i', b'd', // ihave: topic, id
        0x12, 4, 0x0a, 2, b'i', b'd', // iwant
        0x1a, 3, 0x0a, 1, b't', // graft
        0x22, 15, 0x0a, 1, b't', // prune
        0x12, 8, 0x0a, 1, b'p', 0x12, 3, b'r', b'e', b'c', // its peers: id, signed record
        0x18, 60, // backoff in field 3
        0x2a, 4, 0x0a, 2, b'i', b'd', // idontwant
        0x32, 5, 0xe8, 0xa1, 0xf1, 0x0a, 1, // extensions: ours, field 0x2b8a1d
    ];
    assert_eq!(&frame[..], expected);
}

/// Written out by hand from `docs/spec/coded-mode.md`, section 3; more are in `docs/spec/vectors`.
#[test]
fn the_coded_part_has_the_bytes_of_the_specification() {
    let message = CodingId::from_bytes([7; 32]);
    let shard =
        |id, body: &'static [u8]| Shard { message, id, body: Bytes::from_static(body), vouched: false };
    let coded = Coded {
        headers: vec![],
        shards: [
            shard(ShardId::Canonical(5), b"ab"),
            shard(ShardId::Dense(Coefficients::from_slice(&[1, 2])), b"c"),
        ]
        .into_iter()
        .collect(),
        haves: vec![Have { message, rank: 3, verified: 0b101, sources: 0, checks: false, doubts: false }],
        wants: vec![Want { message, count: 2, indices: [1, 200].into_iter().collect() }],
        lists: vec![HashList { message, hashes: ShardHashes::new(vec![9; 32].into()).unwrap() }],
    };
    let id: String = "07".repeat(32);
    let expected = format!(
        "eaa1f10aed01\
         12280a20{id}100522026162\
         12290a20{id}1a0201022201 63\
         1a260a20{id}10031805\
         22280a20{id}10021a0201c8\
         2a440a20{id}1220{}",
        "09".repeat(32)
    );
    assert_eq!(hex(&Rpc { coded, ..Rpc::default() }.encode().into_bytes()), expected.replace(' ', ""));
}

#[test]
fn a_shard_that_is_vouched_for_has_the_bytes_of_the_specification() {
    let message = CodingId::from_bytes([7; 32]);
    let id = ShardId::Dense(Coefficients::from_slice(&[1, 2]));
    let shard = Shard { message, id, body: Bytes::from_static(b"c"), vouched: true };
    let coded = Coded { shards: [shard].into_iter().collect(), ..Coded::default() };
    let expected = format!("eaa1f10a2d122b0a20{}1a02010222 01632801", "07".repeat(32));
    assert_eq!(hex(&Rpc { coded, ..Rpc::default() }.encode().into_bytes()), expected.replace(' ', ""));
}

#[test]
fn a_header_body_has_the_bytes_of_the_specification() {
    let publisher = PeerId::from_bytes(b"p").unwrap();
    let fields = HeaderFields {
        topic: Topic::new("t"),
        publisher,
        seqno: 7,
        params: Params::for_message(100, 2).unwrap(),
        content: ContentId::from_bytes([3; 32]),
        hashes: HashCommitment { n: 2, list: [9; 32], first: [8; 32] },
        message_signature: Bytes::from_static(b"sig"),
    };
    let header = Header::sign(fields, &HashKeys::new(publisher));
    let expected = format!(
        "0a0174120170180720642802 3220{} 3802 4220{} 4a20{} 5203736967",
        "03".repeat(32),
        "09".repeat(32),
        "08".repeat(32)
    );
    assert_eq!(hex(header.body()), expected.replace(' ', ""));
    assert_eq!(header.id(), CodingId::from_bytes(*blake3::hash(header.body()).as_bytes()));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_signed_bytes_are_prefix_and_message_without_signature() {
    let message = Message {
        publisher: PeerId::from_bytes(b"p"),
        seqno: Some(1),
        topic: Topic::new("t"),
        data: Bytes::from_static(b"data"),
        signature: Bytes::from_static(b"sig"),
        key: Bytes::from_static(b"key"),
    };
    let expected = b"libp2p-pubsub:\x0a\x01p\x12\x04data\x1a\x08\0\0\0\0\0\0\0\x01\x22\x01t";
    assert_eq!(&*message.signed().into_bytes(), expected);
}

#[test]
fn bodies_are_slices_of_the_frame_both_ways() {
    let body = Bytes::from(vec![5; 100_000]);
    let shard =
        Shard { message: CodingId::of(b""), id: ShardId::Canonical(3), body: body.clone(), vouched: false };
    let coded = Coded { shards: [shard].into_iter().collect(), ..Coded::default() };
    let rpc = Rpc { coded, ..Rpc::default() };
    let chunks = rpc.encode().into_chunks();
    assert!(chunks.iter().any(|chunk| chunk.as_ptr() == body.as_ptr()), "not copied on the way out");
    let frame = rpc.encode().into_bytes();
    let range = frame.as_ptr_range();
    let read = Rpc::decode(frame.clone(), &LIMITS).unwrap();
    assert!(range.contains(&read.coded.shards[0].body.as_ptr()), "nor on the way in");
    assert_eq!((read.body_bytes(), read.encoded_len()), (100_000, frame.len()));
}

#[test]
fn a_frame_beyond_a_limit_is_refused_with_the_limit() {
    let refused = |rpc: Rpc| Rpc::decode(rpc.encode().into_bytes(), &LIMITS).unwrap_err();
    let topic = Topic::new(&"x".repeat(65));
    let long_topic = Rpc { subscriptions: vec![Subscription { subscribe: true, topic }], ..Rpc::default() };
    assert_eq!(refused(long_topic), RpcFault::TooLong { field: "topic", bytes: 65, bytes_max: 64 });

    let ids = vec![MessageId::from_bytes(b"id"); 101];
    let many = Rpc { control: Control { iwant: ids, ..Control::default() }, ..Rpc::default() };
    assert_eq!(refused(many), RpcFault::TooManyEntries { max: 100 });

    let announced = |bytes| {
        let coded = Coded { headers: vec![Arc::new(header(bytes, 4))], ..Coded::default() };
        Rpc { coded, ..Rpc::default() }
    };
    assert!(Rpc::decode(announced(1 << 20).encode().into_bytes(), &LIMITS).is_ok());
    let too_long = RpcFault::TooLong { field: "message", bytes: (1 << 20) + 1, bytes_max: 1 << 20 };
    assert_eq!(refused(announced((1 << 20) + 1)), too_long);

    let long_frame = Bytes::from(vec![0; LIMITS.frame_bytes_max() + 1]);
    assert!(matches!(Rpc::decode(long_frame, &LIMITS), Err(RpcFault::FrameTooLong { .. })));
}

#[test]
fn a_header_survives_the_wire_and_a_changed_one_does_not_verify() {
    let header = header(5000, 4);
    let coded = Coded { headers: vec![Arc::new(header.clone())], ..Coded::default() };
    let frame = Rpc { coded, ..Rpc::default() }.encode().into_bytes();
    let read = Rpc::decode(frame.clone(), &LIMITS).unwrap().coded.headers.remove(0);
    assert_eq!((read.id(), **read == *header), (header.id(), true));
    assert!(read.verify(&HashKeys::new(peer(2))));

    let seqno = frame.windows(2).position(|pair| pair == [0x18, 7]).unwrap() + 1;
    let mut forged = frame.to_vec();
    forged[seqno] = 8;
    let forged = Rpc::decode(forged.into(), &LIMITS).unwrap().coded.headers.remove(0);
    assert_eq!(forged.seqno, 8);
    assert_ne!(forged.id(), header.id());
    assert!(!forged.verify(&HashKeys::new(peer(2))));
}

/// What rust-libp2p and go take in one frame.
#[test]
fn frames_hold_at_most_a_hundred_subscriptions_and_ten_declined_ids() {
    let subscription = |n: usize| Subscription { subscribe: true, topic: Topic::new(&format!("topic {n}")) };
    let idontwant: Vec<MessageId> = (0..25u8).map(|n| MessageId::from_bytes(&[n])).collect();
    let control = Control {
        extensions: Some(Extensions { coded: true }),
        idontwant: idontwant.clone(),
        ..Control::default()
    };
    let hello = Rpc { subscriptions: (0..250).map(subscription).collect(), control, ..Rpc::default() };
    let frames = hello.clone().split(16_000);
    assert!(
        frames.iter().all(|frame| frame.subscriptions.len() <= 100 && frame.control.idontwant.len() <= 10)
    );
    assert!(frames[0].control.extensions.is_some(), "extensions stand in the first frame");
    let subscriptions: Vec<Subscription> =
        frames.iter().flat_map(|frame| frame.subscriptions.clone()).collect();
    assert_eq!(subscriptions, hello.subscriptions);
    let declined: Vec<MessageId> = frames.into_iter().flat_map(|frame| frame.control.idontwant).collect();
    assert_eq!(declined, idontwant);
}

fn ids() -> impl Strategy<Value = Vec<MessageId>> {
    prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..60).prop_map(|id| MessageId::from_bytes(&id)),
        0..5,
    )
}

fn topic() -> impl Strategy<Value = Topic> {
    "[a-z/é]{0,20}".prop_map(|name| Topic::new(&name))
}

fn bytes(max: usize) -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from)
}

prop_compose! {
    fn message()(n in any::<u8>(), seqno in any::<Option<u64>>(), topic in topic(), data in bytes(3000), key in bytes(40))
        -> Arc<Message> {
        let signature = Bytes::from(vec![n; 64]);
        let publisher = (n % 3 > 0).then(|| peer(n));
        Arc::new(Message { publisher, seqno, topic, data, signature, key })
    }
}

prop_compose! {
    fn control()(
        ihave in prop::collection::vec((topic(), ids()).prop_map(|(topic, ids)| IHave { topic, ids }), 0..3),
        iwant in ids(),
        graft in prop::collection::vec(topic(), 0..3),
        prune in prop::collection::vec(prune(), 0..3),
        idontwant in ids(),
        extensions in any::<Option<bool>>(),
    ) -> Control {
        let extensions = extensions.map(|coded| Extensions { coded });
        Control { ihave, iwant, graft, prune, idontwant, extensions }
    }
}

fn prune() -> impl Strategy<Value = Prune> {
    let info =
        (any::<u8>(), prop::option::of(bytes(40))).prop_map(|(n, record)| PeerInfo { peer: peer(n), record });
    let parts = (topic(), prop::collection::vec(info, 0..3), any::<Option<u64>>());
    parts.prop_map(|(topic, peers, backoff_s)| Prune { topic, peers, backoff_s })
}

fn shard() -> impl Strategy<Value = Shard> {
    let id = prop_oneof![
        (0u16..256).prop_map(ShardId::Canonical),
        prop::collection::vec(any::<u8>(), 1..100).prop_map(|c| ShardId::Dense(Coefficients::from_slice(&c))),
    ];
    (any::<[u8; 32]>(), id, bytes(2000), any::<bool>()).prop_map(|(message, id, body, vouched)| Shard {
        message: CodingId::from_bytes(message),
        id,
        body,
        vouched,
    })
}

prop_compose! {
    fn coded()(
        headers in prop::collection::vec((0usize..100_000, 1usize..65).prop_map(|(s, k)| Arc::new(header(s, k))), 0..2),
        shards in prop::collection::vec(shard(), 0..3),
        haves in prop::collection::vec(any::<([u8; 32], u16, u64, u16)>(), 0..3),
        wants in prop::collection::vec((any::<[u8; 32]>(), any::<u16>(), prop::collection::vec(any::<u8>(), 0..20)), 0..3),
        lists in prop::collection::vec((any::<[u8; 32]>(), 1usize..256), 0..2),
    ) -> Coded {
        let list = |(id, n): ([u8; 32], usize)| {
            let hashes = ShardHashes::new(id.repeat(n).into()).unwrap();
            HashList { message: CodingId::from_bytes(id), hashes }
        };
        let have = |(id, rank, verified, sources)| {
            Have { message: CodingId::from_bytes(id), rank, verified, sources, checks: rank.is_multiple_of(2), doubts: rank.is_multiple_of(3) }
        };
        let want = |(id, count, indices): ([u8; 32], u16, Vec<u8>)| {
            Want { message: CodingId::from_bytes(id), count, indices: indices.into() }
        };
        Coded {
            headers,
            shards: shards.into(),
            haves: haves.into_iter().map(have).collect(),
            wants: wants.into_iter().map(want).collect(),
            lists: lists.into_iter().map(list).collect(),
        }
    }
}

prop_compose! {
    fn rpc()(
        subscriptions in prop::collection::vec(
            (any::<bool>(), topic()).prop_map(|(subscribe, topic)| Subscription { subscribe, topic }), 0..4),
        publish in prop::collection::vec(message(), 0..3),
        control in control(),
        coded in coded(),
    ) -> Rpc {
        Rpc { subscriptions, publish, control, coded }
    }
}

proptest! {
    #[test]
    fn decode_of_encode_is_the_same_rpc(rpc in rpc()) {
        let frame = rpc.encode().into_bytes();
        prop_assert_eq!(frame.len(), rpc.encoded_len());
        prop_assert_eq!(Rpc::decode(frame, &LIMITS).unwrap(), rpc);
    }

    /// Nothing is lost or reordered within a kind, and no frame is much longer than asked.
    #[test]
    fn control_is_spread_over_frames(control in control(), haves in prop::collection::vec(any::<u16>(), 0..20)) {
        let have = |rank| Have { message: CodingId::of(b"m"), rank, verified: 0, sources: 0, checks: false, doubts: false };
        let coded = Coded { haves: haves.into_iter().map(have).collect(), ..Coded::default() };
        let rpc = Rpc { control, coded, ..Rpc::default() };
        let mut joined = Rpc::default();
        for frame in rpc.clone().split(200) {
            prop_assert!(frame.encoded_len() <= 400);
            joined.control.extensions = joined.control.extensions.or(frame.control.extensions);
            joined.control.graft.extend(frame.control.graft);
            joined.control.prune.extend(frame.control.prune);
            joined.control.iwant.extend(frame.control.iwant);
            joined.control.idontwant.extend(frame.control.idontwant);
            for ihave in frame.control.ihave {
                joined.control.ihave.extend(ihave.ids.into_iter().map(|id| IHave { topic: ihave.topic.clone(), ids: vec![id] }));
            }
            joined.coded.haves.extend(frame.coded.haves);
        }
        let mut expected = rpc;
        let one_by_one = |ihave: IHave| {
            let IHave { topic, ids } = ihave;
            ids.into_iter().map(move |id| IHave { topic: topic.clone(), ids: vec![id] })
        };
        expected.control.ihave = expected.control.ihave.into_iter().flat_map(one_by_one).collect();
        prop_assert_eq!(joined, expected);
    }

    /// No panic, and no more memory than the limits say: entries are counted before they are stored.
    #[test]
    fn garbage_is_refused_or_within_the_limits(frame in prop::collection::vec(any::<u8>(), 0..4000)) {
        if let Ok(rpc) = Rpc::decode(frame.into(), &LIMITS) {
            let control = &rpc.control;
            let entries = rpc.subscriptions.len() + rpc.publish.len() + control.ihave.len() + control.iwant.len()
                + control.graft.len() + control.prune.len() + control.idontwant.len() + rpc.coded.shards.len();
            prop_assert!(entries <= LIMITS.entries_max);
        }
    }

    /// Near misses get further than noise.
    #[test]
    fn damaged_frames_never_panic(rpc in rpc(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>()) {
        let mut frame = rpc.encode().into_bytes().to_vec();
        if !frame.is_empty() {
            let at = at.index(frame.len());
            frame[at] ^= with;
            if cut {
                frame.truncate(at);
            }
            let _either = Rpc::decode(frame.into(), &LIMITS);
        }
    }
}
