//! Sweeps: every point of a scenario's parameter lists with every seed, one stored result per run.
//!
//! All points use the same seeds, so that differences between points are paired (common random numbers). Runs
//! are independent: worker threads, shards and merges change nothing in the results, and one digest over all
//! trace hashes shows it.

pub(crate) mod manifest;
mod merge;
mod rows;
mod stats;
pub(crate) mod store;
mod tables;
mod work;

use std::path::Path;

use crate::result::RunResult;
use crate::{RunError, Scenario, ScenarioError, Tree};

pub use manifest::{AxisValues, Build, Manifest};
pub use merge::merge;
pub use stats::{Estimate, PairedDifference, estimate, paired};
pub use store::{StoreError, Summary, load, results};
pub use work::{Options, Progress, Shard, execute};

/// A sweep that can be run: one scenario per point.
#[derive(Clone, Debug)]
pub struct Sweep {
    pub(crate) manifest: Manifest,
    pub(crate) points: Vec<Scenario>,
}

/// Why a sweep stopped.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A point is not a possible scenario.
    #[error("{point}{error}")]
    Point {
        /// The values of the axes, followed by a colon; empty for a single run.
        point: String,
        /// What is wrong with it.
        error: ScenarioError,
    },
    /// A run failed.
    #[error("run {run}: {error}")]
    Run {
        /// Its name.
        run: String,
        /// Why.
        error: RunError,
    },
    /// The directory of results.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One run of a sweep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RunKey {
    /// Which point.
    pub point: usize,
    /// Which seed.
    pub seed: u64,
}

impl RunKey {
    /// The name of its files.
    pub fn name(self) -> String {
        format!("p{:04}-s{}", self.point, self.seed)
    }
}

impl Sweep {
    /// Checks every point of a scenario file's sweep; one without axes has a single point.
    pub fn plan(scenario: &Scenario, tree: &Tree, build: Build) -> Result<Self, SweepError> {
        let manifest = Manifest::new(scenario, tree, build);
        let points = (0..scenario.sweep.points()).map(|index| {
            let checked = scenario.point(tree, index).map(|(point, _)| point);
            checked.map_err(|error| SweepError::Point { point: manifest.point_prefix(index), error })
        });
        let points = points.collect::<Result<_, _>>()?;
        Ok(Self { manifest, points })
    }

    /// The same with one seed alone.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.manifest.set_seeds(vec![seed]);
        self
    }

    /// Describes it.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

/// Writes the tables and the digest of a directory in which all runs are done.
pub(crate) fn finish(dir: &Path, manifest: &Manifest, results: &[RunResult]) -> Result<Summary, StoreError> {
    tables::write(dir, manifest, results)?;
    let summary = Summary::of(manifest, results);
    store::write_json(&dir.join(store::SUMMARY), &summary)?;
    Ok(summary)
}
