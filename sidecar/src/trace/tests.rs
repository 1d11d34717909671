use prost::Message as _;

use super::*;

fn peer_from_hex(text: &str) -> PeerId {
    PeerId::from_bytes(&from_hex(text)).unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn alice() -> PeerId {
    peer_from_hex("002408011220254b8b16df5bc9caf499d5e231d2756d0f0dbb1b3663c36d4303eb5c4542b8a3")
}

fn bob() -> PeerId {
    peer_from_hex("002408011220e3a5623e96b7d1c3b21428117625be4d2feaa4c92e5d0b0a2b4c3ee6cbf3aa4f")
}

fn record(unix_ns: i64, trace: Trace) -> TraceRecord {
    TraceRecord { unix_ns, trace: trace.into() }
}

/// The time inside a golden vector, which the sheet gives as bytes only.
fn time_of(golden: &[u8]) -> i64 {
    optimum::TraceEvent::decode(golden).unwrap().timestamp.unwrap()
}

fn assert_golden(golden: &str, me: PeerId, trace: Trace) {
    let golden = from_hex(golden);
    let event = optimum(&me, &record(time_of(&golden), trace)).unwrap();
    assert_eq!(event.encode_to_vec(), golden);
}

#[test]
fn join_is_the_golden_vector() {
    let golden = "08091226002408011220254b8b16df5bc9caf499d5e231d2756d0f0dbb1b3663c36d4303eb5c4542b8a318f7cffbaa88f38cb2186a0c0a0a74726163652d74657374";
    assert_golden(golden, alice(), Trace::Join { topic: Topic::new("trace-test") });
}

#[test]
fn send_rpc_is_the_golden_vector() {
    let golden = "08071226002408011220254b8b16df5bc9caf499d5e231d2756d0f0dbb1b3663c36d4303eb5c4542b8a318b7bfc2aa88f38cb2185a3c0a26002408011220e3a5623e96b7d1c3b21428117625be4d2feaa4c92e5d0b0a2b4c3ee6cbf3aa4f12101a0e0801120a74726163652d746573741810";
    let meta = Meta { bytes: 16, subscriptions: vec![(true, Topic::new("trace-test"))], ..Meta::default() };
    assert_golden(golden, alice(), Trace::SendRpc { to: bob(), meta });
}

#[test]
fn graft_is_the_golden_vector() {
    let golden = "080b1226002408011220e3a5623e96b7d1c3b21428117625be4d2feaa4c92e5d0b0a2b4c3ee6cbf3aa4f18b690cef1e0f38cb2187a340a26002408011220254b8b16df5bc9caf499d5e231d2756d0f0dbb1b3663c36d4303eb5c4542b8a3120a74726163652d74657374";
    assert_golden(golden, bob(), Trace::Graft { peer: alice(), topic: Topic::new("trace-test") });
}

#[test]
fn published_and_delivered_always_name_type_topic_and_64_hex_digits() {
    let content = ContentId::of(b"");
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let topic = Topic::new("t");
    let published = record(1, Trace::PublishMessage { content, topic: topic.clone() });
    let bytes = optimum(&alice(), &published).unwrap().encode_to_vec();
    assert_eq!(bytes[..2], [8, 0], "type is there although it is 0");
    let read = pubsub(&alice(), &published).unwrap().publish_message.unwrap();
    assert_eq!((read.message_id.unwrap(), read.topic.as_deref()), (hex.into(), Some("t")));

    let delivered = record(1, Trace::DeliverMessage { content, topic, from: bob() });
    let read = optimum(&alice(), &delivered).unwrap().deliver_message.unwrap();
    assert_eq!((read.message_id.unwrap(), read.topic.as_deref()), (hex.into(), Some("t")));
    assert_eq!(read.received_from.as_deref(), Some(bob().as_bytes()));
}

#[test]
fn odd_field_numbers_are_kept() {
    let topic = Topic::new("t");
    let tail = |trace: Trace| {
        let event = pubsub(&PeerId::from_bytes(&[1]).unwrap(), &record(0, trace)).unwrap();
        // Type, peer id of one byte and timestamp 0 come first: 2 + 3 + 2 bytes.
        event.encode_to_vec()[7..].to_vec()
    };
    // Leave: field 14, topic is field 2.
    assert_eq!(tail(Trace::Leave { topic: topic.clone() }), [0x72, 3, 0x12, 1, b't']);
    // RPCMeta of the plain form: subscription is field 2 (the coding form has 3), and there is no length.
    let meta = Meta { bytes: 9, subscriptions: vec![(true, topic)], ..Meta::default() };
    let to = PeerId::from_bytes(&[2]).unwrap();
    assert_eq!(
        tail(Trace::SendRpc { to, meta }),
        [0x5a, 12, 0x0a, 1, 2, 0x12, 7, 0x12, 5, 8, 1, 0x12, 1, b't']
    );
}

#[test]
fn shards_have_a_form_in_coding_nodes_only() {
    let shard = || braidcast_runtime_tokio::ShardTrace {
        content: ContentId::of(b"x"),
        from: bob(),
        coefficients: Bytes::from_static(&[1, 2, 3, 4]),
    };
    let read = |trace| optimum(&alice(), &record(0, trace)).unwrap();
    let new = read(Trace::NewShard(shard()));
    assert_eq!(new.r#type, Some(16));
    assert_eq!(new.new_shard.unwrap().coefficients.unwrap(), [1, 2, 3, 4][..]);
    assert_eq!(read(Trace::DuplicateShard(shard())).r#type, Some(13));
    assert!(read(Trace::UnhelpfulShard(shard())).unhelpful_shard.is_some());
    assert!(read(Trace::UnnecessaryShard(shard())).unnecessary_shard.is_some());
    assert!(pubsub(&alice(), &record(0, Trace::NewShard(shard()))).is_none());
}

#[test]
fn events_of_our_own_are_not_sent() {
    let (content, topic) = (ContentId::of(b"x"), Topic::new("t"));
    for trace in
        [Trace::PollutedMessage { content, topic: topic.clone() }, Trace::ExpiredMessage { content, topic }]
    {
        assert!(optimum(&alice(), &record(0, trace.clone())).is_none());
        assert!(pubsub(&alice(), &record(0, trace)).is_none());
    }
}

#[test]
fn the_whole_of_an_rpc_is_told_in_both_forms() {
    let (content, topic, id) = (ContentId::of(b"x"), Topic::new("t"), MessageId::from_bytes(b"id"));
    let meta = Meta {
        bytes: 1,
        messages: vec![(content, topic.clone())],
        shards: vec![content],
        subscriptions: vec![(false, topic.clone())],
        ihave: vec![(topic.clone(), vec![id.clone()])],
        iwant: vec![vec![id.clone()]],
        graft: vec![topic.clone()],
        prune: vec![topic],
        idontwant: vec![vec![id]],
    };
    let trace = record(0, Trace::RecvRpc { from: bob(), meta });
    let coded = optimum(&alice(), &trace).unwrap().recv_rpc.unwrap();
    assert_eq!(coded.length, Some(1));
    let coded = coded.meta.unwrap();
    assert_eq!((coded.messages.len(), coded.shards.len(), coded.subscription.len()), (1, 1, 1));
    let plain = pubsub(&alice(), &trace).unwrap().recv_rpc.unwrap().meta.unwrap();
    let control = plain.control.unwrap();
    assert_eq!(control.ihave[0].message_i_ds[0], "id");
    let counts = (control.iwant.len(), control.graft.len(), control.prune.len(), control.idontwant.len());
    assert_eq!(counts, (1, 1, 1, 1));
}
