//! What a node spends on peers that do nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc;

use braidcast_coding::counting::{CountingAllocator, held_bytes};
use braidcast_protocol::rpc::{Control, Extensions, Rpc, Subscription};
use braidcast_protocol::{
    Actions, Agent, Config, Event, HashKeys, LinkId, Node, Origin, PeerId, Protocol, Seed, Settings, Time,
    Topic,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const LINKS: u32 = 1000;

/// Bytes for each of 1000 peers that said hello, subscribed to ten topics and were scored for a while.
fn bytes_per_idle_peer(scored: bool) -> isize {
    let mut settings = Settings::default();
    settings.score.enabled = scored;
    let config = Arc::new(Config::new(settings).unwrap());
    let me = PeerId::from_bytes(&[1; 38]).unwrap();
    let mut node = Node::new(config, me, Arc::new(HashKeys::new(me)), Seed::from_number(5), Time::EPOCH);
    let (mut out, mut now) = (Actions::new(), Time::EPOCH);
    let topics: Vec<Topic> = (0..10).map(|n| Topic::new(format!("topic-{n}").as_str())).collect();
    topics.iter().for_each(|topic| node.subscribe(now, topic, &mut out).unwrap());
    let (bytes, ()) = held_bytes(|| {
        for number in 0..LINKS {
            let [_, _, high, low] = number.to_be_bytes();
            let mut id = [2; 38];
            id[..2].copy_from_slice(&[high, low]);
            let (link, peer) = (LinkId::new(number), PeerId::from_bytes(&id).unwrap());
            let agent = Agent { protocol: Protocol::Meshsub13, ip: Some([198, 51, high, low].into()) };
            node.handle(now, Event::LinkUp { link, peer, origin: Origin::Inbound, agent }, &mut out);
            let subscriptions =
                topics.iter().map(|topic| Subscription { subscribe: true, topic: topic.clone() }).collect();
            let control = Control { extensions: Some(Extensions { coded: true }), ..Control::default() };
            let rpc = Rpc { subscriptions, control, ..Rpc::default() };
            node.handle(now, Event::Received { link, rpc }, &mut out);
            node.handle(now, Event::LinkReady { link, bytes: 1 << 16 }, &mut out);
            out.drain().for_each(drop);
        }
        for _ in 0..10 {
            now = node.next_deadline().unwrap().at;
            node.handle(now, Event::Wake, &mut out);
            out.drain().for_each(drop);
        }
    });
    assert_eq!(node.scores().count(), if scored { LINKS as usize } else { 0 });
    bytes / LINKS as isize
}

#[test]
fn an_idle_peer_costs_less_than_8_kib() {
    let (plain, scored) = (bytes_per_idle_peer(false), bytes_per_idle_peer(true));
    println!("bytes for an idle peer in ten topics: {plain}, scored {scored}");
    assert!(plain > 0 && scored > plain, "the allocator counts");
    assert!(scored < 8 * 1024, "{scored} bytes");
}
