//! Runs something again and says whether it went the same way.

pub use braidcast_runtime_sim::{Difference, JournalEntry};

use crate::result::{Checkpoint, METRICS, RunResult};
use crate::run::{Extras, RunError, play, run};
use crate::{Scenario, ScenarioError, Tree};

/// How two runs of one configuration and seed compare.
#[derive(Clone, PartialEq, Debug)]
pub enum Comparison {
    /// In every event.
    Identical,
    /// They part.
    Differ {
        /// The last virtual time at which they were the same, milliseconds; `None` when they never were.
        same_until_ms: Option<u64>,
        /// The first at which they were known to differ; `None` when only the length differs.
        differ_at_ms: Option<u64>,
        /// Figures that changed: name, before, after.
        metrics: Vec<(&'static str, Option<f64>, Option<f64>)>,
    },
}

/// Runs a scenario twice and finds the first event at which the runs part; `None` when they are the same.
pub fn first_difference(scenario: &Scenario, seed: u64) -> Result<Option<Difference>, RunError> {
    let experiment =
        |watch| play(scenario, seed, Extras::default(), watch, &mut |_share| {}).map(|(run, _)| run.network);
    braidcast_runtime_sim::first_difference(experiment, experiment)
}

/// The scenario that a stored result came from.
pub fn scenario_of(file: &str, stored: &RunResult) -> Result<Scenario, ScenarioError> {
    Scenario::from_tree(&Tree::from_json(file, &stored.config)?)
}

/// Runs a scenario again with the seed of an earlier result and compares.
pub fn replay(
    scenario: &Scenario,
    earlier: &RunResult,
    progress: &mut dyn FnMut(f64),
) -> Result<(Comparison, RunResult), RunError> {
    let again = run(scenario, earlier.seed, Extras::default(), progress)?.result;
    Ok((compare(earlier, &again), again))
}

/// Compares two results.
pub fn compare(earlier: &RunResult, later: &RunResult) -> Comparison {
    let equal = |of: fn(&RunResult) -> &String| of(earlier) == of(later);
    if equal(|run| &run.trace_hash) && equal(|run| &run.delivery_hash) {
        return Comparison::Identical;
    }
    let (one, other) = (&earlier.checkpoints, &later.checkpoints);
    let first = first_apart(one, other);
    let metrics = METRICS.iter().map(|name| (*name, earlier.metric(name), later.metric(name)));
    Comparison::Differ {
        same_until_ms: first.checked_sub(1).map(|last| one[last].at_ms),
        differ_at_ms: one.get(first).or(other.get(first)).map(|checkpoint| checkpoint.at_ms),
        metrics: metrics.filter(|(_, before, after)| before != after).collect(),
    }
}

/// Bisects: a trace hash holds everything before it, so once different is always different.
fn first_apart(one: &[Checkpoint], other: &[Checkpoint]) -> usize {
    let pairs: Vec<bool> = one.iter().zip(other).map(|(one, other)| one == other).collect();
    pairs.partition_point(|same| *same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found_by_halves() {
        let points = |hashes: &[&str]| -> Vec<Checkpoint> {
            let point = |(index, hash): (usize, &&str)| Checkpoint {
                at_ms: index as u64 * 100,
                trace_hash: (*hash).to_owned(),
            };
            hashes.iter().enumerate().map(point).collect()
        };
        let one = points(&["a", "b", "c", "d"]);
        assert_eq!(first_apart(&one, &points(&["a", "b", "x", "y"])), 2);
        assert_eq!(first_apart(&one, &points(&["x", "y"])), 0);
        assert_eq!(first_apart(&one, &points(&["a", "b", "c"])), 3);
    }
}
