//! Scenarios that ship inside the binary.

use super::{ScenarioError, Tree};

/// A shipped scenario.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name, as `sim run` takes it.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

impl Preset {
    /// The one of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// Whether a run takes more than seconds.
    pub fn is_large(&self) -> bool {
        LARGE.contains(&self.name)
    }

    /// Its values.
    pub fn tree(&self) -> Result<Tree, ScenarioError> {
        Tree::parse(&format!("{}.toml", self.name), self.text)
    }
}

macro_rules! presets {
    ($($name:literal),+ $(,)?) => {
        /// All of them.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../scenarios/", $name, ".toml")),
        }),+];
    };
}

presets![
    "seed-defaults",
    "bound-36-4m",
    "bound-1000",
    "bound-10000",
    "bound-deg40",
    "gossip-1000",
    "loss-5",
    "churn-20",
    "partition",
    "pollution-33",
    "pollution",
    "crash-20",
    "delivery-matrix",
    "threshold-quick",
    "threshold",
    "shard-factor",
    "mesh-degree",
    "multiplier",
    "churn",
    "loss",
    "partition-length",
    "nat",
    "saturation",
    "large-messages",
    "versus-gossip",
    "versus-plain",
    "published-waku",
    "published-vac",
    "scale",
    "attack-graft-flood",
    "attack-backoff",
    "attack-ihave-flood",
    "attack-iwant-flood",
    "attack-forged",
    "attack-pollution",
    "attack-replay",
    "attack-spam",
    "attack-sybil",
    "attack-sybil-net",
    "attack-eclipse",
    "attack-covert-flash",
    "attack-cold-boot",
    "slow-peers",
];

const LARGE: &[&str] = &[
    "attack-ihave-flood",
    "attack-spam",
    "attack-sybil-net",
    "bound-10000",
    "bound-deg40",
    "churn",
    "churn-20",
    "delivery-matrix",
    "large-messages",
    "loss",
    "published-vac",
    "published-waku",
    "saturation",
    "scale",
    "versus-gossip",
    "versus-plain",
];
