//! Faults as data, and nodes that do not keep to the protocol: the honest ones deliver all the same.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::time::Duration;

use braidcast_protocol::{MessageId, Score, Seed};
use braidcast_runtime_sim::{
    Adversary, Builder, Distribution, Fault, FaultError, Flood, Network, Topology, choose_nodes,
};
use common::*;

const SECOND: Duration = Duration::from_secs(1);

/// Ten messages from nodes 0 to 3, 100 ms apart, each with its own bytes.
fn stream(network: &mut Network) -> Vec<MessageId> {
    (0..10)
        .map(|turn| {
            let tag = network.now().as_nanos();
            let message = publish(network, turn % 4, payload(tag, 8_000));
            run_for(network, 100);
            message
        })
        .collect()
}

/// Whether all but `others` get everything.
#[track_caller]
fn honest_deliver(builder: Builder, others: &[usize], context: &str) -> Network {
    let mut network = warm(builder);
    let messages = stream(&mut network);
    run_for(&mut network, 10_000);
    for message in &messages {
        let missing: Vec<usize> =
            network.missing(message).into_iter().filter(|node| !others.contains(node)).collect();
        assert!(missing.is_empty(), "{context}: {missing:?}");
    }
    network
}

#[test]
fn adversaries_do_not_keep_the_others_from_delivering() {
    let flooder = |what| Adversary::Flooder { what, per_second: 20, entries: 50 };
    let kinds = [
        Adversary::Silent,
        Adversary::Leech,
        Adversary::Dropping { ppm: 500_000 },
        Adversary::Polluter { ppm: 300_000 },
        Adversary::Replaying { copies: 2 },
        flooder(Flood::IHave),
        flooder(Flood::IWant),
        flooder(Flood::Graft),
        Adversary::Flooder { what: Flood::Forged, per_second: 20, entries: 2 },
        Adversary::Flooder { what: Flood::Spam, per_second: 1, entries: 1 },
    ];
    for (seed, adversary) in kinds.into_iter().enumerate() {
        let chosen = choose_nodes(&Seed::from_number(seed as u64), 1, 36, 7, &[0, 1, 2, 3]);
        for settings in [with_k(8), gossipsub(), scored(with_k(8))] {
            let mut builder = small(seed as u64, settings);
            for node in &chosen {
                builder = builder.adversary(*node, adversary);
            }
            honest_deliver(builder, &chosen, &format!("{adversary:?}"));
        }
    }
}

#[test]
fn a_node_turns_when_it_should_and_dials_its_victim() {
    let foe = Some(Adversary::Flooder { what: Flood::Forged, per_second: 10, entries: 1 });
    let builder = small(3, scored(settings()))
        .fault(6 * SECOND, Fault::Turn { node: 20, adversary: foe })
        .fault(6 * SECOND, Fault::Connect { from: vec![20], to: (0..36).collect() });
    let mut network = warm(builder);
    let links = network.links();
    assert!(!network.is_adversary(20) && network.stats(20).score_min == Score::ZERO);
    run_for(&mut network, 10_000);
    assert!(network.is_adversary(20) && network.links() > links);
    assert!(network.stats(20).score_min.is_negative());
    let honest = (0..36).filter(|node| *node != 20);
    assert!(honest.clone().all(|node| network.stats(node).score_min == Score::ZERO));
    assert!(honest.clone().all(|node| !network.mesh(node, &topic()).contains(&20)));
    let out_of_range = Fault::Turn { node: 36, adversary: None };
    assert_eq!(network.inject(&out_of_range), Err(FaultError::Node { node: 36, nodes: 36 }));
    network.inject(&Fault::Turn { node: 20, adversary: None }).unwrap();
    assert!(!network.is_adversary(20));
}

#[test]
fn those_at_one_address_are_judged_together() {
    let crowd = 12..36;
    let builder = small(4, scored(settings()));
    let builder = crowd.clone().fold(builder, |builder, node| builder.share_address(node, 12));
    let mut network = warm(builder.topology(Topology::Full));
    run_for(&mut network, 3_000);
    // 24 are there, 14 more than are free.
    let of_crowd = |node: usize| network.scores(0).into_iter().find(|(other, _)| *other == node).unwrap().1;
    assert_eq!(of_crowd(20).parts.colocation, Score::new(-5 * 14 * 14));
    assert_eq!(of_crowd(5).parts.colocation, Score::ZERO);
    assert!(network.mesh(0, &topic()).iter().all(|member| !crowd.contains(member)));
}

#[test]
fn adversaries_do_what_they_are_said_to_do() {
    let sent_with = |seed, adversary| {
        let builder = small(seed, with_k(8));
        let builder = if let Some(kind) = adversary { builder.adversary(20, kind) } else { builder };
        honest_deliver(builder, &[20], "one adversary").stats(20)
    };
    let sent = |adversary| sent_with(1, adversary);
    let honest = sent(None);
    let silent = sent(Some(Adversary::Silent));
    assert_eq!((silent.control_frames, silent.data_frames), (0, 0));
    let leech = sent(Some(Adversary::Leech));
    assert!(leech.control_frames > 0 && leech.data_frames == 0 && leech.body_bytes_received > 0);
    let data_frames = |adversary| (1..=5).map(|seed| sent_with(seed, adversary).data_frames).sum::<u64>();
    let dropping = data_frames(Some(Adversary::Dropping { ppm: 500_000 }));
    // It makes up for some of what did not go out, since its neighbours report that they lack it.
    assert!(dropping > 0 && dropping * 10 < data_frames(None) * 9, "{dropping} of {}", data_frames(None));
    let replaying = sent(Some(Adversary::Replaying { copies: 2 }));
    assert!(2 * replaying.data_frames > 3 * honest.data_frames);
    let flooder = Adversary::Flooder { what: Flood::IHave, per_second: 20, entries: 50 };
    assert!(sent(Some(flooder)).control_bytes > 20 * honest.control_bytes);
}

#[test]
fn a_polluter_is_noticed() {
    let mut network = warm(small(1, with_k(8)).adversary(20, Adversary::Polluter { ppm: 1_000_000 }));
    network.record_traces(true);
    stream(&mut network);
    let refused = |trace: &braidcast_runtime_sim::NodeTrace| {
        use braidcast_protocol::Trace::{PollutedMessage, RejectMessage};
        matches!(trace.what, PollutedMessage { .. } | RejectMessage { .. })
    };
    assert!(network.take_traces().iter().any(refused));
}

#[test]
fn a_partition_stalls_and_heals() {
    let side: Vec<usize> = (0..18).collect();
    let mut network = warm(small(2, settings()).link_timeout(5 * SECOND));
    network.inject(&Fault::Partition { side }).unwrap();
    let early = publish(&mut network, 0, payload(1, 8_000));
    run_for(&mut network, 2_000);
    assert_eq!(network.missing(&early), (18..36).collect::<Vec<usize>>());
    // Links were not given up yet: what was sent goes on.
    network.inject(&Fault::Heal).unwrap();
    all_delivered(&mut network, &[early], "healed before the timeout");

    network.inject(&Fault::Partition { side: (0..18).collect() }).unwrap();
    let links = network.links();
    run_for(&mut network, 6_000);
    assert!(network.links() < links, "no link was given up");
    network.inject(&Fault::Heal).unwrap();
    run_for(&mut network, 3_000);
    let late = publish(&mut network, 30, payload(2, 8_000));
    all_delivered(&mut network, &[late], "healed after the timeout");
}

#[test]
fn who_is_not_heard_still_hears() {
    let mut network = warm(small(3, settings()));
    let all: Vec<usize> = (0..36).filter(|node| *node != 7).collect();
    network.inject(&Fault::Cut { from: vec![7], to: all }).unwrap();
    let [from_it, to_it] = [7, 0].map(|node| publish(&mut network, node, payload(node as u64, 8_000)));
    run_for(&mut network, 5_000);
    assert!(network.missing(&to_it).is_empty());
    assert_eq!(network.missing(&from_it).len(), 35);
    network.inject(&Fault::Heal).unwrap();
    all_delivered(&mut network, &[from_it], "healed");
}

#[test]
fn a_paused_node_catches_up() {
    for seed in 0..5 {
        let pause = |node| Fault::Pause { node, span: 3 * SECOND };
        let mut network = warm(small(seed, with_k(8)).fault(Duration::from_millis(4_600), pause(9)));
        let messages = stream(&mut network);
        assert!(network.missing(&messages[5]).contains(&9));
        run_for(&mut network, 3_000);
        all_delivered(&mut network, &messages, &format!("seed {seed}"));
    }
}

#[test]
fn churn_costs_only_those_who_are_away() {
    for seed in 0..5 {
        let nodes = choose_nodes(&Seed::from_number(seed), 1, 36, 18, &[0, 1, 2, 3]);
        let up = Distribution::Weibull { scale: 5 * SECOND, shape_milli: 600 };
        let down = Distribution::Exponential { mean: 2 * SECOND };
        let churn = Fault::Churn { nodes: nodes.clone(), up, down };
        let builder = small(seed, settings()).fault(5 * SECOND, churn).fault(20 * SECOND, Fault::EndChurn);
        let mut network = warm(builder);
        let mut away = 0;
        for _ in 0..5 {
            let messages = stream(&mut network);
            away += (0..36).filter(|node| !network.is_up(*node)).count();
            let stayed: Vec<usize> = (0..36).filter(|node| !nodes.contains(node)).collect();
            run_for(&mut network, 2_000);
            for message in &messages {
                let missing = network.missing(message);
                let lacking: Vec<&usize> = missing.iter().filter(|node| stayed.contains(node)).collect();
                assert!(lacking.is_empty(), "seed {seed}: {lacking:?} at {:?}", network.now());
            }
        }
        assert!(away > 10, "seed {seed}: only {away} were away");
        run_for(&mut network, 30_000);
        assert!((0..36).all(|node| network.is_up(node)));
        let after = stream(&mut network);
        all_delivered(&mut network, &after, &format!("seed {seed}, after the churn"));
    }
}

#[test]
fn slow_lossy_and_skewed_nodes_are_served() {
    for seed in 0..5 {
        let slow = Fault::Rates { node: 9, up: Some(FIFTY_MBIT / 4), down: Some(FIFTY_MBIT / 4) };
        let lossy = Fault::Lossy { node: 10, ppm: 300_000 };
        let fast = Fault::ClockSkew { node: 11, ahead: 40 * SECOND, drift_ppm: 100_000 };
        let late = Fault::ClockSkew { node: 12, ahead: Duration::ZERO, drift_ppm: -100_000 };
        let mut builder = small(seed, with_k(8));
        for fault in [slow, lossy, fast, late] {
            builder = builder.fault(2 * SECOND, fault);
        }
        let network = honest_deliver(builder, &[], &format!("seed {seed}"));
        assert!(network.stats(10).retransmissions > 0);
    }
}

#[test]
fn what_does_not_fit_into_an_outbox_is_counted() {
    let dropped = |messages_max| {
        let mut settings = gossipsub();
        settings.outbox.messages_max = messages_max;
        let mut network = warm(small(3, settings));
        stream(&mut network);
        run_for(&mut network, 10_000);
        (0..36).map(|node| network.stats(node).dropped_messages).sum::<u64>()
    };
    assert_eq!(dropped(256), 0);
    assert!(dropped(1) > 0);
}

#[test]
fn faults_that_cannot_be_are_refused() {
    let mut network = small(1, settings()).build().unwrap();
    let refused = |network: &mut Network, fault| network.inject(&fault).unwrap_err();
    let nowhere = FaultError::Node { node: 36, nodes: 36 };
    assert_eq!(refused(&mut network, Fault::Crash { node: 36 }), nowhere);
    assert_eq!(refused(&mut network, Fault::Cut { from: vec![0], to: vec![36] }), nowhere);
    let backwards = Fault::ClockSkew { node: 0, ahead: SECOND, drift_ppm: -1_000_000 };
    assert_eq!(refused(&mut network, backwards), FaultError::Drift { ppm: -1_000_000 });
}
