//! Every message reaches everyone: sizes, modes, seeds, publishers.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::{MessageId, Mode, Seed, Settings, ThresholdRule};
use braidcast_runtime_sim::{Latency, Network, Streams, Topology, postal_bound};
use common::*;

/// One message, and one more while the first is under way, on one seed.
fn two_messages(seed: u64, settings: Settings) {
    let mut network = warm(small(seed, settings));
    network.check_mesh_symmetry(&topic()).unwrap();
    let first = publish(&mut network, (seed % 36) as usize, payload(seed, 16 << 10));
    run_for(&mut network, 100);
    let second = publish(&mut network, (seed * 7 % 36) as usize, payload(seed + 1_000, 10_001));
    all_delivered(&mut network, &[first, second], &format!("seed {seed}"));
}

#[test]
fn thirty_six_nodes_deliver_on_a_hundred_seeds_by_the_at_least_rule() {
    for seed in 0..100 {
        two_messages(seed, settings());
    }
}

#[test]
fn thirty_six_nodes_deliver_on_a_hundred_seeds_by_the_exceeds_rule() {
    for seed in 0..100 {
        let mut settings = settings();
        settings.coded.threshold_rule = ThresholdRule::Exceeds;
        two_messages(seed, settings);
    }
}

#[test]
fn thirty_six_nodes_deliver_in_gossipsub_mode() {
    for seed in 0..30 {
        two_messages(seed, gossipsub());
    }
}

#[test]
fn every_integrity_mode_delivers() {
    use braidcast_protocol::Integrity::{Adaptive, Optimistic, Verified};
    for integrity in [Adaptive, Optimistic, Verified] {
        for seed in 0..10 {
            let mut settings = with_k(16);
            settings.coded.integrity = integrity;
            two_messages(seed, settings);
        }
    }
}

#[test]
fn coded_and_plain_nodes_on_one_topic_serve_each_other() {
    for seed in 0..20 {
        let mut builder = small(seed, settings());
        let plain = checked(gossipsub());
        for node in (0..36).step_by(3) {
            builder = builder.node_config(node, Arc::clone(&plain));
        }
        let mut network = warm(builder);
        let messages = [0, 1].map(|node| publish(&mut network, node, payload(node as u64, 16 << 10)));
        all_delivered(&mut network, &messages, &format!("seed {seed}"));
    }
}

/// 1 MiB at 1000 nodes: shards of 64 real bytes, the shortest that there are, charged as `1 MiB / k`.
fn a_mebibyte_at_a_thousand_nodes(k: u16, seed: u64) {
    let mut settings = with_k(k);
    settings.mesh.target = 8;
    settings.mesh.min = 6;
    settings.coded.small_message_bytes = 1;
    let (real, latency) = (usize::from(k) * 64, Duration::from_millis(50));
    let builder = Network::builder(Seed::from_number(seed), checked(settings))
        .nodes(1000)
        .degree(16)
        .latency(Latency::Constant(latency))
        .uplink(Some(FIFTY_MBIT))
        .body_scale(((1 << 20) / real) as u32);
    let mut network = warm(builder);
    let message = publish(&mut network, 0, payload(seed, real));
    all_delivered(&mut network, std::slice::from_ref(&message), &format!("k {k}, seed {seed}"));
    let bound = postal_bound(1000, 1 << 20, u64::from(k), FIFTY_MBIT, latency);
    let taken = network.published(&message).unwrap().time_to(100).unwrap();
    assert!(taken >= bound, "k {k}, seed {seed}: {taken:?} beats the bound of {bound:?}");
}

#[test]
fn a_thousand_nodes_deliver_a_mebibyte_in_four_shards_on_ten_seeds() {
    for seed in 0..10 {
        a_mebibyte_at_a_thousand_nodes(4, seed);
    }
}

#[test]
fn a_thousand_nodes_deliver_a_mebibyte_in_sixty_four_shards() {
    a_mebibyte_at_a_thousand_nodes(64, 1);
}

#[test]
fn small_and_empty_messages_are_delivered() {
    for mode in [Mode::Optimum, Mode::Gossipsub] {
        let mut network = warm(small(5, Settings { mode, ..settings() }));
        let sizes = [0, 1, 63, 64, 65, 4095, 4096, 4097];
        let messages: Vec<MessageId> = sizes
            .into_iter()
            .enumerate()
            .map(|(node, len)| publish(&mut network, node, payload(node as u64, len)))
            .collect();
        all_delivered(&mut network, &messages, &format!("{mode:?}"));
    }
}

#[test]
fn every_small_length_survives_coding() {
    let mut settings = with_k(7);
    settings.coded.small_message_bytes = 1;
    let mut network = warm(small(6, settings));
    let messages: Vec<MessageId> = (0..40)
        .map(|i| {
            let message = publish(&mut network, i % 36, payload(i as u64, i * 23));
            run_for(&mut network, 40);
            message
        })
        .collect();
    all_delivered(&mut network, &messages, "lengths up to 897");
}

#[test]
fn many_messages_at_once_from_several_publishers_are_delivered() {
    for (mode, seed) in [(Mode::Optimum, 7), (Mode::Gossipsub, 7), (Mode::Optimum, 8)] {
        let mut network = warm(small(seed, Settings { mode, ..settings() }).body_scale(1));
        let messages: Vec<MessageId> =
            (0..60).map(|i| publish(&mut network, (i * 5) % 36, payload(i as u64, 3000 + i * 200))).collect();
        all_delivered(&mut network, &messages, &format!("{mode:?}, seed {seed}"));
    }
}

#[test]
fn lossy_uneven_links_deliver_everything() {
    for (seed, streams) in (0..10).flat_map(|seed| [(seed, Streams::One), (seed, Streams::PerShard)]) {
        let builder = small(seed, with_k(8))
            .streams(streams)
            .latency(Latency::Uniform { min: Duration::from_millis(5), max: Duration::from_millis(150) })
            .loss(braidcast_runtime_sim::Loss { ppm: 100_000, timeout: Duration::from_millis(200) });
        let mut network = warm(builder);
        let messages = [3, 30].map(|node| publish(&mut network, node, payload(node as u64, 16 << 10)));
        all_delivered(&mut network, &messages, &format!("seed {seed}, {streams:?}"));
    }
}

#[test]
fn other_shapes_and_unlimited_lines_deliver() {
    let line: Vec<(usize, usize)> = (0..19).map(|a| (a, a + 1)).collect();
    let star: Vec<(usize, usize)> = (1..12).map(|a| (0, a)).collect();
    let shapes = [(20, Topology::Edges(line)), (12, Topology::Edges(star)), (16, Topology::Full)];
    for (nodes, topology) in shapes {
        for rate in [None, Some(FIFTY_MBIT)] {
            let context = format!("{nodes} nodes, {rate:?}");
            let mut network = warm(small(9, settings()).nodes(nodes).topology(topology.clone()).uplink(rate));
            let message = publish(&mut network, nodes / 2, payload(1, 16 << 10));
            all_delivered(&mut network, &[message], &context);
        }
    }
}
