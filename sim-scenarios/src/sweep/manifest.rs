//! What a directory of results is about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::RunKey;
use crate::{Scenario, Tree};

/// The sweep and the build that ran it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the form.
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// One line about it.
    pub description: String,
    /// Digest of configuration, axes and seeds: results of another are never mixed in.
    pub configuration_hash: String,
    /// Which program.
    pub build: Build,
    /// What is varied, the first the slowest.
    pub axes: Vec<AxisValues>,
    /// The seeds of every point.
    pub seeds: Vec<u64>,
    /// The scenario as given.
    pub config: Json,
}

/// The program that ran a sweep.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Build {
    /// Version of the package.
    pub version: String,
    /// Commit it was built from, if known.
    pub commit: Option<String>,
    /// The compiler.
    pub toolchain: Option<String>,
    /// Processor and operating system, as `x86_64-linux`.
    pub target: String,
}

/// A varied parameter.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AxisValues {
    /// The key's path.
    pub path: String,
    /// Its values.
    pub values: Vec<Json>,
}

impl Manifest {
    pub(super) fn new(scenario: &Scenario, tree: &Tree, build: Build) -> Self {
        let axis = |axis: &crate::Axis| AxisValues {
            path: axis.path.clone(),
            values: axis.values.iter().map(crate::scenario::Value::to_json).collect(),
        };
        let mut manifest = Self {
            schema: crate::result::SCHEMA,
            scenario: scenario.name.clone(),
            description: scenario.description.clone(),
            configuration_hash: String::new(),
            build,
            axes: scenario.sweep.axes.iter().map(axis).collect(),
            seeds: Vec::new(),
            config: tree.to_json(),
        };
        manifest.set_seeds(scenario.seeds.clone());
        manifest
    }

    /// Other seeds make another configuration.
    pub(super) fn set_seeds(&mut self, seeds: Vec<u64>) {
        self.seeds = seeds;
        let about = serde_json::json!([self.schema, self.config, self.axes, self.seeds]);
        self.configuration_hash = blake3::hash(about.to_string().as_bytes()).to_hex()[..32].to_owned();
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// All runs, in the order of the digest.
    pub fn runs(&self) -> impl Iterator<Item = RunKey> {
        let seeds = &self.seeds;
        (0..self.points()).flat_map(move |point| seeds.iter().map(move |&seed| RunKey { point, seed }))
    }

    /// Of one point, the index of its value on each axis; the last varies fastest.
    pub fn coordinates(&self, point: usize) -> Vec<usize> {
        let mut rest = point;
        let mut indices: Vec<usize> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let index = rest % axis.values.len();
                rest /= axis.values.len();
                index
            })
            .collect();
        indices.reverse();
        indices
    }

    /// The point with these indices.
    pub fn point_at(&self, coordinates: &[usize]) -> usize {
        self.axes.iter().zip(coordinates).fold(0, |point, (axis, index)| point * axis.values.len() + index)
    }

    /// Of one point, the value of each axis.
    pub fn values(&self, point: usize) -> BTreeMap<String, Json> {
        let values = self.axes.iter().zip(self.coordinates(point));
        values.map(|(axis, index)| (axis.path.clone(), axis.values[index].clone())).collect()
    }

    /// For people: `network.loss = 0.05, …: `.
    pub(super) fn point_prefix(&self, point: usize) -> String {
        match self.label(point) {
            label if label.is_empty() => label,
            label => format!("{label}: "),
        }
    }

    /// For people: `loss 0.05, …`; empty without axes.
    pub fn label(&self, point: usize) -> String {
        let values = self.axes.iter().zip(self.coordinates(point));
        let parts = values.map(|(axis, index)| format!("{} {}", axis.short(), plain(&axis.values[index])));
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl AxisValues {
    /// The last part of the path.
    pub fn short(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }
}

/// A value without quotes.
pub(crate) fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
