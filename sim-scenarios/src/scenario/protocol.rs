//! The section `protocol`: the core's [`Settings`] by their own names.

use std::time::Duration;

use braidcast_protocol::{
    CodedSettings, GossipSettings, Integrity, MeshSettings, Mode, Multiplier, Schedule, Settings,
    ShardFactor, Threshold, ThresholdRule,
};

use super::ScenarioError;
use super::section::Section;
use super::tree::Value;
use super::units;

pub(super) fn read(mut section: Section<'_>) -> Result<Settings, ScenarioError> {
    let mut settings = Settings::default();
    let modes = [("coded", Mode::Optimum), ("gossipsub", Mode::Gossipsub)];
    set(&mut settings.mode, section.word("mode", &modes)?);
    mesh(section.section("mesh")?, &mut settings.mesh)?;
    gossip(section.section("gossip")?, &mut settings.gossip)?;
    coded(section.section("coded")?, &mut settings.coded)?;
    super::score::read(section.section("score")?, &mut settings.score)?;
    bytes(&mut settings.message_bytes_max, &mut section, "message_bytes_max")?;
    bytes(&mut settings.backlog_bytes_max, &mut section, "backlog_bytes_max")?;
    set(&mut settings.outbox.messages_max, section.whole("outbox_messages_max", 1..=COUNT_MAX)?);
    bytes(&mut settings.outbox.bytes_max, &mut section, "outbox_bytes_max")?;
    let publisher = &mut settings.publisher;
    publisher.messages_max = section.whole("publisher_messages_max", 1..=COUNT_MAX as u32)?;
    publisher.bytes_max = section.bytes("publisher_bytes_max", 1..=BYTES_MAX)?.map(|bytes| bytes as usize);
    positive(&mut settings.outbox.publish_wait, &mut section, "outbox_publish_wait")?;
    positive(&mut settings.outbox.forward_wait, &mut section, "outbox_forward_wait")?;
    set(&mut settings.outbox.parallel_max, section.whole("outbox_parallel_max", 1..=COUNT_MAX)?);
    bytes(&mut settings.outbox.slow_bytes_per_s, &mut section, "outbox_slow_bytes_per_s")?;
    section.finish()?;
    Ok(settings)
}

/// The bounds follow the target unless they are given: 6 has the documented 4 and 12.
fn mesh(mut section: Section<'_>, mesh: &mut MeshSettings) -> Result<(), ScenarioError> {
    let target = section.whole("target", 1..=1000)?.unwrap_or(mesh.target);
    let min = section.whole("min", 1..=target)?.unwrap_or(target - target / 3);
    let max = section.whole("max", target..=2000)?.unwrap_or(2 * target);
    *mesh = MeshSettings::with_degrees(min, target, max);
    set(&mut mesh.outbound_min, section.whole("outbound_min", 0..=(target / 2).min(min - 1))?);
    positive(&mut mesh.heartbeat, &mut section, "heartbeat")?;
    set(&mut mesh.heartbeat_initial_delay, section.duration("heartbeat_initial_delay")?);
    positive(&mut mesh.prune_backoff, &mut section, "prune_backoff")?;
    set(&mut mesh.unsubscribe_backoff, section.duration("unsubscribe_backoff")?);
    set(&mut mesh.best_kept, section.whole("best_kept", 0..=target)?);
    set(&mut mesh.opportunistic_peers, section.whole("opportunistic_peers", 0..=1000)?);
    positive(&mut mesh.fanout_ttl, &mut section, "fanout_ttl")?;
    mesh.flood_publish = section.flag("flood_publish")?;
    mesh.peer_exchange = section.flag("peer_exchange")?;
    set(&mut mesh.exchange_peers, section.whole("exchange_peers", 0..=1000)?);
    section.finish()
}

fn gossip(mut section: Section<'_>, gossip: &mut GossipSettings) -> Result<(), ScenarioError> {
    set(&mut gossip.lazy, section.whole("lazy", 0..=1000)?);
    set(&mut gossip.factor_percent, section.whole("factor_percent", 0..=100)?);
    set(&mut gossip.history_length, section.whole("history_length", 1..=1000)?);
    set(&mut gossip.history_gossip, section.whole("history_gossip", 0..=gossip.history_length)?);
    bytes(&mut gossip.cache_bytes_max, &mut section, "cache_bytes_max")?;
    positive(&mut gossip.seen_ttl, &mut section, "seen_ttl")?;
    positive(&mut gossip.iwant_followup, &mut section, "iwant_followup")?;
    positive(&mut gossip.iwant_retry, &mut section, "iwant_retry")?;
    bytes(&mut gossip.idontwant_bytes_min, &mut section, "idontwant_bytes_min")?;
    let idontwant = [("early", true), ("late", false)];
    set(&mut gossip.idontwant_early, section.word("idontwant", &idontwant)?);
    section.finish()
}

fn coded(mut section: Section<'_>, coded: &mut CodedSettings) -> Result<(), ScenarioError> {
    let allowed = format!("\"auto\" or a whole number from 1 to {}", ShardFactor::MAX);
    set(&mut coded.shard_factor, section.value("shard_factor", &allowed, shard_factor)?);
    let multiplier = |value: &Value| units::number(value).and_then(Multiplier::new);
    set(&mut coded.multiplier, section.value("multiplier", "above 0 and at most 64", multiplier)?);
    let threshold = |value: &Value| units::number(value).and_then(Threshold::new);
    set(&mut coded.threshold, section.value("threshold", "above 0 and at most 1", threshold)?);
    let rules = [("at-least", ThresholdRule::AtLeast), ("exceeds", ThresholdRule::Exceeds)];
    set(&mut coded.threshold_rule, section.word("threshold_rule", &rules)?);
    let schedules = [("informed", Schedule::Informed), ("exchange", Schedule::Exchange)];
    set(&mut coded.schedule, section.word("schedule", &schedules)?);
    let integrity = [
        ("adaptive", Integrity::Adaptive),
        ("verified", Integrity::Verified),
        ("optimistic", Integrity::Optimistic),
    ];
    set(&mut coded.integrity, section.word("integrity", &integrity)?);
    bytes(&mut coded.small_message_bytes, &mut section, "small_message_bytes")?;
    let wide_bytes = section.bytes("wide_bytes_max", 0..=BYTES_MAX)?.map(|bytes| bytes as usize);
    set(&mut coded.wide_bytes_max, wide_bytes);
    positive(&mut coded.repair_after, &mut section, "repair_after")?;
    positive(&mut coded.undecoded_ttl, &mut section, "undecoded_ttl")?;
    set(&mut coded.undecoded_max, section.whole("undecoded_max", 1..=COUNT_MAX)?);
    bytes(&mut coded.undecoded_bytes_max, &mut section, "undecoded_bytes_max")?;
    section.finish()
}

fn shard_factor(value: &Value) -> Option<ShardFactor> {
    match value {
        Value::Integer(k) => {
            let k = u16::try_from(*k).ok().filter(|k| (1..=ShardFactor::MAX).contains(k))?;
            Some(ShardFactor::Fixed(k))
        }
        Value::Text(text) => (text == "auto").then_some(ShardFactor::Auto),
        Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
    }
}

pub(super) fn set<T>(target: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *target = value;
    }
}

fn bytes(target: &mut usize, section: &mut Section<'_>, key: &'static str) -> Result<(), ScenarioError> {
    set(target, section.bytes(key, 1..=BYTES_MAX)?.map(|bytes| bytes as usize));
    Ok(())
}

pub(super) fn positive(
    target: &mut Duration,
    section: &mut Section<'_>,
    key: &'static str,
) -> Result<(), ScenarioError> {
    let read = |value: &Value| units::duration(value).filter(|duration| !duration.is_zero());
    set(target, section.value(key, "a duration above zero, as \"500 ms\"", read)?);
    Ok(())
}

pub(super) const COUNT_MAX: usize = 1 << 20;
/// A tebibyte of virtual memory: more than any run can fill.
const BYTES_MAX: u64 = 1 << 40;
