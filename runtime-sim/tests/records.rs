//! What a run says about itself: measures, bounds, checkpoints, recordings.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::recording::{Input, Recording};
use braidcast_protocol::{HashKeys, Seed};
use braidcast_runtime_sim::{
    Builder, Fault, Network, Topology, Violation, Watch, first_difference, postal_bound,
};
use common::*;

fn watched(builder: Builder) -> impl Fn(Watch) -> Result<Network, Infallible> {
    move |watch| {
        let mut network = warm(builder.clone().watch(watch));
        publish(&mut network, 3, payload(1, 12_000));
        run_for(&mut network, 1_000);
        Ok(network)
    }
}

#[test]
fn equal_runs_have_no_difference_and_others_one_that_is_described() {
    let builder = || small(1, with_k(8));
    assert_eq!(first_difference(watched(builder()), watched(builder())), Ok(None));

    let whole = watched(builder())(Watch::default()).unwrap();
    let lost = builder().drop_frame(whole.frames() - 40);
    let found = first_difference(watched(builder()), watched(lost)).unwrap().unwrap();
    let (one, two) = (found.one.unwrap(), found.two.unwrap());
    assert!(one.number == found.number && two.number == found.number && one != two);
    assert!(found.number > 1_000 && found.number < whole.entries());
    assert!(one.what.contains("Received"), "{one:?}");

    let fault = builder().fault(Duration::from_secs(3), Fault::Crash { node: 7 });
    let found = first_difference(watched(builder()), watched(fault)).unwrap().unwrap();
    assert!(found.two.unwrap().what.contains("Crash { node: 7 }"));
}

#[test]
fn checkpoints_follow_the_trace_and_change_nothing() {
    let watch = Watch { every: 500, journal: 700..703 };
    let (plain, kept) =
        (watched(small(1, settings()))(Watch::default()), watched(small(1, settings()))(watch));
    let (plain, kept) = (plain.unwrap(), kept.unwrap());
    assert_eq!(plain.trace_hash(), kept.trace_hash());
    let numbers: Vec<u64> = kept.checkpoints().iter().map(|point| point.entries).collect();
    assert_eq!(numbers, (500..kept.entries()).step_by(500).collect::<Vec<u64>>());
    let journal: Vec<u64> = kept.journal().iter().map(|entry| entry.number).collect();
    assert_eq!(journal, [700, 701, 702]);
}

/// A node's life with links lost, a crash of a neighbour, messages of its own and of others.
fn recorded() -> Recording {
    let mut network = warm(small(5, with_k(8)).record(4));
    publish(&mut network, 4, payload(1, 12_000));
    publish(&mut network, 9, payload(2, 12_000));
    network.crash(network.mesh(4, &topic())[0]);
    run_for(&mut network, 1_500);
    network.unsubscribe(4, &topic());
    run_for(&mut network, 500);
    let [life] = network.recordings() else { panic!("one life") };
    life.clone()
}

#[test]
fn a_recorded_node_does_the_same_alone() {
    let life = recorded();
    assert!(life.steps.len() > 100, "{} steps", life.steps.len());
    let read = Recording::from_text(&life.to_text()).unwrap();
    assert_eq!(read.to_text(), life.to_text());
    for recording in [&life, &read] {
        recording.replay(checked(with_k(8)), Arc::new(HashKeys::new(life.me))).unwrap();
    }
}

#[test]
fn a_replay_finds_what_is_not_the_same() {
    let mut life = recorded();
    let replay = |life: &Recording| life.replay(checked(with_k(8)), Arc::new(HashKeys::new(life.me)));
    let published = life.steps.iter().position(|step| matches!(step.input, Input::Publish(..))).unwrap();
    life.steps[published].input = Input::Publish(topic(), payload(7, 12_000));
    let mismatch = replay(&life).unwrap_err();
    assert_eq!(mismatch.step, published);
    assert!(mismatch.input.starts_with("publish") && mismatch.actions.contains("Deliver"));

    life.seed = Seed::from_number(99);
    assert!(replay(&life).unwrap_err().step <= published);
}

#[test]
fn text_that_is_no_recording_is_refused_with_its_line() {
    let text = recorded().to_text();
    let refused = |text: &str| Recording::from_text(text).unwrap_err().to_string();
    assert_eq!(refused("hello"), "line 1 of the recording: expected `braidcast recording 2`");
    let node = text.lines().nth(1).unwrap();
    for (line, expected) in [
        ("7 sleep = 00", "the name of an input"),
        ("7 wake 00", "="),
        ("7 wake = xyz", "a digest"),
        ("7 frame 1 0 = 00", "a frame"),
        ("7 wake = 00 more", "the end of the line"),
    ] {
        let error = refused(&format!("braidcast recording 2\n{node}\n{line}\n"));
        assert_eq!(error, format!("line 3 of the recording: expected {expected}"));
    }
}

#[test]
fn a_node_that_holds_too_much_is_found() {
    let mut network = warm(small(1, settings()).held_bytes_max(30_000));
    (0..4).for_each(|tag| {
        publish(&mut network, 0, payload(tag, 12_000));
    });
    let failure = network.run_until(after(&network, 3_000)).unwrap_err();
    assert!(matches!(failure.violation, Violation::Memory { bytes, bytes_max: 30_000 } if bytes > 30_000));
}

#[test]
fn measures_add_up() {
    let mut network = warm(small(2, with_k(8)));
    let message = publish(&mut network, 0, payload(1, 16_000));
    network.log_spread(&message);
    all_delivered(&mut network, std::slice::from_ref(&message), "one message");
    run_for(&mut network, 2_000);
    let stats: Vec<_> = (0..36).map(|node| network.stats(node)).collect();
    let sum = |of: fn(&braidcast_runtime_sim::NodeStats) -> u64| stats.iter().map(of).sum::<u64>();
    assert_eq!(sum(|node| node.data_bytes), sum(|node| node.data_bytes_received));
    assert_eq!(sum(|node| node.control_frames), sum(|node| node.control_frames_received));
    assert_eq!(sum(|node| node.body_bytes_sent), sum(|node| node.body_bytes_received));
    // 35 nodes need eight shards each.
    assert_eq!(sum(|node| node.new_shards), 35 * 8);
    let shards = sum(|node| node.new_shards + node.useless_shards + node.invalid_shards);
    assert_eq!(network.spread().len() as u64, shards);
    let useless = network.spread().iter().filter(|arrival| !arrival.useful).count() as u64;
    assert_eq!(useless, sum(|node| node.useless_shards));
    // Shards of 2000 bytes are padded to 2048.
    assert_eq!(sum(|node| node.duplicate_body_bytes), useless * 2_048);
    assert!(stats.iter().all(|node| node.held_bytes_max > 0));
}

#[test]
fn hops_are_counted_along_the_way() {
    let line: Vec<(usize, usize)> = (0..9).map(|node| (node, node + 1)).collect();
    for settings in [with_k(8), gossipsub()] {
        let mut network = warm(small(3, settings).nodes(10).topology(Topology::Edges(line.clone())));
        let message = publish(&mut network, 2, payload(1, 16_000));
        all_delivered(&mut network, std::slice::from_ref(&message), "a line");
        let published = network.published(&message).unwrap();
        let hops: Vec<u16> = (0..10).map(|node| published.hops(node).unwrap()).collect();
        assert_eq!(hops, [2, 1, 0, 1, 2, 3, 4, 5, 6, 7]);
    }
}

#[test]
fn bounds_are_those_of_the_slowest_line_on_the_way() {
    let mut network = warm(small(4, gossipsub()).nodes(3).topology(Topology::Edges(vec![(0, 1), (1, 2)])));
    let message = publish(&mut network, 0, payload(1, 64 << 10));
    let bounds = network.bounds(&message, 100).unwrap();
    // 1 MiB at 50 Mbit/s takes 167.772 ms; two links of 25 ms.
    assert_eq!(bounds.heterogeneous.as_micros(), 217_772);
    let postal = postal_bound(3, 1 << 20, 1, FIFTY_MBIT, Duration::from_millis(25));
    assert_eq!(bounds.postal, Some(postal));
    network.set_downlink(2, Some(FIFTY_MBIT / 10));
    assert_eq!(
        network.bounds(&message, 100).unwrap().heterogeneous.as_micros(),
        217_772,
        "it was faster before"
    );

    let mut network = warm(small(4, gossipsub()).nodes(3).topology(Topology::Full).node_rates(
        2,
        None,
        Some(FIFTY_MBIT / 10),
    ));
    let message = publish(&mut network, 0, payload(1, 64 << 10));
    let bounds = network.bounds(&message, 100).unwrap();
    assert_eq!((bounds.postal, bounds.heterogeneous.as_millis()), (None, 1_702));
    all_delivered(&mut network, &[message], "a slow downlink");
}
