//! The section `network`: nodes, links and lines.

use std::num::NonZeroU16;
use std::time::Duration;

use braidcast_protocol::Settings;
use braidcast_runtime_sim::{
    Builder, Congestion, Distribution, Latency, Loss, Processing, Sharing, Streams, Topology,
};

use super::ScenarioError;
use super::delays::{distribution, latency};
use super::section::Section;
use super::tree::Value;

/// Nodes and what is between them.
#[derive(Clone, Debug)]
pub struct NetworkPlan {
    /// How many nodes.
    pub nodes: usize,
    /// Who has a link to whom.
    pub topology: Topology,
    /// Share of nodes that nobody can dial, parts per million.
    pub nat_ppm: u32,
    /// One-way delay of a pair.
    pub latency: Latency,
    /// Delay added to each frame's.
    pub jitter: Option<Distribution>,
    /// Lost frames.
    pub loss: Loss,
    /// Which frames wait for them.
    pub streams: Streams,
    /// A link on which nothing comes through is given up after this time.
    pub link_timeout: Duration,
    /// Nodes start within this span.
    pub start_within: Duration,
    /// What a node's frames share.
    pub lines: Lines,
    /// What a node's processor spends.
    pub processing: Processing,
    /// Encode and decode every frame.
    pub codec: bool,
    /// Check the core's invariants after every event.
    pub invariants: bool,
}

/// The lines of every node. Rates are bytes per second; `None` is unlimited.
#[derive(Clone, Debug)]
pub struct Lines {
    /// Rate of the uplink.
    pub uplink: Option<u64>,
    /// Rate of the downlink.
    pub downlink: Option<u64>,
    /// How links share the uplink.
    pub uplink_sharing: Sharing,
    /// How links share the downlink.
    pub downlink_sharing: Sharing,
    /// What a link's frames may take of the uplink's queue, bytes.
    pub window: u64,
    /// What may wait for one link at its uplink, bytes.
    pub send_queue: Option<u64>,
    /// What may wait at a downlink, bytes.
    pub receive_queue: Option<u64>,
    /// Congestion windows.
    pub congestion: Option<Congestion>,
}

impl NetworkPlan {
    /// Sets everything but what faults and the workload decide.
    pub(crate) fn apply(&self, builder: Builder) -> Builder {
        let lines = &self.lines;
        let mut builder = builder
            .nodes(self.nodes)
            .topology(self.topology.clone())
            .nat_share(self.nat_ppm)
            .latency(self.latency.clone())
            .loss(self.loss)
            .streams(self.streams)
            .link_timeout(self.link_timeout)
            .start_within(self.start_within)
            .uplink(lines.uplink)
            .downlink(lines.downlink)
            .uplink_sharing(lines.uplink_sharing)
            .downlink_sharing(lines.downlink_sharing)
            .window(lines.window)
            .processing(self.processing)
            .codec(self.codec)
            .check_invariants(self.invariants);
        if let Some(jitter) = self.jitter {
            builder = builder.jitter(jitter);
        }
        if let Some(bytes) = lines.send_queue {
            builder = builder.send_queue(bytes);
        }
        if let Some(bytes) = lines.receive_queue {
            builder = builder.receive_queue(bytes);
        }
        if let Some(rules) = lines.congestion {
            builder = builder.congestion(rules);
        }
        builder
    }
}

pub(super) fn read(mut section: Section<'_>, settings: &Settings) -> Result<NetworkPlan, ScenarioError> {
    let nodes = section.whole("nodes", 1..=NODES_MAX)?.unwrap_or(36);
    let plan = NetworkPlan {
        nodes,
        topology: topology(&mut section, nodes, settings)?,
        nat_ppm: section.share("nat")?.unwrap_or(0),
        latency: latency(&mut section)?,
        jitter: distribution(&mut section, "jitter")?,
        loss: Loss {
            ppm: section.share("loss")?.unwrap_or(0),
            timeout: section.duration("retransmit_after")?.unwrap_or(Duration::from_millis(200)),
        },
        streams: section.word("streams", &STREAMS)?.unwrap_or_default(),
        link_timeout: section.duration("link_timeout")?.unwrap_or(Duration::from_secs(30)),
        start_within: section.duration("start_within")?.unwrap_or(Duration::from_secs(1)),
        lines: lines(&mut section)?,
        processing: processing(section.section("processing")?)?,
        codec: section.flag("codec")?,
        invariants: section.flag("check_invariants")?,
    };
    section.finish()?;
    Ok(plan)
}

fn topology(section: &mut Section<'_>, nodes: usize, settings: &Settings) -> Result<Topology, ScenarioError> {
    // Twice the mesh: enough neighbours outside of it to gossip with.
    let degree = section.whole("degree", 0..=nodes)?.unwrap_or((2 * settings.mesh.target).min(nodes - 1));
    let edges =
        section.value("edges", "a list of pairs of nodes, as [[0, 1], [1, 2]], or a file of them", edges)?;
    let kinds = [("regular", Kind::Regular), ("random", Kind::Random), ("full", Kind::Full)];
    let kind = section.word("topology", &kinds)?;
    match (kind, edges) {
        (Some(_), Some(_)) => Err(section.refusal("topology", "cannot be given with edges")),
        (None, Some(edges)) => Ok(Topology::Edges(edges)),
        (Some(Kind::Full), None) => Ok(Topology::Full),
        (Some(Kind::Random), None) => Ok(Topology::Random(degree)),
        (None | Some(Kind::Regular), None) if degree < nodes && (degree * nodes).is_multiple_of(2) => {
            Ok(Topology::Regular(degree))
        }
        (None | Some(Kind::Regular), None) => {
            Err(section.refusal("degree", &format!("{nodes} nodes cannot have {degree} links each")))
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Regular,
    Random,
    Full,
}

fn edges(value: &Value) -> Option<Vec<(usize, usize)>> {
    let node = |value: &Value| match value {
        Value::Integer(node) => usize::try_from(*node).ok(),
        Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
    };
    let Value::List(list) = value else { return None };
    let pair = |value: &Value| {
        let Value::List(pair) = value else { return None };
        let [a, b] = pair.as_slice() else { return None };
        Some((node(&a.value)?, node(&b.value)?))
    };
    list.iter().map(|entry| pair(&entry.value)).collect()
}

fn lines(section: &mut Section<'_>) -> Result<Lines, ScenarioError> {
    let sharing = [("fifo", Sharing::Fifo), ("fair", Sharing::FairShare)];
    let congestion = section.has("congestion");
    Ok(Lines {
        uplink: section.rate("uplink")?.unwrap_or(Some(50_000_000 / 8)),
        downlink: section.rate("downlink")?.unwrap_or(None),
        uplink_sharing: section.word("uplink_sharing", &sharing)?.unwrap_or_default(),
        downlink_sharing: section.word("downlink_sharing", &sharing)?.unwrap_or_default(),
        window: section.bytes("window", 1..=BYTES_MAX)?.unwrap_or(64 << 10),
        send_queue: section.bytes("send_queue", 1..=BYTES_MAX)?,
        receive_queue: section.bytes("receive_queue", 1..=BYTES_MAX)?,
        congestion: Some(read_congestion(section.section("congestion")?)?).filter(|_| congestion),
    })
}

/// Names of [`Streams`].
const STREAMS: [(&str, Streams); 2] = [("one", Streams::One), ("per-shard", Streams::PerShard)];

fn read_congestion(mut section: Section<'_>) -> Result<Congestion, ScenarioError> {
    let usual = Congestion::default();
    let rules = Congestion {
        initial_bytes: section.bytes("initial", 1..=BYTES_MAX)?.unwrap_or(usual.initial_bytes),
        max_bytes: section.bytes("max", 1..=BYTES_MAX)?.unwrap_or(usual.max_bytes),
        packet_bytes: section.bytes("packet", 1..=65_536)?.unwrap_or(usual.packet_bytes),
        idle: section.duration("idle")?.unwrap_or(usual.idle),
    };
    section.finish()?;
    Ok(rules)
}

fn processing(mut section: Section<'_>) -> Result<Processing, ScenarioError> {
    let processing = Processing {
        per_frame: section.duration("per_frame")?.unwrap_or_default(),
        per_kilobyte_in: section.duration("per_kilobyte_in")?.unwrap_or_default(),
        per_kilobyte_out: section.duration("per_kilobyte_out")?.unwrap_or_default(),
        processors: section.whole("processors", 1..=u16::MAX)?.and_then(NonZeroU16::new),
    };
    section.finish()?;
    Ok(processing)
}

/// As many as the simulator takes.
const NODES_MAX: usize = 1 << 20;
const BYTES_MAX: u64 = 1 << 40;
