//! The same seed and calls give the same run; anything else gives another.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::MessageId;
use braidcast_runtime_sim::{
    Adversary, Builder, Congestion, Distribution, Fault, Latency, Network, Processing, Queue, Regions,
    Sharing,
};
use common::*;

/// Digests after three messages, a crash and a restart.
struct Digests {
    trace: u128,
    deliveries: u128,
    state: u128,
    frames: u64,
}

fn run(builder: Builder) -> Digests {
    let mut network = warm(builder);
    let messages: Vec<MessageId> =
        (0..3).map(|i| publish(&mut network, i * 9, payload(i as u64, 12_000))).collect();
    network.crash(5);
    run_for(&mut network, 1_000);
    network.restart(5);
    run_for(&mut network, 2_000);
    assert!(messages.iter().all(|message| network.published(message).unwrap().deliveries.len() >= 35));
    Digests {
        trace: network.trace_hash(),
        deliveries: network.delivery_hash(),
        state: network.state_hash(),
        frames: network.frames(),
    }
}

fn uneven(seed: u64) -> Builder {
    small(seed, with_k(8))
        .latency(Latency::Uniform { min: Duration::from_millis(5), max: Duration::from_millis(80) })
        .loss(braidcast_runtime_sim::Loss { ppm: 20_000, timeout: Duration::from_millis(200) })
}

#[test]
fn a_run_repeats_in_one_process() {
    for builder in [uneven(1), everything(1)] {
        let (one, two) = (run(builder.clone()), run(builder));
        assert_eq!((one.trace, one.deliveries, one.state), (two.trace, two.deliveries, two.state));
    }
}

#[test]
fn another_seed_gives_another_run() {
    let (one, two) = (run(uneven(1)), run(uneven(2)));
    assert_ne!(one.trace, two.trace);
    assert_ne!(one.deliveries, two.deliveries);
    assert_ne!(one.state, two.state);
}

#[test]
fn one_lost_frame_gives_another_run() {
    let whole = run(uneven(1));
    for number in [10, whole.frames / 3, whole.frames / 2] {
        assert_ne!(run(uneven(1).drop_frame(number)).trace, whole.trace, "frame {number}");
    }
}

/// Everything that draws or decides: shared lines, windows, jitter, regions, faults, adversaries.
fn everything(seed: u64) -> Builder {
    uneven(seed)
        .latency(Latency::Regions(Arc::new(Regions::aws())))
        .jitter(Distribution::LogNormal { median: Duration::from_millis(1), sigma_milli: 800 })
        .downlink(Some(FIFTY_MBIT))
        .downlink_sharing(Sharing::FairShare)
        .congestion(Congestion::default())
        .processing(Processing { per_frame: Duration::from_micros(30), ..Processing::default() })
        .nat_share(200_000)
        .adversary(30, Adversary::Dropping { ppm: 100_000 })
        .fault(Duration::from_secs(5), Fault::Pause { node: 12, span: Duration::from_millis(300) })
        .fault(Duration::from_secs(5), Fault::ClockSkew { node: 13, ahead: Duration::ZERO, drift_ppm: 9_000 })
}

#[test]
fn both_event_queues_give_one_run() {
    for builder in [uneven(1), everything(2), small(3, gossipsub())] {
        let (one, two) = (run(builder.clone()), run(builder.queue(Queue::Reference)));
        assert_eq!((one.trace, one.deliveries, one.state), (two.trace, two.deliveries, two.state));
    }
}

const ONLY_THE_DIGEST: &str = "only-the-digest";

#[test]
fn another_process_gives_the_same_run() {
    // The child is this test again, told so by an argument that selects no other test.
    let digest = || format!("digest {:032x}", run(everything(7)).trace);
    if std::env::args().any(|argument| argument == ONLY_THE_DIGEST) {
        println!("{}", digest());
        return;
    }
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "another_process_gives_the_same_run", "--nocapture", "--skip", ONLY_THE_DIGEST])
        .output()
        .unwrap();
    let printed = String::from_utf8(child.stdout).unwrap();
    assert!(printed.contains(&digest()), "{printed}");
}

#[test]
fn the_codec_changes_nothing() {
    for settings in [with_k(8), with_k(64), gossipsub()] {
        let mut settings = settings;
        settings.coded.small_message_bytes = 1;
        let (plain, coded) = (run(small(3, settings.clone())), run(small(3, settings).codec(true)));
        assert_eq!(plain.deliveries, coded.deliveries);
        assert_eq!(plain.trace, coded.trace);
        assert_eq!(plain.state, coded.state);
    }
}

#[test]
fn checking_invariants_changes_nothing() {
    let (on, off) = (run(uneven(4)), run(uneven(4).check_invariants(false)));
    assert_eq!((on.trace, on.state), (off.trace, off.state));
}

#[test]
fn running_in_pieces_changes_nothing() {
    let whole = {
        let mut network = warm(uneven(6));
        publish(&mut network, 0, payload(1, 12_000));
        run_for(&mut network, 1_000);
        network.trace_hash()
    };
    let mut network: Network = warm(uneven(6));
    publish(&mut network, 0, payload(1, 12_000));
    (0..100).for_each(|_| run_for(&mut network, 10));
    assert_eq!(network.trace_hash(), whole);
}
