//! The section `protocol.score`: how peers are judged.

use braidcast_protocol::{Decay, PenaltySettings, Reputation, Score, ScoreSettings, TopicScoreSettings};

use super::ScenarioError;
use super::protocol::{COUNT_MAX, positive, set};
use super::section::Section;
use super::tree::Value;
use super::units;

pub(super) fn read(mut section: Section<'_>, score: &mut ScoreSettings) -> Result<(), ScenarioError> {
    score.enabled = section.flag("enabled")?;
    let mut thresholds = section.section("thresholds")?;
    points(&mut score.thresholds.gossip, &mut thresholds, "gossip")?;
    points(&mut score.thresholds.publish, &mut thresholds, "publish")?;
    points(&mut score.thresholds.graylist, &mut thresholds, "graylist")?;
    points(&mut score.thresholds.accept_px, &mut thresholds, "accept_px")?;
    points(&mut score.thresholds.opportunistic_graft, &mut thresholds, "opportunistic_graft")?;
    thresholds.finish()?;
    topic(section.section("topic")?, &mut score.topic)?;
    points(&mut score.topics_cap, &mut section, "topics_cap")?;
    let mut colocation = section.section("colocation")?;
    points(&mut score.colocation.weight, &mut colocation, "weight")?;
    set(&mut score.colocation.threshold, colocation.whole("threshold", 0..=COUNTS_MAX)?);
    colocation.finish()?;
    penalty(section.section("behaviour")?, &mut score.behaviour)?;
    penalty(section.section("slow")?, &mut score.slow)?;
    positive(&mut score.decay_interval, &mut section, "decay_interval")?;
    set(&mut score.retain, section.duration("retain")?);
    set(&mut score.retained_max, section.whole("retained_max", 0..=COUNT_MAX)?);
    let (mut reputation, rules) = (section.section("reputation")?, &mut score.reputation);
    set(&mut rules.observations_min, reputation.whole("observations_min", 0..=COUNTS_MAX)?);
    let permille = |value: f64| Reputation::from_permille((value * 1000.0).round() as u16);
    set(&mut rules.drop_below, reputation.number("drop_below", 0.0..=1.0)?.map(permille));
    set(&mut rules.refuse_for, reputation.duration("refuse_for")?);
    reputation.finish()?;
    section.finish()
}

fn topic(mut section: Section<'_>, topic: &mut TopicScoreSettings) -> Result<(), ScenarioError> {
    points(&mut topic.weight, &mut section, "weight")?;
    let mut mesh_time = section.section("mesh_time")?;
    points(&mut topic.mesh_time.weight, &mut mesh_time, "weight")?;
    positive(&mut topic.mesh_time.quantum, &mut mesh_time, "quantum")?;
    set(&mut topic.mesh_time.cap, mesh_time.whole("cap", 0..=COUNTS_MAX)?);
    mesh_time.finish()?;
    let (mut first, rules) = (section.section("first_deliveries")?, &mut topic.first_deliveries);
    points(&mut rules.weight, &mut first, "weight")?;
    decay(&mut rules.decay, &mut first)?;
    set(&mut rules.cap, first.whole("cap", 0..=COUNTS_MAX)?);
    first.finish()?;
    let (mut mesh, rules) = (section.section("mesh_deliveries")?, &mut topic.mesh_deliveries);
    points(&mut rules.weight, &mut mesh, "weight")?;
    decay(&mut rules.decay, &mut mesh)?;
    set(&mut rules.cap, mesh.whole("cap", 0..=COUNTS_MAX)?);
    set(&mut rules.threshold, mesh.whole("threshold", 0..=COUNTS_MAX)?);
    set(&mut rules.window, mesh.duration("window")?);
    set(&mut rules.activation, mesh.duration("activation")?);
    mesh.finish()?;
    penalty(section.section("mesh_failures")?, &mut topic.mesh_failures)?;
    penalty(section.section("invalid")?, &mut topic.invalid)?;
    section.finish()
}

fn penalty(mut section: Section<'_>, rules: &mut PenaltySettings) -> Result<(), ScenarioError> {
    points(&mut rules.weight, &mut section, "weight")?;
    decay(&mut rules.decay, &mut section)?;
    set(&mut rules.threshold, section.whole("threshold", 0..=COUNTS_MAX)?);
    section.finish()
}

fn decay(target: &mut Decay, section: &mut Section<'_>) -> Result<(), ScenarioError> {
    let read = |value: &Value| units::number(value).and_then(Decay::new);
    set(target, section.value("decay", "above 0 and below 1", read)?);
    Ok(())
}

fn points(target: &mut Score, section: &mut Section<'_>, key: &'static str) -> Result<(), ScenarioError> {
    let points = section.number(key, -POINTS_MAX..=POINTS_MAX)?;
    set(target, points.map(|points| Score::from_millionths((points * 1e6).round() as i64)));
    Ok(())
}

/// More than any weight or threshold needs.
const POINTS_MAX: f64 = 1e9;
const COUNTS_MAX: u32 = 1 << 20;
