//! The table of results for a document.

use std::fmt::Write;

use super::svg::number;
use super::{Data, plain};

pub(super) fn table(data: &Data) -> String {
    let manifest = &data.manifest;
    let axes = manifest.axes.iter().map(|axis| format!("`{}`", axis.path));
    let heads: Vec<String> = axes.chain(data.columns().map(|(_, head)| head.to_owned())).collect();
    let rules: Vec<&str> =
        manifest.axes.iter().map(|_| "---").chain(data.columns().map(|_| "---:")).collect();
    let mut text = format!("| {} |\n| {} |\n", heads.join(" | "), rules.join(" | "));
    for point in 0..manifest.points() {
        let values = manifest.axes.iter().zip(manifest.coordinates(point));
        let values = values.map(|(axis, index)| plain(&axis.values[index]));
        let cells: Vec<String> =
            values.chain(data.columns().map(|(metric, _)| cell(data, point, metric))).collect();
        let _infallible = writeln!(text, "| {} |", cells.join(" | "));
    }
    let seeds = manifest.seeds.len();
    let commit = manifest.build.commit.as_deref().unwrap_or("unknown");
    let _infallible = write!(
        text,
        "\nMeans over {seeds} seeds, ± 95 % (Student's t). Digest `{}`, commit {commit}.\n",
        data.summary.digest
    );
    text
}

fn cell(data: &Data, point: usize, metric: &str) -> String {
    if metric == "bound_ms" {
        return data.runs(point)[0].bound_ms.map_or_else(|| "none".to_owned(), number);
    }
    let runs = data.runs(point).len();
    let Some(found) = data.estimate(point, metric) else { return "not reached".to_owned() };
    let margin = found.margin.filter(|margin| *margin > 0.0).map(|margin| format!(" ± {}", number(margin)));
    let part = (found.n < runs).then(|| format!(" ({} of {runs})", found.n));
    format!("{}{}{}", number(found.mean), margin.unwrap_or_default(), part.unwrap_or_default())
}
