//! Hashes of the shipped scenarios: a change of behaviour shows as a change here, beside what it did to the
//! figures.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::result::RunResult;
use crate::run::{Extras, RunError, run};
use crate::scenario::{PRESETS, Preset};
use crate::sweep::{StoreError, store};
use crate::{Scenario, ScenarioError};

/// Scenarios and what their first seed gives.
pub type Golden = BTreeMap<String, Entry>;

/// One scenario.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The seed.
    pub seed: u64,
    /// Digest of every command, event and action.
    pub trace_hash: String,
    /// Share of deliveries.
    pub delivery: f64,
    /// Time to all nodes.
    pub t100_ms: Option<f64>,
    /// Bytes sent per node over bytes published.
    pub tx_x: f64,
    /// Events given to nodes.
    pub events: u64,
}

impl Entry {
    fn of(result: &RunResult) -> Self {
        Self {
            seed: result.seed,
            trace_hash: result.trace_hash.clone(),
            delivery: result.delivery,
            t100_ms: result.t100_ms,
            tx_x: result.tx_x,
            events: result.events,
        }
    }

    /// What changed from an earlier entry, one line per figure; empty for none.
    pub fn changes(&self, earlier: &Self) -> Vec<String> {
        let shown =
            |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"));
        let figures = [
            ("trace_hash", earlier.trace_hash.clone(), self.trace_hash.clone()),
            ("seed", earlier.seed.to_string(), self.seed.to_string()),
            ("delivery", shown(Some(earlier.delivery)), shown(Some(self.delivery))),
            ("t100_ms", shown(earlier.t100_ms), shown(self.t100_ms)),
            ("tx_x", shown(Some(earlier.tx_x)), shown(Some(self.tx_x))),
            ("events", earlier.events.to_string(), self.events.to_string()),
        ];
        let changed = figures.into_iter().filter(|(_, before, after)| before != after);
        changed.map(|(name, before, after)| format!("{name}: {before} -> {after}")).collect()
    }
}

/// Shipped scenarios that are compared: all that take seconds.
pub fn presets() -> impl Iterator<Item = &'static Preset> {
    PRESETS.iter().filter(|preset| !preset.is_large())
}

/// Runs the first point and seed of a shipped scenario.
pub fn measure(preset: &Preset) -> Result<Entry, RunError> {
    let tree = preset.tree()?;
    let (scenario, _) = Scenario::from_tree(&tree)?.point(&tree, 0)?;
    Ok(Entry::of(&run(&scenario, scenario.seeds[0], Extras::default(), &mut |_share| {})?.result))
}

/// Reads golden hashes.
pub fn parse(file: &str, text: &str) -> Result<Golden, ScenarioError> {
    toml::from_str(text).map_err(|error| ScenarioError::new(format!("{file}: {}", error.message())))
}

/// Writes golden hashes.
pub fn write(path: &Path, golden: &Golden) -> Result<(), StoreError> {
    let text = toml::to_string(golden)
        .map_err(|error| StoreError::Content { path: path.to_owned(), problem: error.to_string() })?;
    store::write(path, format!("# Written by `braidcast sim bless`; do not edit.\n\n{text}").as_bytes())
}
