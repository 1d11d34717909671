//! The core in a network of its kind: rules that no single node can show.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::{
    Actions, Config, ContentId, Dedup, HashKeys, Integrity, MessageId, MessageIds, Mode, Node, PeerId, Seed,
    Settings, ShardFactor, Time, Topic,
};
use braidcast_runtime_sim::{Latency, Network, Topology};
use bytes::Bytes;

const NODES: usize = 24;

fn network(seed: u64, settings: impl Fn(usize) -> Settings) -> Network {
    let config = |index| Arc::new(Config::new(settings(index)).unwrap());
    let mut builder = Network::builder(Seed::from_number(seed), config(0))
        .nodes(NODES)
        .degree(8)
        .latency(Latency::Constant(Duration::from_millis(20)))
        .uplink(Some(2_000_000))
        .codec(true)
        .check_invariants(true);
    for index in 0..NODES {
        builder = builder.node_config(index, config(index));
    }
    let mut network = builder.build().unwrap();
    network.subscribe_all(&topic()).unwrap();
    network.run_until(Time::EPOCH + Duration::from_secs(4)).unwrap();
    network
}

fn topic() -> Topic {
    Topic::new("t")
}

fn deliver(network: &mut Network, publications: &[(usize, usize)]) {
    let ids: Vec<MessageId> = publications
        .iter()
        .enumerate()
        .map(|(number, (node, bytes))| {
            let payload: Bytes = (0..*bytes).map(|i| (i * 31 + number) as u8).collect();
            network.publish(*node, &topic(), payload).unwrap().id
        })
        .collect();
    let bound = network.now() + Duration::from_secs(60);
    assert!(network.run_until_delivered(&ids, bound).unwrap(), "{:?}", network.missing(&ids[0]));
}

/// Sizes on both sides of the limit below which messages travel whole, from nodes of both kinds.
const PUBLICATIONS: [(usize, usize); 6] = [(0, 4096), (1, 4096), (2, 100_000), (3, 100_000), (4, 0), (5, 10)];

#[test]
fn coded_and_plain_nodes_on_one_topic_all_get_everything() {
    for seed in 0..10 {
        let mode = |index| if index % 2 == 0 { Mode::Optimum } else { Mode::Gossipsub };
        let mut network = network(seed, |index| Settings { mode: mode(index), ..Settings::default() });
        deliver(&mut network, &PUBLICATIONS);
    }
}

#[test]
fn one_coded_node_among_plain_ones_and_the_reverse() {
    for seed in 0..5 {
        for odd in [Mode::Optimum, Mode::Gossipsub] {
            let other = if odd == Mode::Optimum { Mode::Gossipsub } else { Mode::Optimum };
            let mode = |index| if index == 2 { odd } else { other };
            let mut network = network(seed, |index| Settings { mode: mode(index), ..Settings::default() });
            deliver(&mut network, &PUBLICATIONS);
        }
    }
}

#[test]
fn nodes_of_different_integrity_and_threshold_agree() {
    for seed in 0..5 {
        let mut network = network(seed, |index| {
            let mut settings = Settings::default();
            settings.coded.integrity = match index % 3 {
                0 => Integrity::Adaptive,
                1 => Integrity::Verified,
                _ => Integrity::Optimistic,
            };
            settings
        });
        deliver(&mut network, &PUBLICATIONS);
    }
}

#[test]
fn equal_bytes_published_twice_are_delivered_once_or_twice_as_configured() {
    for (dedup, expected) in [(Dedup::Content, 1), (Dedup::Origin, 2)] {
        let mut network = network(7, |_| Settings { dedup, ..Settings::default() });
        let payload = Bytes::from(vec![5; 20_000]);
        let ids = [0, 9].map(|node| network.publish(node, &topic(), payload.clone()).unwrap().id);
        network.run_until(network.now() + Duration::from_secs(20)).unwrap();
        let reached = |id| (0..NODES).filter(|node| network.published(id).unwrap().reached(*node)).count();
        let delivered: usize = ids.iter().map(reached).sum();
        assert_eq!(delivered, expected * NODES);
    }
}

#[test]
fn the_hash_of_a_payload_is_computed_where_something_goes_by_it() {
    let peer = PeerId::from_bytes(&[1; 38]).unwrap();
    let payload = Bytes::from_static(b"payload");
    let hash = ContentId::of(&payload);
    let cases = [
        (Dedup::Content, MessageIds::Origin, Some(hash)),
        (Dedup::Origin, MessageIds::Content, Some(hash)),
        (Dedup::Origin, MessageIds::Origin, None),
    ];
    for (dedup, message_ids, known) in cases {
        let config = Arc::new(Config::new(Settings { dedup, message_ids, ..Settings::default() }).unwrap());
        let keys = Arc::new(HashKeys::new(peer));
        let mut node = Node::new(config, peer, keys, Seed::from_number(1), Time::EPOCH);
        let mut out = Actions::new();
        node.subscribe(Time::EPOCH, &topic(), &mut out).unwrap();
        let message = node.publish(Time::EPOCH, &topic(), payload.clone(), &mut out).unwrap();
        assert_eq!((message.content, message.content_of(&payload)), (known, hash));
        assert_eq!(node.snapshot().seen, [hash], "{dedup:?}");
    }
}

/// The largest message that a configuration of 64 MiB takes, over a relay; one byte more is refused.
#[test]
fn a_message_of_64_mib_travels_as_shards() {
    const BYTES: usize = 64 << 20;
    let mut settings = Settings { message_bytes_max: BYTES, backlog_bytes_max: BYTES, ..Settings::default() };
    settings.coded.shard_factor = ShardFactor::Auto;
    let mut network = Network::builder(Seed::from_number(1), Arc::new(Config::new(settings).unwrap()))
        .nodes(3)
        .topology(Topology::Edges(vec![(0, 1), (1, 2)]))
        .latency(Latency::Constant(Duration::from_millis(20)))
        .codec(true)
        .build()
        .unwrap();
    network.subscribe_all(&topic()).unwrap();
    network.run_until(Time::EPOCH + Duration::from_secs(4)).unwrap();
    let payload: Bytes = (0..BYTES).map(|i| (i * 31 + (i >> 13)) as u8).collect();
    let id = network.publish(0, &topic(), payload).unwrap().id;
    let bound = network.now() + Duration::from_secs(120);
    assert!(network.run_until_delivered(&[id], bound).unwrap());
    assert!(network.publish(0, &topic(), vec![0; BYTES + 1].into()).is_err());
}
