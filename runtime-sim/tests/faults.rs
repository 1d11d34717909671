//! Nodes and links that fail, and what the others must not notice.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use braidcast_protocol::{MessageId, Settings};
use common::*;

/// Publishes a message every 50 ms, at nodes that are never crashed here.
fn stream(network: &mut braidcast_runtime_sim::Network, tags: std::ops::Range<u64>) -> Vec<MessageId> {
    tags.map(|tag| {
        let message = publish(network, (tag % 4) as usize, payload(tag, 8_000));
        run_for(network, 50);
        message
    })
    .collect()
}

fn crash_during_a_stream(seed: u64, settings: Settings) {
    let mut network = warm(small(seed, settings));
    let mut messages = stream(&mut network, 0..10);
    for node in [10, 20, 30] {
        network.crash(node);
        let tag = 100 * node as u64;
        messages.extend(stream(&mut network, tag..tag + 7));
    }
    all_delivered(&mut network, &messages, &format!("seed {seed}, three nodes down"));

    for node in [10, 20, 30] {
        network.restart(node);
    }
    run_for(&mut network, 5_000);
    for node in [10, 20, 30] {
        assert!(!network.mesh(node, &topic()).is_empty(), "seed {seed}: node {node} is in no mesh");
    }
    let later = stream(&mut network, 1_000_000..1_000_010);
    all_delivered(&mut network, &later, &format!("seed {seed}, after the restart"));
    run_for(&mut network, 2_000);
    network.check_mesh_symmetry(&topic()).unwrap();
}

#[test]
fn crashes_during_a_stream_cost_others_nothing_and_restarted_nodes_rejoin() {
    for seed in 0..10 {
        crash_during_a_stream(seed, settings());
    }
}

#[test]
fn the_same_in_gossipsub_mode() {
    for seed in 0..10 {
        crash_during_a_stream(seed, gossipsub());
    }
}

#[test]
fn a_publisher_may_crash_once_a_neighbour_has_its_message() {
    for seed in 0..10 {
        let mut network = warm(small(seed, settings()));
        let message = publish(&mut network, 0, payload(seed, 16 << 10));
        let bound = after(&network, 5_000);
        let holders = |network: &braidcast_runtime_sim::Network| {
            network.published(&message).is_some_and(|it| it.deliveries.len() >= 2)
        };
        assert!(network.run_until_met(bound, holders).unwrap());
        network.crash(0);
        all_delivered(&mut network, std::slice::from_ref(&message), &format!("seed {seed}"));
    }
}

#[test]
fn quick_restarts_before_neighbours_notice_are_survived() {
    let mut network = warm(small(11, settings()));
    for round in 0..5 {
        network.crash(7);
        network.restart(7);
        run_for(&mut network, 5 + round * 10);
    }
    run_for(&mut network, 4_000);
    let message = publish(&mut network, 7, payload(1, 16 << 10));
    all_delivered(&mut network, &[message], "five restarts in a row");
}

#[test]
fn links_that_come_and_go_lose_nothing() {
    let mut network = warm(small(12, settings()));
    let mut messages = Vec::new();
    for tag in 0..40 {
        messages.push(publish(&mut network, 0, payload(tag, 8_000)));
        let node = (tag as usize * 5) % 36;
        let mesh = network.mesh(node, &topic());
        if let Some(&neighbour) = mesh.first() {
            network.disconnect(node, neighbour);
            run_for(&mut network, 30);
            network.connect(neighbour, node);
        }
        run_for(&mut network, 30);
    }
    all_delivered(&mut network, &messages, "a link of the mesh lost for each message");
}

#[test]
fn a_partition_heals() {
    let mut network = warm(small(13, settings()));
    let cut: Vec<(usize, usize)> = (0..18).flat_map(|a| (18..36).map(move |b| (a, b))).collect();
    cut.iter().for_each(|&(a, b)| network.disconnect(a, b));
    run_for(&mut network, 3_000);
    let alone = publish(&mut network, 0, payload(1, 8_000));
    run_for(&mut network, 1_500);
    let far_side: Vec<usize> = (18..36).collect();
    assert_eq!(network.missing(&alone), far_side);
    cut.iter().filter(|(a, b)| (a + b) % 3 == 0).for_each(|&(a, b)| network.connect(a, b));
    run_for(&mut network, 3_000);
    let message = publish(&mut network, 35, payload(2, 8_000));
    all_delivered(&mut network, &[alone, message], "after the partition");
}

#[test]
fn one_who_leaves_and_joins_again_gets_what_comes_later() {
    let mut network = warm(small(14, settings()));
    network.unsubscribe(9, &topic());
    run_for(&mut network, 1_000);
    let without = publish(&mut network, 0, payload(1, 8_000));
    all_delivered(&mut network, std::slice::from_ref(&without), "one has left");
    run_for(&mut network, 15_000);
    assert!(!network.published(&without).unwrap().reached(9));
    network.subscribe(9, &topic()).unwrap();
    run_for(&mut network, 3_000);
    let with = publish(&mut network, 0, payload(2, 8_000));
    all_delivered(&mut network, &[with], "it is back");
    network.check_mesh_symmetry(&topic()).unwrap();
}

#[test]
fn who_cannot_be_reached_is_reported_missing() {
    let mut network = warm(small(15, settings()));
    (0..36).for_each(|node| network.disconnect(20, node));
    let message = publish(&mut network, 0, payload(1, 8_000));
    let bound = after(&network, 10_000);
    assert!(!network.run_until_delivered(std::slice::from_ref(&message), bound).unwrap());
    assert_eq!((network.missing(&message), network.now()), (vec![20], bound));
    assert_eq!(network.published(&message).unwrap().time_to(100), None);
}
