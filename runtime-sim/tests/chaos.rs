//! Random lists of faults and commands: whatever happened, the network recovers.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::time::Duration;

use braidcast_protocol::{MessageId, Settings};
use braidcast_runtime_sim::{Congestion, Fault, Network, Processing, Sharing};
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
    recovers(&mut network, seed);
}

/// Once all are up and in the topic again, whatever happened, messages reach everyone.
fn recovers(network: &mut Network, seed: u64) {
    for node in 0..NODES {
        if !network.is_up(node) {
            network.restart(node);
        }
        network.subscribe(node, &topic()).unwrap();
        network.connect(node, (node + 1) % NODES);
    }
    // Longer than the backoff after an unsubscription.
    run_for(network, 15_000);
    (0..NODES).for_each(|node| network.connect(node, (node + 1) % NODES));
    run_for(network, 3_000);
    let messages: Vec<MessageId> =
        (0..4).map(|i| publish(network, i * 5, payload(seed * 1_000 + 900 + i as u64, 9_000))).collect();
    all_delivered(network, &messages, &format!("seed {seed}"));
}

#[test]
fn a_coded_network_recovers_from_anything() {
    (0..30).for_each(|seed| chaos(seed, settings()));
}

#[test]
fn a_plain_network_recovers_from_anything() {
    (0..15).for_each(|seed| chaos(seed, gossipsub()));
}

/// One fault of the world around the nodes.
fn one_fault(network: &mut Network, dice: &mut Dice) {
    let (node, other) = (1 + dice.below(NODES - 1), dice.below(NODES));
    let rate = |dice: &mut Dice| Some(FIFTY_MBIT / (1 + dice.below(20) as u64));
    let fault = match dice.below(8) {
        0 => Fault::Pause { node, span: Duration::from_millis(dice.below(2_000) as u64) },
        1 => Fault::Cut { from: vec![node], to: vec![other] },
        2 => Fault::Partition { side: (0..dice.below(NODES)).collect() },
        3 | 4 => Fault::Heal,
        5 => Fault::Rates { node, up: rate(dice), down: rate(dice) },
        6 => Fault::Lossy { node, ppm: dice.below(300_000) as u32 },
        _ => Fault::ClockSkew { node, ahead: Duration::ZERO, drift_ppm: dice.below(20_000) as i32 - 10_000 },
    };
    network.inject(&fault).unwrap();
}

fn chaos_around(seed: u64, uplinks: Sharing, downlinks: Sharing) {
    let mut dice = Dice(seed);
    let builder = small(seed, with_k(8))
        .nodes(NODES)
        .degree(6)
        .downlink(Some(2 * FIFTY_MBIT))
        .uplink_sharing(uplinks)
        .downlink_sharing(downlinks)
        .congestion(Congestion::default())
        .processing(Processing { per_frame: Duration::from_micros(200), ..Processing::default() })
        .receive_queue(200_000)
        .send_queue(100_000)
        .link_timeout(Duration::from_secs(2));
    let mut network = warm(builder);
    for tag in 0..100 {
        one_step(&mut network, &mut dice, seed * 1_000 + tag);
        one_fault(&mut network, &mut dice);
        let pause = dice.below(120) as u64;
        run_for(&mut network, pause);
    }
    network.inject(&Fault::Heal).unwrap();
    for node in 0..NODES {
        let (up, down) = (Some(FIFTY_MBIT), Some(2 * FIFTY_MBIT));
        network.inject(&Fault::Rates { node, up, down }).unwrap();
        network.inject(&Fault::Lossy { node, ppm: 0 }).unwrap();
    }
    recovers(&mut network, seed);
}

#[test]
fn a_coded_network_recovers_from_anything_around_it() {
    for seed in 0..4 {
        for (uplinks, downlinks) in [
            (Sharing::Fifo, Sharing::Fifo),
            (Sharing::FairShare, Sharing::Fifo),
            (Sharing::Fifo, Sharing::FairShare),
            (Sharing::FairShare, Sharing::FairShare),
        ] {
            chaos_around(seed, uplinks, downlinks);
        }
    }
}

#[test]
#[ignore = "minutes: for the search of rare faults"]
fn a_coded_network_recovers_from_anything_on_a_thousand_seeds() {
    (1_000..2_000).for_each(|seed| {
        chaos(seed, if seed % 4 == 0 { gossipsub() } else { with_k(1 + (seed % 32) as u16) });
    });
}
