//! Scenario files: what is simulated, as checked data.

mod delays;
mod edges;
mod faults;
mod network;
mod presets;
mod protocol;
mod score;
mod section;
mod sweep;
mod tree;
mod units;
mod workload;

use std::path::Path;
use std::sync::Arc;

use braidcast_protocol::{Config, Settings};

pub use faults::Trouble;
pub use network::{Lines, NetworkPlan};
pub use presets::{PRESETS, Preset};
pub use sweep::{Axis, SweepPlan};
pub use tree::Tree;
pub use workload::{Limits, Workload};

pub(crate) use tree::Value;

use section::Section;

/// One line that says what is wrong with a scenario, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

impl ScenarioError {
    pub(crate) const fn new(line: String) -> Self {
        Self(line)
    }
}

/// Everything that one run needs but its seed. Checked: it can be run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// One line about it.
    pub description: String,
    /// Nodes and what is between them.
    pub network: NetworkPlan,
    /// The protocol's settings at the messages' virtual size.
    pub settings: Settings,
    /// What is published.
    pub workload: Workload,
    /// What goes wrong.
    pub trouble: Trouble,
    /// When to stop.
    pub limits: Limits,
    /// The seeds that a sweep uses; the first is that of a single run.
    pub seeds: Vec<u64>,
    /// What is varied by a sweep.
    pub sweep: SweepPlan,
    config: serde_json::Value,
}

impl Scenario {
    /// Checks a scenario.
    pub fn from_tree(tree: &Tree) -> Result<Self, ScenarioError> {
        let mut root = Section::root(tree);
        let name = root.text("name")?.ok_or_else(|| root.refusal("name", "is missing"))?;
        let description = root.text("description")?.unwrap_or_default();
        let mut settings = protocol::read(root.section("protocol")?)?;
        let network = network::read(root.section("network")?, &settings)?;
        let workload = workload::read(root.section("workload")?, &network, &mut settings)?;
        let trouble = faults::read(&mut root, network.nodes, &workload)?;
        let limits = workload::read_limits(root.section("limits")?)?;
        let seeds = sweep::read_seeds(&mut root)?;
        let sweep = sweep::read(&mut root)?;
        root.finish()?;
        let config = tree.to_json();
        let scenario =
            Self { name, description, network, settings, workload, trouble, limits, seeds, sweep, config };
        scenario.core_config()?;
        Ok(scenario)
    }

    /// A file by its path, or a shipped scenario by its name, with settings over it.
    pub fn open(name_or_path: &str, settings: &[String]) -> Result<(Self, Tree), ScenarioError> {
        let mut tree = match Preset::find(name_or_path) {
            Some(preset) if !Path::new(name_or_path).is_file() => preset.tree()?,
            Some(_) => Tree::read(Path::new(name_or_path))?,
            None if Path::new(name_or_path).is_file() => Tree::read(Path::new(name_or_path))?,
            None => {
                let line =
                    format!("{name_or_path}: no such file, and no scenario of that name (see sim list)");
                return Err(ScenarioError::new(line));
            }
        };
        for setting in settings {
            tree.set(setting)?;
        }
        edges::include(&mut tree, Path::new(name_or_path).parent().unwrap_or(Path::new("")))?;
        Ok((Self::from_tree(&tree)?, tree))
    }

    /// The scenario at one point of its sweep, and its file; without a sweep point 0 is the scenario itself.
    pub fn point(&self, tree: &Tree, index: usize) -> Result<(Self, Tree), ScenarioError> {
        let tree = self.sweep.tree_at(tree, index)?;
        Ok((Self::from_tree(&tree)?, tree))
    }

    /// Whether there is anybody to judge, or anybody who judges.
    pub(crate) fn judges(&self) -> bool {
        self.settings.score.enabled || !self.trouble.is_honest()
    }

    /// The configuration as it was given, for results.
    pub const fn config_json(&self) -> &serde_json::Value {
        &self.config
    }

    /// What the nodes are given: byte limits shrink as the payloads do.
    pub(crate) fn core_config(&self) -> Result<Arc<Config>, ScenarioError> {
        let mut settings = self.settings.clone();
        let scale = self.workload.scale as usize;
        let real = |bytes: usize| (bytes / scale).max(1);
        settings.message_bytes_max = real(settings.message_bytes_max).max(self.workload.real_bytes);
        settings.backlog_bytes_max = real(settings.backlog_bytes_max).max(self.workload.real_bytes);
        settings.publisher.bytes_max = settings.publisher.bytes_max.map(real);
        settings.gossip.cache_bytes_max = real(settings.gossip.cache_bytes_max);
        settings.coded.small_message_bytes = real(settings.coded.small_message_bytes);
        settings.coded.wide_bytes_max /= scale;
        settings.coded.undecoded_bytes_max = real(settings.coded.undecoded_bytes_max);
        let config = Config::new(settings);
        config.map(Arc::new).map_err(|error| ScenarioError::new(format!("protocol: {error}")))
    }
}
