//! The section `network`: nodes, links and lines.

use std::time::Duration;

use braidcast_protocol::Settings;
use braidcast_runtime_sim::{Latency, Loss, Topology};

use super::ScenarioError;
use super::section::Section;
use super::tree::Value;
use super::units;

/// Nodes and what is between them.
#[derive(Clone, Debug)]
pub struct NetworkPlan {
    /// How many nodes.
    pub nodes: usize,
    /// Who has a link to whom.
    pub topology: Topology,
    /// Rate of each uplink, bytes per second; `None` is unlimited.
    pub uplink: Option<u64>,
    /// One-way delay of a pair.
    pub latency: Latency,
    /// Lost frames.
    pub loss: Loss,
    /// What a link's frames may take of the uplink's queue, bytes.
    pub window: u64,
    /// Nodes start within this span.
    pub start_within: Duration,
}

pub(super) fn read(mut section: Section<'_>, settings: &Settings) -> Result<NetworkPlan, ScenarioError> {
    let nodes = section.whole("nodes", 1..=NODES_MAX)?.unwrap_or(36);
    // Twice the mesh: enough neighbours outside of it to gossip with.
    let degree = section.whole("degree", 0..=nodes)?.unwrap_or((2 * settings.mesh.target).min(nodes - 1));
    let full = section.word("topology", &[("regular", false), ("full", true)])?.unwrap_or(false);
    if !full && (degree >= nodes || !(degree * nodes).is_multiple_of(2)) {
        return Err(section.refusal("degree", &format!("{nodes} nodes cannot have {degree} links each")));
    }
    let plan = NetworkPlan {
        nodes,
        topology: if full { Topology::Full } else { Topology::Regular(degree) },
        uplink: section.rate("uplink")?.unwrap_or(Some(50_000_000 / 8)),
        latency: latency(&mut section)?,
        loss: Loss {
            ppm: section.value("loss", "0 to 0.99", parts_per_million)?.unwrap_or(0),
            timeout: section.duration("retransmit_after")?.unwrap_or(Duration::from_millis(200)),
        },
        window: section.bytes("window", 1..=1 << 40)?.unwrap_or(64 << 10),
        start_within: section.duration("start_within")?.unwrap_or(Duration::from_secs(1)),
    };
    section.finish()?;
    Ok(plan)
}

fn latency(section: &mut Section<'_>) -> Result<Latency, ScenarioError> {
    let allowed = "a duration, as \"50 ms\", or a pair of them, as [\"10 ms\", \"150 ms\"]";
    let read = |value: &Value| match value {
        Value::List(list) => {
            let [min, max] = list.as_slice() else { return None };
            let (min, max) = (units::duration(&min.value)?, units::duration(&max.value)?);
            (min <= max).then_some(Latency::Uniform { min, max })
        }
        Value::Text(_) => units::duration(value).map(Latency::Constant),
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Table(_) => None,
    };
    Ok(section.value("latency", allowed, read)?.unwrap_or(Latency::Constant(Duration::from_millis(50))))
}

/// A share below one.
fn parts_per_million(value: &Value) -> Option<u32> {
    let share = units::number(value).filter(|share| (0.0..=0.99).contains(share))?;
    Some((share * 1e6).round() as u32)
}

/// As many as the simulator takes.
const NODES_MAX: usize = 1 << 20;
