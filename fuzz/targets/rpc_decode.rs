//! Frames of a peer, from the wire into a node: nothing panics, what was read is written and read again as the same,
//! and the node's rules hold after each.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::rpc::{Limits, MessageHead, Rpc};
use braidcast_protocol::{
    Actions, Agent, Config, Event, HashKeys, LinkId, Mode, Node, Origin, PeerId, Protocol, Seed, Settings,
    Time, Topic,
};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

/// Between two frames; longer than a heartbeat, so that budgets are renewed.
const STEP: Duration = Duration::from_millis(1100);
const MESSAGE_BYTES_MAX: usize = 1 << 16;
const LIMITS: Limits =
    Limits { message_bytes_max: MESSAGE_BYTES_MAX, topic_bytes_max: 64, entries_max: 1000 };

// The first byte chooses the node, each following frame has its length before it in one byte.
fuzz_target!(|data: &[u8]| {
    let Some((kind, mut rest)) = data.split_first() else { return };
    let mut now = Time::EPOCH;
    let mut node = node(*kind, now);
    let mut out = Actions::new();
    let topic = Topic::new("t");
    let _joined = node.subscribe(now, &topic, &mut out);
    let link = LinkId::new(1);
    let peer = PeerId::from_bytes(&[2; 38]).expect("38 bytes are a peer id");
    let agent = Agent { protocol: Protocol::Meshsub13, ip: None };
    node.handle(now, Event::LinkUp { link, peer, origin: Origin::Inbound, agent }, &mut out);
    while let Some((length, more)) = rest.split_first() {
        let (frame, more) = more.split_at(usize::from(*length).min(more.len()));
        rest = more;
        now = now + STEP;
        node.handle(now, Event::Wake, &mut out);
        if let Some(head) = MessageHead::decode(frame, &LIMITS) {
            node.handle(now, Event::Arriving { link, head }, &mut out);
        }
        let event = match Rpc::decode(Bytes::copy_from_slice(frame), &LIMITS) {
            Ok(rpc) => {
                assert_round_trip(&rpc);
                Event::Received { link, rpc }
            }
            Err(fault) => Event::Malformed { link, fault },
        };
        node.handle(now, event, &mut out);
        out.drain().for_each(drop);
        node.check_invariants().expect("the rules hold after every frame");
    }
});

fn node(kind: u8, now: Time) -> Node {
    let mode = if kind & 1 == 0 { Mode::Optimum } else { Mode::Gossipsub };
    let mut settings = Settings { mode, message_bytes_max: MESSAGE_BYTES_MAX, ..Settings::default() };
    settings.score.enabled = kind & 2 != 0;
    let config = Arc::new(Config::new(settings).expect("the defaults are valid"));
    let me = PeerId::from_bytes(&[1; 38]).expect("38 bytes are a peer id");
    Node::new(config, me, Arc::new(HashKeys::new(me)), Seed::from_number(1), now)
}

fn assert_round_trip(rpc: &Rpc) {
    let written = rpc.encode().into_bytes();
    assert_eq!(written.len(), rpc.encoded_len());
    let again = Rpc::decode(written, &LIMITS).expect("what was written can be read");
    assert_eq!(again, *rpc);
}
