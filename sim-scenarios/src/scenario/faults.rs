//! The lists `faults` and `adversaries`: what goes wrong, when, and who does it.

use std::time::Duration;

use braidcast_runtime_sim::{Adversary, Builder, Distribution, Fault, Flood};

use super::delays::distribution;
use super::section::Section;
use super::tree::Value;
use super::units;
use super::{ScenarioError, Workload};

/// What goes wrong.
#[derive(Clone, Default, Debug)]
pub struct Trouble {
    /// Faults with their times from the start of the run.
    pub faults: Vec<(Duration, Fault)>,
    /// Nodes that do not keep to the protocol, from the start.
    pub adversaries: Vec<(usize, Adversary)>,
    /// Nodes that have the IP address of another.
    pub addresses: Vec<(usize, usize)>,
}

impl Trouble {
    /// Adds it to a network.
    pub(crate) fn apply(&self, builder: Builder) -> Builder {
        let faults = self.faults.iter();
        let builder = faults.fold(builder, |builder, (at, fault)| builder.fault(*at, fault.clone()));
        let shared = self.addresses.iter();
        let builder = shared.fold(builder, |builder, (node, with)| builder.share_address(*node, *with));
        let foes = self.adversaries.iter();
        foes.fold(builder, |builder, (node, adversary)| builder.adversary(*node, *adversary))
    }

    /// Whether there is no adversary.
    pub(crate) fn is_honest(&self) -> bool {
        let turns = |(_, fault): &(Duration, Fault)| matches!(fault, Fault::Turn { .. });
        self.adversaries.is_empty() && !self.faults.iter().any(turns)
    }

    /// The time of the last fault, from the start of the run.
    pub(crate) fn last_at(&self) -> Duration {
        self.faults.iter().map(|(at, _)| *at).max().unwrap_or_default()
    }
}

/// Who can be chosen.
struct Pool {
    nodes: usize,
    /// Publishers are chosen by their index only.
    others: Vec<usize>,
}

pub(super) fn read(
    root: &mut Section<'_>,
    nodes: usize,
    workload: &Workload,
) -> Result<Trouble, ScenarioError> {
    let others = (0..nodes).filter(|node| !workload.publishers.contains(node)).collect();
    let pool = Pool { nodes, others };
    let mut trouble = Trouble::default();
    for mut section in root.sections("faults")? {
        let at = section.required("at", |section| section.duration("at"))?;
        let faults = fault(&mut section, &pool)?;
        section.finish()?;
        trouble.faults.extend(faults.into_iter().map(|fault| (at, fault)));
    }
    for mut section in root.sections("adversaries")? {
        read_adversaries(&mut section, &pool, &mut trouble)?;
        section.finish()?;
    }
    Ok(trouble)
}

/// One group: from when on they are adversaries, whom they dial then, whether they share an address.
fn read_adversaries(
    section: &mut Section<'_>,
    pool: &Pool,
    trouble: &mut Trouble,
) -> Result<(), ScenarioError> {
    let adversary = adversary(section)?;
    let nodes = pool.choose(section, "nodes")?;
    if section.flag("one_address")?
        && let Some(first) = nodes.first()
    {
        trouble.addresses.extend(nodes.iter().map(|node| (*node, *first)));
    }
    let from = section.duration("from")?;
    if section.has("dial") {
        let to = pool.choose(section, "dial")?;
        // Once everyone has started.
        trouble.faults.push((from.unwrap_or(DIAL_AT), Fault::Connect { from: nodes.clone(), to }));
    }
    match from {
        Some(at) => {
            let turn = |node| (at, Fault::Turn { node, adversary: Some(adversary) });
            trouble.faults.extend(nodes.into_iter().map(turn));
        }
        None => trouble.adversaries.extend(nodes.into_iter().map(|node| (node, adversary))),
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    Crash,
    Restart,
    Pause,
    Partition,
    Cut,
    Heal,
    Churn,
    EndChurn,
    Rates,
    Lossy,
    ClockSkew,
}

fn fault(section: &mut Section<'_>, pool: &Pool) -> Result<Vec<Fault>, ScenarioError> {
    let kind = section.required("kind", |section| section.word("kind", KINDS))?;
    let nodes = match kind {
        Kind::Heal | Kind::EndChurn => Vec::new(),
        Kind::Crash
        | Kind::Restart
        | Kind::Pause
        | Kind::Partition
        | Kind::Cut
        | Kind::Churn
        | Kind::Rates
        | Kind::Lossy
        | Kind::ClockSkew => pool.choose(section, "nodes")?,
    };
    let each = |of: &dyn Fn(usize) -> Fault| nodes.iter().map(|node| of(*node)).collect();
    Ok(match kind {
        Kind::Heal => vec![Fault::Heal],
        Kind::EndChurn => vec![Fault::EndChurn],
        Kind::Crash => each(&|node| Fault::Crash { node }),
        Kind::Restart => each(&|node| Fault::Restart { node }),
        Kind::Pause => {
            let span = section.required("span", |section| section.duration("span"))?;
            each(&|node| Fault::Pause { node, span })
        }
        Kind::Partition => vec![Fault::Partition { side: nodes }],
        Kind::Cut => vec![Fault::Cut { from: nodes, to: pool.choose(section, "to")? }],
        Kind::Churn => {
            let up = span(section, "up")?;
            vec![Fault::Churn { nodes, up, down: span(section, "down")? }]
        }
        Kind::Rates => {
            let up = section.required("uplink", |section| section.rate("uplink"))?;
            let down = section.rate("downlink")?.unwrap_or(None);
            each(&|node| Fault::Rates { node, up, down })
        }
        Kind::Lossy => {
            let ppm = section.required("loss", |section| section.share("loss"))?;
            each(&|node| Fault::Lossy { node, ppm })
        }
        Kind::ClockSkew => {
            let ahead = section.duration("ahead")?.unwrap_or(Duration::ZERO);
            let drift_ppm = section.whole("drift_ppm", -500_000..=500_000)?.unwrap_or(0);
            each(&|node| Fault::ClockSkew { node, ahead, drift_ppm })
        }
    })
}

fn span(section: &mut Section<'_>, key: &'static str) -> Result<Distribution, ScenarioError> {
    section.required(key, |section| distribution(section, key))
}

fn adversary(section: &mut Section<'_>) -> Result<Adversary, ScenarioError> {
    let share = |section: &mut Section<'_>| -> Result<u32, ScenarioError> {
        let read = |value: &Value| units::number(value).filter(|share| (0.0..=1.0).contains(share));
        let share = section.value("share", "0 to 1", read)?.unwrap_or(1.0);
        Ok((share * 1e6).round() as u32)
    };
    match section.required("kind", |section| section.word("kind", ADVERSARIES))? {
        Foe::Silent => Ok(Adversary::Silent),
        Foe::Leech => Ok(Adversary::Leech),
        Foe::Dropping => Ok(Adversary::Dropping { ppm: share(section)? }),
        Foe::Polluter => Ok(Adversary::Polluter { ppm: share(section)? }),
        Foe::Replaying => Ok(Adversary::Replaying { copies: section.whole("copies", 1..=100)?.unwrap_or(1) }),
        Foe::Flooder => {
            let floods = [
                ("ihave", Flood::IHave),
                ("iwant", Flood::IWant),
                ("graft", Flood::Graft),
                ("forged", Flood::Forged),
                ("spam", Flood::Spam),
            ];
            let what = section.required("what", |section| section.word("what", &floods))?;
            let per_second = section.whole("per_second", 1..=1000)?.unwrap_or(10);
            Ok(Adversary::Flooder {
                what,
                per_second,
                entries: section.whole("entries", 1..=5000)?.unwrap_or(100),
            })
        }
    }
}

#[derive(Clone, Copy)]
enum Foe {
    Silent,
    Leech,
    Dropping,
    Polluter,
    Replaying,
    Flooder,
}

impl Pool {
    /// A list of indices; a number of nodes, or a share of all as a fraction. Numbers and shares take nodes at even
    /// distances: links are random, so indices carry no meaning. Publishers are left out of them.
    fn choose(&self, section: &mut Section<'_>, key: &'static str) -> Result<Vec<usize>, ScenarioError> {
        let allowed = format!(
            "a list of indices below {0}, a number up to {1}, or a share as 0.2 of at most {1} nodes",
            self.nodes,
            self.others.len()
        );
        let spread = |count: usize| {
            let take = |i: usize| self.others[i * self.others.len() / count];
            (count <= self.others.len()).then(|| (0..count).map(take).collect())
        };
        let read = |value: &Value| match value {
            Value::List(list) => list.iter().map(|entry| self.index(&entry.value)).collect(),
            Value::Integer(count) => usize::try_from(*count).ok().and_then(spread),
            Value::Float(share) if (0.0..=1.0).contains(share) => {
                spread((share * self.nodes as f64).round() as usize)
            }
            Value::Float(_) | Value::Text(_) | Value::Bool(_) | Value::Table(_) => None,
        };
        section.required(key, |section| section.value(key, &allowed, read))
    }

    fn index(&self, value: &Value) -> Option<usize> {
        match value {
            Value::Integer(index) => usize::try_from(*index).ok().filter(|index| *index < self.nodes),
            Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
        }
    }
}

const KINDS: &[(&str, Kind)] = &[
    ("crash", Kind::Crash),
    ("restart", Kind::Restart),
    ("pause", Kind::Pause),
    ("partition", Kind::Partition),
    ("cut", Kind::Cut),
    ("heal", Kind::Heal),
    ("churn", Kind::Churn),
    ("end-churn", Kind::EndChurn),
    ("rates", Kind::Rates),
    ("lossy", Kind::Lossy),
    ("clock-skew", Kind::ClockSkew),
];

const ADVERSARIES: &[(&str, Foe)] = &[
    ("silent", Foe::Silent),
    ("leech", Foe::Leech),
    ("dropping", Foe::Dropping),
    ("polluter", Foe::Polluter),
    ("replaying", Foe::Replaying),
    ("flooder", Foe::Flooder),
];

/// When adversaries dial that are such from the start.
const DIAL_AT: Duration = Duration::from_secs(1);
