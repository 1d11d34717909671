//! What the tests share: configurations, payloads, and the one sentence that most of them check.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::sync::Arc;
use std::time::Duration;

use braidcast_protocol::{Config, MessageId, Mode, Seed, Settings, ShardFactor, Time, Topic};
use braidcast_runtime_sim::{Builder, Latency, Network};
use bytes::Bytes;

/// Fifty megabits per second, in bytes.
pub(crate) const FIFTY_MBIT: u64 = 50_000_000 / 8;

/// The documented defaults: k = 4, multiplier 1.5, threshold 0.75, mesh 6 of 4 to 12.
pub(crate) fn settings() -> Settings {
    Settings::default()
}

pub(crate) fn gossipsub() -> Settings {
    Settings { mode: Mode::Gossipsub, ..settings() }
}

pub(crate) fn scored(mut settings: Settings) -> Settings {
    settings.score.enabled = true;
    settings
}

pub(crate) fn with_k(k: u16) -> Settings {
    let mut settings = settings();
    settings.coded.shard_factor = ShardFactor::Fixed(k);
    settings
}

pub(crate) fn checked(settings: Settings) -> Arc<Config> {
    Arc::new(Config::new(settings).unwrap())
}

/// 36 nodes with 12 links each, 25 ms apart, every invariant checked after every event.
pub(crate) fn small(seed: u64, settings: Settings) -> Builder {
    Network::builder(Seed::from_number(seed), checked(settings))
        .nodes(36)
        .degree(12)
        .latency(Latency::Constant(Duration::from_millis(25)))
        .uplink(Some(FIFTY_MBIT))
        .body_scale(16)
        .check_invariants(true)
}

pub(crate) fn topic() -> Topic {
    Topic::new("blocks")
}

/// A network in which everyone is in [`topic`] and the meshes have formed.
pub(crate) fn warm(builder: Builder) -> Network {
    let mut network = builder.build().unwrap();
    network.subscribe_all(&topic()).unwrap();
    run_for(&mut network, 4_500);
    network
}

/// Bytes without a pattern that codes could profit from, different for each `tag`.
pub(crate) fn payload(tag: u64, len: usize) -> Bytes {
    let mut state = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect::<Vec<u8>>().into()
}

pub(crate) fn publish(network: &mut Network, node: usize, payload: Bytes) -> MessageId {
    network.publish(node, &topic(), payload).unwrap().id
}

pub(crate) fn run_for(network: &mut Network, millis: u64) {
    let until = network.now() + Duration::from_millis(millis);
    network.run_until(until).unwrap();
}

pub(crate) fn after(network: &Network, millis: u64) -> Time {
    network.now() + Duration::from_millis(millis)
}

/// Everyone who is up gets every message within 30 s, once and bit for bit: the checkers of the run see to that.
#[track_caller]
pub(crate) fn all_delivered(network: &mut Network, messages: &[MessageId], context: &str) {
    let bound = after(network, 30_000);
    let all = match network.run_until_delivered(messages, bound) {
        Ok(all) => all,
        Err(failure) => panic!("{context}: {failure}"),
    };
    let missing: Vec<_> = messages.iter().map(|message| network.missing(message)).collect();
    assert!(all, "{context}: missing at {missing:?}");
}
