//! What the lines and links between nodes do to messages.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::Seed;
use braidcast_runtime_sim::{
    Builder, Congestion, Distribution, Latency, Network, NodeStats, Processing, Regions, Sharing, Topology,
};
use common::*;

const SIZE: usize = 64 << 10;

/// Two nodes with 50 Mbit/s uplinks and 25 ms between them; one whole message of 64 KiB at scale 16.
fn pair() -> Builder {
    small(1, gossipsub()).nodes(2).topology(Topology::Full)
}

/// How long the message takes to the other nodes.
fn time_of(builder: Builder) -> Duration {
    let mut network = warm(builder);
    let message = publish(&mut network, 0, payload(1, SIZE));
    all_delivered(&mut network, std::slice::from_ref(&message), "one message");
    network.published(&message).unwrap().time_to(100).unwrap()
}

fn millis(from: u64, to: u64) -> std::ops::Range<Duration> {
    Duration::from_millis(from)..Duration::from_millis(to)
}

/// 1 MiB at 50 Mbit/s takes 168 ms.
const ONE_LINE: std::ops::Range<u64> = 192..196;

#[test]
fn a_downlink_of_the_uplinks_rate_costs_nothing_and_a_slower_one_what_it_is_slower() {
    for sharing in [Sharing::Fifo, Sharing::FairShare] {
        let time = |down| time_of(pair().downlink(down).downlink_sharing(sharing));
        assert!(millis(ONE_LINE.start, ONE_LINE.end).contains(&time(None)), "{sharing:?} {:?}", time(None));
        let same = time(Some(FIFTY_MBIT));
        assert!(millis(ONE_LINE.start, ONE_LINE.end).contains(&same), "{sharing:?} {same:?}");
        // The line alone takes 335 ms.
        let slow = time(Some(FIFTY_MBIT / 2));
        assert!(millis(355, 365).contains(&slow), "{sharing:?} {slow:?}");
    }
}

#[test]
fn a_shared_uplink_serves_all_links_at_once_and_a_fifo_one_after_another() {
    let star = |sharing| {
        let spokes: Vec<(usize, usize)> = (1..5).map(|node| (0, node)).collect();
        // All four at once; by itself a node would serve one after another.
        let mut settings = gossipsub();
        settings.outbox.parallel_max = 4;
        let builder = small(2, settings).nodes(5).topology(Topology::Edges(spokes));
        let mut network = warm(builder.uplink_sharing(sharing));
        let message = publish(&mut network, 0, payload(1, SIZE));
        all_delivered(&mut network, std::slice::from_ref(&message), "star");
        let published = network.published(&message).unwrap();
        [40, 100].map(|share| published.time_to(share).unwrap())
    };
    let ([fifo_first, fifo_last], [shared_first, shared_last]) =
        (star(Sharing::Fifo), star(Sharing::FairShare));
    assert!(fifo_first * 3 < fifo_last && shared_first * 11 > shared_last * 10);
    assert!(shared_last.abs_diff(fifo_last) < Duration::from_millis(5));
}

#[test]
fn one_nodes_rates_can_differ() {
    let fast = time_of(pair().node_rates(0, Some(10 * FIFTY_MBIT), None));
    assert!(millis(40, 50).contains(&fast), "{fast:?}");
    let slow = time_of(pair().node_rates(1, Some(FIFTY_MBIT), Some(FIFTY_MBIT / 2)));
    assert!(millis(355, 365).contains(&slow), "{slow:?}");
}

#[test]
fn a_cold_connection_needs_round_trips() {
    // 14.6 kB double to 1 MiB in 6.2 round trips of 50 ms.
    let cold = time_of(pair().uplink(None).congestion(Congestion::default()));
    assert!(millis(300, 380).contains(&cold), "{cold:?}");
    let warm = Congestion { initial_bytes: 2 << 20, ..Congestion::default() };
    let warm = time_of(pair().uplink(None).congestion(warm));
    assert!(warm < Duration::from_millis(30), "{warm:?}");
}

#[test]
fn losses_shrink_congestion_windows_and_lose_nothing() {
    for seed in 0..5 {
        let loss = braidcast_runtime_sim::Loss { ppm: 100_000, timeout: Duration::from_millis(200) };
        let builder = small(seed, with_k(16)).congestion(Congestion::default()).loss(loss);
        let mut network = warm(builder.downlink(Some(FIFTY_MBIT)));
        let messages = [0, 9].map(|node| publish(&mut network, node, payload(node as u64, 16 << 10)));
        all_delivered(&mut network, &messages, &format!("seed {seed}"));
    }
}

#[test]
fn a_full_queue_at_the_receiver_delays_but_loses_nothing() {
    for seed in 0..5 {
        let builder = small(seed, with_k(16)).downlink(Some(FIFTY_MBIT / 4)).receive_queue(100_000);
        let mut network = warm(builder);
        let messages = [0, 9].map(|node| publish(&mut network, node, payload(node as u64, 16 << 10)));
        all_delivered(&mut network, &messages, &format!("seed {seed}"));
        let stats: Vec<NodeStats> = (0..36).map(|node| network.stats(node)).collect();
        assert!(stats.iter().any(|node| node.refused_frames > 0));
        assert!(stats.iter().all(|node| node.downlink_bytes_max < 130_000));
    }
}

#[test]
fn a_neighbour_that_cannot_take_control_loses_its_link() {
    // One frame of shards takes longer than the heartbeats' control can wait.
    let mut network = warm(small(3, settings()).uplink(Some(2_000)).window(1).send_queue(300));
    let links_before = network.links();
    (0..10).for_each(|tag| {
        publish(&mut network, tag, payload(tag as u64, 4_000));
    });
    run_for(&mut network, 60_000);
    assert!(network.links() < links_before, "{links_before} links, none was closed");
}

#[test]
fn work_takes_time() {
    let work = Processing {
        per_frame: Duration::from_millis(3),
        per_kilobyte_in: Duration::from_micros(20),
        per_kilobyte_out: Duration::from_micros(50),
        processors: None,
    };
    let (idle, busy) = (time_of(pair()), time_of(pair().processing(work)));
    // 1048 kB: 52 ms to make, 21 + 3 ms to take.
    assert!(millis(74, 80).contains(&(busy - idle)), "{idle:?} and {busy:?}");
}

#[test]
fn nodes_that_share_processors_wait_for_each_other() {
    let spokes: Vec<(usize, usize)> = (1..5).map(|node| (0, node)).collect();
    let time = |processors| {
        let work = Processing {
            per_kilobyte_in: Duration::from_micros(20),
            processors: NonZeroU16::new(processors),
            ..Processing::default()
        };
        let builder = small(2, gossipsub()).nodes(5).topology(Topology::Edges(spokes.clone()));
        time_of(builder.uplink(None).processing(work))
    };
    // 25 ms on the way, then 21 ms for each of the four that a processor has to serve.
    for (processors, turns) in [(0, 1), (4, 1), (2, 2), (1, 4)] {
        let took = time(processors);
        assert!(
            millis(25 + 20 * turns, 30 + 21 * turns).contains(&took),
            "{processors} processors: {took:?}"
        );
    }
}

#[test]
fn everything_at_once_delivers() {
    for (seed, sharing) in [(1, Sharing::Fifo), (2, Sharing::FairShare)] {
        let builder = small(seed, with_k(16))
            .latency(Latency::Regions(Arc::new(Regions::ethereum())))
            .jitter(Distribution::LogNormal { median: Duration::from_millis(2), sigma_milli: 1_000 })
            .loss(braidcast_runtime_sim::Loss { ppm: 10_000, timeout: Duration::from_millis(200) })
            .downlink(Some(2 * FIFTY_MBIT))
            .uplink_sharing(sharing)
            .downlink_sharing(sharing)
            .congestion(Congestion::default())
            .processing(Processing { per_frame: Duration::from_micros(50), ..Processing::default() })
            .nat_share(300_000);
        let mut network = warm(builder);
        assert_eq!((0..36).filter(|node| network.is_behind_nat(*node)).count(), 10);
        assert!((0..36).any(|node| network.region(node) != network.region(0)));
        let messages = [0, 9].map(|node| publish(&mut network, node, payload(node as u64, 16 << 10)));
        all_delivered(&mut network, &messages, &format!("{sharing:?}"));
    }
}

#[test]
fn latency_is_that_of_the_regions() {
    let regions =
        || Regions::new(vec!["a".into(), "b".into()], vec![1, 1], vec![1_000, 70_000, 70_000, 1_000]);
    let run = |seed| -> (bool, Duration) {
        let builder = pair_of(seed).uplink(None).latency(Latency::Regions(Arc::new(regions().unwrap())));
        let mut network: Network = warm(builder);
        let message = publish(&mut network, 0, payload(1, SIZE));
        all_delivered(&mut network, std::slice::from_ref(&message), "regions");
        let taken = network.published(&message).unwrap().time_to(100).unwrap();
        (network.region(0) == network.region(1), taken)
    };
    let pair_times: Vec<(bool, Duration)> = (0..8).map(run).collect();
    for (together, taken) in &pair_times {
        assert_eq!(*taken, Duration::from_millis(if *together { 1 } else { 70 }));
    }
    assert!(pair_times.iter().any(|(together, _)| *together) && !pair_times.iter().all(|(near, _)| *near));
}

fn pair_of(seed: u64) -> Builder {
    Network::builder(Seed::from_number(seed), checked(gossipsub())).nodes(2).topology(Topology::Full)
}
