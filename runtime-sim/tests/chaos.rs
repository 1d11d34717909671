//! Random lists of faults and commands: whatever happened, the network recovers.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use braidcast_protocol::{MessageId, Settings};
use braidcast_runtime_sim::Network;
use common::*;

const NODES: usize = 20;

/// A small generator of the test's own, so that the list follows from the seed alone.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// One command or fault. Node 0 is never harmed, so that somebody always has a network to come back to.
fn one_step(network: &mut Network, dice: &mut Dice, tag: u64) {
    let node = 1 + dice.below(NODES - 1);
    match dice.below(8) {
        0 => network.crash(node),
        1 => {
            if !network.is_up(node) {
                network.restart(node);
            }
        }
        2 => {
            let other = dice.below(NODES);
            network.disconnect(node, other);
        }
        3 => {
            let other = dice.below(NODES);
            network.connect(node, other);
        }
        4 => network.unsubscribe(node, &topic()),
        5 => network.subscribe(node, &topic()).unwrap(),
        _ => {
            // Refused where the node is down or not in the topic.
            let len = dice.below(20_000);
            let _published_or_not = network.publish(node, &topic(), payload(tag, len));
        }
    }
}

fn chaos(seed: u64, settings: Settings) {
    let mut dice = Dice(seed);
    let mut network = warm(small(seed, settings).nodes(NODES).degree(6));
    for tag in 0..150 {
        one_step(&mut network, &mut dice, seed * 1_000 + tag);
        let pause = dice.below(60) as u64;
        run_for(&mut network, pause);
    }
    for node in 0..NODES {
        if !network.is_up(node) {
            network.restart(node);
        }
        network.subscribe(node, &topic()).unwrap();
        network.connect(node, (node + 1) % NODES);
    }
    // Longer than the backoff after an unsubscription.
    run_for(&mut network, 15_000);
    (0..NODES).for_each(|node| network.connect(node, (node + 1) % NODES));
    run_for(&mut network, 3_000);
    let messages: Vec<MessageId> =
        (0..4).map(|i| publish(&mut network, i * 5, payload(seed * 1_000 + 900 + i as u64, 9_000))).collect();
    all_delivered(&mut network, &messages, &format!("seed {seed}"));
}

#[test]
fn a_coded_network_recovers_from_anything() {
    (0..30).for_each(|seed| chaos(seed, settings()));
}

#[test]
fn a_plain_network_recovers_from_anything() {
    (0..15).for_each(|seed| chaos(seed, gossipsub()));
}

#[test]
#[ignore = "minutes: for the search of rare faults"]
fn a_coded_network_recovers_from_anything_on_a_thousand_seeds() {
    (1_000..2_000).for_each(|seed| {
        chaos(seed, if seed % 4 == 0 { gossipsub() } else { with_k(1 + (seed % 32) as u16) });
    });
}
