//! Nodes that send garbage: the others deliver what was published, all of it, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::time::Duration;

use braidcast_coding::ShardId;
use braidcast_protocol::rpc::Rpc;
use braidcast_protocol::{Integrity, MessageId, Seed, Trace};
use braidcast_runtime_sim::{Latency, Network, NodeTrace};
use common::*;

/// Flips bits in every combination that cannot be checked before decoding.
fn garble_dense(rpc: &mut Rpc) {
    for shard in &mut rpc.coded.shards {
        match &shard.id {
            ShardId::Dense(_) => {
                shard.body = shard.body.iter().map(|byte| byte ^ 0x5a).collect::<Vec<u8>>().into();
            }
            ShardId::Canonical(_) => {}
        }
    }
}

/// Flips bits in every shard.
fn garble_all(rpc: &mut Rpc) {
    for shard in &mut rpc.coded.shards {
        shard.body = shard.body.iter().map(|byte| byte ^ 0x5a).collect::<Vec<u8>>().into();
    }
}

/// Five messages among 16 nodes; how often an honest node found that its shards made another message.
fn polluted(seed: u64, integrity: Integrity, polluters: &[usize], tamper: fn(&mut Rpc)) -> usize {
    let mut settings = with_k(8);
    settings.coded.integrity = integrity;
    let mut builder = Network::builder(Seed::from_number(seed), checked(settings))
        .nodes(16)
        .degree(8)
        .latency(Latency::Constant(Duration::from_millis(25)))
        .uplink(Some(FIFTY_MBIT))
        .body_scale(16)
        .check_invariants(true);
    for polluter in polluters {
        builder = builder.tamper(*polluter, tamper);
    }
    let mut network = warm(builder);
    network.record_traces(true);
    let messages: Vec<MessageId> = (0..5)
        .map(|i| {
            let message = publish(&mut network, i, payload(i as u64, 16 << 10));
            run_for(&mut network, 300);
            message
        })
        .collect();
    let context = format!("seed {seed}, {integrity:?}, {} polluters", polluters.len());
    honest_delivered(&mut network, &messages, polluters, &context);
    let bad_decode = |trace: &NodeTrace| {
        matches!(trace.what, Trace::PollutedMessage { .. }) && !polluters.contains(&trace.node)
    };
    network.take_traces().iter().filter(|trace| bad_decode(trace)).count()
}

/// Everyone else gets every message within 30 s. Who was found out is served no longer.
#[track_caller]
fn honest_delivered(network: &mut Network, messages: &[MessageId], polluters: &[usize], context: &str) {
    let bound = after(network, 30_000);
    loop {
        let missing: Vec<Vec<usize>> = messages.iter().map(|message| network.missing(message)).collect();
        if missing.iter().flatten().all(|node| polluters.contains(node)) {
            return;
        }
        assert!(network.now() < bound, "{context}: missing at {missing:?}");
        run_for(network, 100);
    }
}

#[test]
fn one_polluter_among_sixteen_stops_nothing() {
    for integrity in [Integrity::Adaptive, Integrity::Optimistic, Integrity::Verified] {
        let bad_decodes: usize = (0..10).map(|seed| polluted(seed, integrity, &[15], garble_dense)).sum();
        assert!(bad_decodes > 0, "{integrity:?}: the polluter did nothing");
    }
}

#[test]
fn a_polluter_of_checkable_shards_stops_nothing_either() {
    for seed in 0..10 {
        let _refused_on_arrival = polluted(seed, Integrity::Adaptive, &[15], garble_all);
    }
}

#[test]
fn a_third_of_polluters_stops_nothing() {
    for seed in 0..10 {
        let bad_decodes = polluted(seed, Integrity::Adaptive, &[11, 12, 13, 14, 15], garble_dense);
        assert!(bad_decodes > 0, "seed {seed}: the polluters did nothing");
    }
}
