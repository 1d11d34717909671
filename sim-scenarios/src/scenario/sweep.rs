//! The keys `seeds` and `sweep`: what a sweep varies.

use super::section::Section;
use super::tree::{Entry, Origin, Value};
use super::{ScenarioError, Tree};

/// What a sweep varies, in the order of the file.
#[derive(Clone, Default, Debug)]
pub struct SweepPlan {
    /// One per parameter; a sweep is their product.
    pub axes: Vec<Axis>,
}

/// A parameter and its values.
#[derive(Clone, Debug)]
pub struct Axis {
    /// The key's path, as `network.loss`.
    pub path: String,
    pub(crate) values: Vec<Value>,
}

impl Axis {
    /// How many values.
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it has none; one that was read has at least one.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

impl SweepPlan {
    /// How many points.
    pub fn points(&self) -> usize {
        self.axes.iter().map(Axis::len).product()
    }

    /// The values of one point; the last axis varies fastest.
    pub(crate) fn point(&self, index: usize) -> Vec<(&str, &Value)> {
        let mut rest = index;
        let mut values: Vec<_> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let value = &axis.values[rest % axis.len()];
                rest /= axis.len();
                (axis.path.as_str(), value)
            })
            .collect();
        values.reverse();
        values
    }

    /// The scenario file with one point's values in it.
    pub(crate) fn tree_at(&self, tree: &Tree, index: usize) -> Result<Tree, ScenarioError> {
        let mut tree = tree.clone();
        tree.root.remove("sweep");
        for (path, value) in self.point(index) {
            tree.put(path, value.clone())?;
        }
        Ok(tree)
    }
}

/// A number of seeds from 1, or a list of them.
pub(super) fn read_seeds(root: &mut Section<'_>) -> Result<Vec<u64>, ScenarioError> {
    let read = |value: &Value| match value {
        Value::Integer(count) => (1..=SEEDS_MAX).contains(count).then(|| (1..=*count as u64).collect()),
        Value::List(list) => {
            let seeds = list.iter().map(|entry| match &entry.value {
                Value::Integer(seed) => u64::try_from(*seed).ok(),
                Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
            });
            let seeds: Vec<u64> = seeds.collect::<Option<_>>()?;
            let mut sorted = seeds.clone();
            sorted.sort_unstable();
            sorted.dedup();
            (!seeds.is_empty() && sorted.len() == seeds.len()).then_some(seeds)
        }
        Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::Table(_) => None,
    };
    let allowed = format!("1 to {SEEDS_MAX} seeds, or a list of different numbers");
    Ok(root.value("seeds", &allowed, read)?.unwrap_or_else(|| vec![1]))
}

/// The axes: `sweep.network.loss = [0, 0.05]`, dotted or as tables.
pub(super) fn read(root: &mut Section<'_>) -> Result<SweepPlan, ScenarioError> {
    let mut found = Vec::new();
    let allowed = "a table of lists, as network.loss = [0.0, 0.05]";
    let whole = root.value("sweep", allowed, |value| collect("", value, Origin::Given, &mut found))?;
    // The order of the file: the first axis is that of the plots.
    found.sort_by_key(|(origin, _)| *origin);
    let plan = SweepPlan { axes: found.into_iter().map(|(_, axis)| axis).collect() };
    let points = plan.axes.iter().try_fold(1usize, |product, axis| product.checked_mul(axis.len()));
    if whole.is_some() && points.is_none_or(|points| points > POINTS_MAX) {
        return Err(root.refusal("sweep", &format!("must have at most {POINTS_MAX} points")));
    }
    Ok(plan)
}

fn collect(path: &str, value: &Value, origin: Origin, axes: &mut Vec<(Origin, Axis)>) -> Option<()> {
    match value {
        Value::Table(table) => table.iter().try_for_each(|(key, entry)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect(&path, &entry.value, entry.origin, axes)
        }),
        Value::List(list) if !list.is_empty() && !path.is_empty() => {
            let values = list.iter().map(|Entry { value, .. }| value.clone()).collect();
            axes.push((origin, Axis { path: path.to_owned(), values }));
            Some(())
        }
        Value::List(_) | Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) => None,
    }
}

const SEEDS_MAX: i64 = 10_000;
/// Points of one sweep: more would not fit a report.
const POINTS_MAX: usize = 10_000;
