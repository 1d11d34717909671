//! The tables of a sweep as CSV: every run, every point with intervals, the paired differences.

use std::path::Path;

use super::manifest::plain;
use super::{Estimate, Manifest, StoreError, estimate, paired, store};
use crate::result::{METRICS, RunResult};

pub(super) fn write(dir: &Path, manifest: &Manifest, results: &[RunResult]) -> Result<(), StoreError> {
    let tables = [
        ("runs.csv", runs(manifest, results)),
        ("points.csv", points(manifest, results)),
        ("pairs.csv", pairs(manifest, results)),
    ];
    tables.into_iter().try_for_each(|(name, rows)| write_csv(&dir.join(name), &rows))
}

fn runs(manifest: &Manifest, results: &[RunResult]) -> Vec<Vec<String>> {
    let mut head = vec!["run".to_owned(), "point".to_owned()];
    head.extend(manifest.axes.iter().map(|axis| axis.path.clone()));
    head.extend(["seed", "nodes", "messages"].map(str::to_owned));
    head.extend(METRICS.iter().map(|metric| (*metric).to_owned()));
    let rest =
        ["bound_ms", "data_bytes", "control_bytes", "queue_bytes_max", "events", "wall_s", "trace_hash"];
    head.extend(rest.map(str::to_owned));
    let mut rows = vec![head];
    for (key, run) in manifest.runs().zip(results) {
        let mut row = vec![key.name(), key.point.to_string()];
        row.extend(axis_values(manifest, key.point));
        row.extend([run.seed.to_string(), run.nodes.to_string(), run.messages.to_string()]);
        row.extend(METRICS.iter().map(|metric| cell(run.metric(metric))));
        row.extend([
            cell(run.bound_ms),
            run.traffic.data_bytes.to_string(),
            run.traffic.control_bytes.to_string(),
            run.traffic.queue_bytes_max.to_string(),
            run.events.to_string(),
            cell(Some(run.wall_s)),
            run.trace_hash.clone(),
        ]);
        rows.push(row);
    }
    rows
}

fn points(manifest: &Manifest, results: &[RunResult]) -> Vec<Vec<String>> {
    let mut head = vec!["point".to_owned()];
    head.extend(manifest.axes.iter().map(|axis| axis.path.clone()));
    head.extend(["metric", "n", "mean", "low95", "high95"].map(str::to_owned));
    let mut rows = vec![head];
    let seeds = manifest.seeds.len();
    for (point, runs) in results.chunks(seeds).enumerate() {
        for metric in METRICS {
            let values: Vec<f64> = runs.iter().filter_map(|run| run.metric(metric)).collect();
            let Some(found) = estimate(&values) else { continue };
            let mut row = vec![point.to_string()];
            row.extend(axis_values(manifest, point));
            row.push((*metric).to_owned());
            row.extend(estimate_cells(&found));
            rows.push(row);
        }
    }
    rows
}

fn pairs(manifest: &Manifest, results: &[RunResult]) -> Vec<Vec<String>> {
    let head = [
        "metric",
        "axis",
        "baseline",
        "value",
        "baseline_point",
        "point",
        "n",
        "difference",
        "low95",
        "high95",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for metric in METRICS {
        for pair in paired(manifest, results, metric) {
            let axis = &manifest.axes[pair.axis];
            let value = manifest.coordinates(pair.point)[pair.axis];
            let mut row = vec![(*metric).to_owned(), axis.path.clone(), plain(&axis.values[0])];
            row.extend([plain(&axis.values[value]), pair.baseline.to_string(), pair.point.to_string()]);
            row.extend(estimate_cells(&pair.difference));
            rows.push(row);
        }
    }
    rows
}

fn axis_values(manifest: &Manifest, point: usize) -> impl Iterator<Item = String> {
    let values = manifest.axes.iter().zip(manifest.coordinates(point));
    values.map(|(axis, index)| plain(&axis.values[index]))
}

fn estimate_cells(found: &Estimate) -> [String; 4] {
    let bound = |sign: f64| cell(found.margin.map(|margin| found.mean + sign * margin));
    [found.n.to_string(), cell(Some(found.mean)), bound(-1.0), bound(1.0)]
}

fn cell(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

fn write_csv(path: &Path, rows: &[Vec<String>]) -> Result<(), StoreError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.write_record(row));
    let content = written
        .map_err(|error| error.to_string())
        .and_then(|()| writer.into_inner().map_err(|error| error.to_string()));
    match content {
        Ok(content) => store::write(path, &content),
        Err(problem) => Err(StoreError::Content { path: path.to_owned(), problem }),
    }
}
