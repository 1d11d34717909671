//! What the first bytes of a long frame say.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc;

use braidcast_protocol::rpc::{Limits, Message, MessageHead, Rpc};
use braidcast_protocol::{PeerId, Topic};
use bytes::Bytes;
use proptest::prelude::*;

const LIMITS: Limits = Limits { message_bytes_max: 1 << 20, topic_bytes_max: 200, entries_max: 10 };

fn frame(publisher: Option<u8>, seqno: Option<u64>, topic: &str, bytes: usize) -> Rpc {
    let message = Message {
        publisher: publisher.map(|n| PeerId::from_bytes(&[n, 1, 2]).unwrap()),
        seqno,
        topic: Topic::new(topic),
        data: Bytes::from(vec![9; bytes]),
        signature: Bytes::from(vec![7; 64]),
        key: Bytes::new(),
    };
    Rpc { publish: vec![Arc::new(message)], ..Rpc::default() }
}

#[test]
fn the_payload_may_come_first_and_then_nothing_is_known() {
    // What others write: data ahead of number and topic.
    let mut wire = vec![0x12, 0xff, 0xff, 3, 0x0a, 3, 1, 1, 2, 0x12, 0xe0, 0xff, 3];
    wire.resize(512, 9);
    assert_eq!(MessageHead::decode(&wire, &LIMITS), None);
}

#[test]
fn a_head_without_origin_or_with_a_longer_topic_than_allowed_is_none() {
    let decode = |rpc: Rpc| MessageHead::decode(&rpc.encode().into_bytes(), &LIMITS);
    assert!(decode(frame(Some(1), Some(2), "t", 100)).is_some());
    assert_eq!(decode(frame(None, Some(2), "t", 100)), None);
    assert_eq!(decode(frame(Some(1), None, "t", 100)), None);
    assert_eq!(decode(frame(Some(1), Some(2), &"t".repeat(201), 100)), None);
}

proptest! {
    #[test]
    fn the_start_of_a_frame_is_enough_and_less_is_nothing(
        publisher: u8, seqno: u64, topic in "[a-z]{1,200}", bytes in 1000usize..100_000, cut in 0usize..600,
    ) {
        let rpc = frame(Some(publisher), Some(seqno), &topic, bytes);
        let wire = rpc.encode().into_bytes();
        let head = MessageHead::of(&rpc);
        prop_assert_eq!(head.as_ref().map(|head| head.data_bytes), Some(bytes));
        prop_assert_eq!(&MessageHead::decode(&wire[..MessageHead::BYTES_MAX.min(wire.len())], &LIMITS), &head);
        let partly = MessageHead::decode(&wire[..cut], &LIMITS);
        prop_assert!(partly.is_none() || partly == head);
    }

    #[test]
    fn garbage_has_no_head_or_one_within_the_limits(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Some(head) = MessageHead::decode(&bytes, &LIMITS) {
            prop_assert!(head.topic.as_str().len() <= LIMITS.topic_bytes_max);
        }
    }
}
