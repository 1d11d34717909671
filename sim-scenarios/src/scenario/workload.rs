//! The sections `workload` and `limits`: what is published, and when a run ends.

use std::time::Duration;

use braidcast_protocol::{Mode, Settings, ShardFactor};

use super::section::Section;
use super::tree::Value;
use super::{NetworkPlan, ScenarioError};

/// What is published.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The topic of all nodes.
    pub topic: String,
    /// Who publishes, one after the other.
    pub publishers: Vec<usize>,
    /// Messages in all.
    pub count: usize,
    /// Time between two publications.
    pub interval: Duration,
    /// Time before the first, in which the meshes form.
    pub warm_up: Duration,
    /// Length of a message as the lines are charged for it, bytes: `real_bytes * scale`.
    pub message_bytes: u64,
    /// Length of the payloads that are really coded, bytes.
    pub real_bytes: usize,
    /// Bytes charged per real byte.
    pub scale: u32,
    /// Pieces that a message is sent in: *k*, or 1 for whole messages.
    pub chunks: u64,
}

/// When a run ends.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Virtual time after the last publication; what has not arrived by then never will.
    pub time: Duration,
    /// Virtual time that goes on after the last delivery, so that late copies are counted.
    pub drain: Duration,
}

/// Reads the workload and fixes the shard factor, which follows the virtual size.
pub(super) fn read(
    mut section: Section<'_>,
    network: &NetworkPlan,
    settings: &mut Settings,
) -> Result<Workload, ScenarioError> {
    let asked = section.bytes("message", 1..=MESSAGE_MAX)?.unwrap_or(1 << 20);
    let chunks = chunks(settings, asked);
    let allowed = "\"auto\" or a whole number from 1 to 1048576";
    let scale = section.value("scale", allowed, |value| scale(value, asked, chunks))?;
    let scale = scale.unwrap_or_else(|| auto_scale(asked, chunks));
    let real_bytes = asked.div_ceil(u64::from(scale));
    let publishers = publishers(&mut section, network.nodes)?;
    let workload = Workload {
        topic: section.text("topic")?.unwrap_or_else(|| "blocks".to_owned()),
        publishers,
        count: section.whole("count", 1..=COUNT_MAX)?.unwrap_or(1),
        interval: section.duration("interval")?.unwrap_or(Duration::from_secs(1)),
        warm_up: section.duration("warm_up")?.unwrap_or(Duration::from_secs(5)),
        message_bytes: real_bytes * u64::from(scale),
        real_bytes: real_bytes as usize,
        scale,
        chunks,
    };
    section.finish()?;
    settings.coded.shard_factor = ShardFactor::Fixed(chunks as u16);
    settings.message_bytes_max = settings.message_bytes_max.max(workload.message_bytes as usize);
    Ok(workload)
}

pub(super) fn read_limits(mut section: Section<'_>) -> Result<Limits, ScenarioError> {
    let limits = Limits {
        time: section.duration("time")?.unwrap_or(Duration::from_secs(60)),
        drain: section.duration("drain")?.unwrap_or(Duration::from_secs(2)),
    };
    section.finish()?;
    Ok(limits)
}

/// *k*, or 1 for messages that travel whole.
fn chunks(settings: &Settings, bytes: u64) -> u64 {
    let whole = settings.mode == Mode::Gossipsub || bytes < settings.coded.small_message_bytes as u64;
    if whole { 1 } else { u64::from(settings.coded.shard_factor.for_message(bytes as usize)) }
}

/// A number of nodes, spread evenly over their indices, or a list of indices.
fn publishers(section: &mut Section<'_>, nodes: usize) -> Result<Vec<usize>, ScenarioError> {
    let index = |value: &Value| match value {
        Value::Integer(index) => usize::try_from(*index).ok().filter(|index| *index < nodes),
        Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
    };
    let read = |value: &Value| match value {
        Value::List(list) => {
            let indices = list.iter().map(|entry| index(&entry.value)).collect::<Option<Vec<_>>>();
            indices.filter(|indices| !indices.is_empty())
        }
        Value::Integer(count) => {
            let count = usize::try_from(*count).ok().filter(|count| (1..=nodes).contains(count))?;
            Some((0..count).map(|i| i * nodes / count).collect())
        }
        Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::Table(_) => None,
    };
    let allowed = format!("1 to {nodes} nodes, or a list of indices below {nodes}");
    Ok(section.value("publishers", &allowed, read)?.unwrap_or_else(|| vec![0]))
}

fn scale(value: &Value, bytes: u64, chunks: u64) -> Option<u32> {
    match value {
        Value::Integer(scale) => u32::try_from(*scale).ok().filter(|scale| (1..=SCALE_MAX).contains(scale)),
        Value::Text(text) => (text == "auto").then(|| auto_scale(bytes, chunks)),
        Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
    }
}

/// As large as it goes: a whole message is at least 1 KiB, a real shard 64 bytes. It is not one byte more, since it
/// would be padded to 128, and the lines charged for twice the message.
fn auto_scale(bytes: u64, chunks: u64) -> u32 {
    let scale = if chunks == 1 { bytes / 1024 } else { bytes.div_ceil(chunks * 64) };
    scale.clamp(1, u64::from(SCALE_MAX)) as u32
}

const COUNT_MAX: usize = 1 << 20;
/// Largest virtual message, 1 GiB: the core's limit.
const MESSAGE_MAX: u64 = 1 << 30;
const SCALE_MAX: u32 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scaled_message_is_padded_to_twice_its_shards() {
        for bytes in [64 << 10, 1 << 20, 10_u64 << 20] {
            for chunks in 2..=128 {
                let real = bytes.div_ceil(u64::from(auto_scale(bytes, chunks)));
                assert!(real.div_ceil(chunks) <= 64, "{bytes} bytes in {chunks}: {real}");
            }
        }
    }
}
