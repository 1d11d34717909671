//! Durations that are drawn, and latencies.

use std::sync::Arc;
use std::time::Duration;

use braidcast_runtime_sim::{Distribution, Latency, Regions};

use super::ScenarioError;
use super::section::Section;
use super::tree::Value;
use super::units;

/// A duration, a pair `[least, most]`, or a table: `{ median, sigma }` (log-normal), `{ mean }` (exponential),
/// `{ scale, shape }` (Weibull).
pub(super) fn distribution(
    section: &mut Section<'_>,
    key: &'static str,
) -> Result<Option<Distribution>, ScenarioError> {
    if section.is_table(key) {
        return drawn(section, key).map(Some);
    }
    section.value(key, DISTRIBUTION, |value| match value {
        Value::List(_) => pair(value).map(|(min, max)| Distribution::Uniform { min, max }),
        Value::Text(_) => units::duration(value).map(Distribution::Constant),
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Table(_) => None,
    })
}

/// The same, or the name of a matrix of regions.
pub(super) fn latency(section: &mut Section<'_>) -> Result<Latency, ScenarioError> {
    if section.is_table("latency") {
        return drawn(section, "latency").map(Latency::Drawn);
    }
    let allowed = format!("\"aws\", \"ethereum\", {DISTRIBUTION}");
    let read = |value: &Value| match value {
        Value::List(_) => pair(value).map(|(min, max)| Latency::Uniform { min, max }),
        Value::Text(text) if text == "aws" => Some(Latency::Regions(Arc::new(Regions::aws()))),
        Value::Text(text) if text == "ethereum" => Some(Latency::Regions(Arc::new(Regions::ethereum()))),
        Value::Text(_) => units::duration(value).map(Latency::Constant),
        Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::Table(_) => None,
    };
    Ok(section.value("latency", &allowed, read)?.unwrap_or(Latency::Constant(Duration::from_millis(50))))
}

fn drawn(section: &mut Section<'_>, key: &'static str) -> Result<Distribution, ScenarioError> {
    let mut table = section.section(key)?;
    let [median, mean, scale] =
        [table.duration("median")?, table.duration("mean")?, table.duration("scale")?];
    let sigma = table.number("sigma", 0.0..=10.0)?.map(thousandths);
    let shape = table.number("shape", 0.1..=10.0)?.map(thousandths);
    table.finish()?;
    match (median, sigma, mean, scale, shape) {
        (Some(median), Some(sigma_milli), None, None, None) => {
            Ok(Distribution::LogNormal { median, sigma_milli })
        }
        (None, None, Some(mean), None, None) => Ok(Distribution::Exponential { mean }),
        (None, None, None, Some(scale), Some(shape_milli)) => {
            Ok(Distribution::Weibull { scale, shape_milli })
        }
        _ => Err(section.refusal(key, "must have median and sigma, or mean, or scale and shape")),
    }
}

fn pair(value: &Value) -> Option<(Duration, Duration)> {
    let Value::List(list) = value else { return None };
    let [min, max] = list.as_slice() else { return None };
    let (min, max) = (units::duration(&min.value)?, units::duration(&max.value)?);
    (min <= max).then_some((min, max))
}

fn thousandths(value: f64) -> u32 {
    (value * 1000.0).round() as u32
}

const DISTRIBUTION: &str = "a duration, as \"50 ms\", a pair of them, as [\"10 ms\", \"150 ms\"], or a table, as { mean = \"50 ms\" }";
