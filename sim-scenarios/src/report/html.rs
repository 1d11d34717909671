//! The page around the plots.

use std::fmt::Write;

use super::svg::{escape, number};
use super::{Data, plots};
use crate::result::RunResult;

pub(super) fn page(data: &Data) -> String {
    let manifest = &data.manifest;
    let title = escape(&manifest.scenario);
    let mut body = format!("<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n", escape(&manifest.description));
    body.push_str(&facts(data));
    body.push_str("<h2>Results</h2>\n");
    body.push_str(&table(data));
    body.push_str(NOTES);
    if let Some(replay) = replay(data) {
        body.push_str(&replay);
    }
    for plot in plots::all(data) {
        let _infallible = writeln!(body, "<figure id=\"{}\">{}</figure>", plot.name, unique(&plot));
    }
    body.push_str(&reproduce(data));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}: simulation report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// Two plots of one page must not share the names of their patterns.
fn unique(plot: &plots::Plot) -> String {
    let prefix = format!("{}-p", plot.name);
    plot.svg.replace("id=\"p", &format!("id=\"{prefix}")).replace("url(#p", &format!("url(#{prefix}"))
}

fn facts(data: &Data) -> String {
    let manifest = &data.manifest;
    let nodes = range(data.results.iter().map(|run| run.nodes as f64));
    let sizes = range(data.results.iter().map(|run| run.message_bytes as f64 / 1024.0));
    let build = &manifest.build;
    let commit = build.commit.as_deref().unwrap_or("unknown");
    let points = count(manifest.points(), "point");
    let seeds = count(manifest.seeds.len(), "seed");
    let rows = [
        ("Nodes", nodes),
        ("Message", format!("{sizes} KiB")),
        ("Runs", format!("{} ({} x {})", data.results.len(), points, seeds)),
        ("Digest", data.summary.digest.clone()),
        ("Build", format!("{} ({commit})", build.version)),
    ];
    let cells = rows.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value)));
    format!("<dl>{}</dl>\n", cells.concat())
}

fn count(number: usize, of: &str) -> String {
    if number == 1 { format!("1 {of}") } else { format!("{number} {of}s") }
}

fn range(values: impl Iterator<Item = f64> + Clone) -> String {
    let (low, high) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
    if low < high { format!("{} to {}", number(low), number(high)) } else { number(low) }
}

fn table(data: &Data) -> String {
    let manifest = &data.manifest;
    let mut html = "<div class=\"scroll\"><table>\n<thead><tr>".to_owned();
    for axis in &manifest.axes {
        let _infallible = write!(html, "<th title=\"{}\">{}</th>", escape(&axis.path), escape(axis.short()));
    }
    for (_, head) in data.columns() {
        let _infallible = write!(html, "<th class=\"n\">{head}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for point in 0..manifest.points() {
        html.push_str("<tr>");
        for (axis, index) in manifest.axes.iter().zip(manifest.coordinates(point)) {
            let _infallible = write!(html, "<td>{}</td>", escape(&super::plain(&axis.values[index])));
        }
        for (metric, _) in data.columns() {
            let _infallible = write!(html, "<td class=\"n\">{}</td>", cell(data, point, metric));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

fn cell(data: &Data, point: usize, metric: &str) -> String {
    if metric == "bound_ms" {
        return data.runs(point)[0].bound_ms.map_or_else(|| "none".to_owned(), number);
    }
    let runs = data.runs(point).len();
    let Some(found) = data.estimate(point, metric) else { return "not reached".to_owned() };
    let margin = found.margin.map(|margin| format!(" <small>± {}</small>", number(margin)));
    let part = (found.n < runs).then(|| format!(" <small>({} of {runs} runs)</small>", found.n));
    format!("{}{}{}", number(found.mean), margin.unwrap_or_default(), part.unwrap_or_default())
}

fn replay(data: &Data) -> Option<String> {
    let (key, spread) = data.spread.as_ref()?;
    let run: &RunResult = data.runs(key.point).iter().find(|run| run.seed == key.seed)?;
    let text = serde_json::to_string(spread).ok()?.replace('<', "\\u003c");
    let label = match data.manifest.label(key.point) {
        label if label.is_empty() => format!("seed {}", run.seed),
        label => format!("{label}, seed {}", run.seed),
    };
    let cut = if spread.cut { " The log was full before the end." } else { "" };
    Some(format!(
        "<h2>One message on its way</h2>\n<p>{}. The publisher is in the middle, each ring is one mesh hop further \
         out. A node fills up as useful shards arrive and gets a dark rim when it is complete; a lit line is a shard that \
         has just arrived, solid if it was of use, dashed if not.{cut}</p>\n{REPLAY_HTML}<script \
         type=\"application/json\" id=\"spread\">{text}</script>\n<script>{REPLAY_JS}</script>\n",
        escape(&label)
    ))
}

fn reproduce(data: &Data) -> String {
    let manifest = &data.manifest;
    let config = serde_json::to_string_pretty(&manifest.config).unwrap_or_default();
    let seeds: Vec<String> = manifest.seeds.iter().map(u64::to_string).collect();
    let toolchain = manifest.build.toolchain.as_deref().unwrap_or("unknown");
    format!(
        "<h2>How to make it again</h2>\n<p>Configuration {}, seeds {}, {} on {}. The same configuration and seeds \
         give the same digest on every machine. <code>sim replay</code> runs one stored result again and compares.</p>\n\
         <details><summary>The whole configuration</summary><pre>{}</pre></details>\n",
        escape(&manifest.configuration_hash),
        seeds.join(", "),
        escape(toolchain),
        escape(&manifest.build.target),
        escape(&config)
    )
}

const NOTES: &str = "<p class=\"note\">Means over seeds with 95 % intervals (Student's t). Times run from the \
    publication in virtual time. The bound is the greater of two: the postal model's for these pieces, and what the rates \
    of all nodes and the shortest paths allow; no network is faster. Copies are bytes per node over the bytes published, \
    all traffic counted.</p>\n";

const STYLE: &str = include_str!("style.css");
const REPLAY_HTML: &str = include_str!("replay.html");
const REPLAY_JS: &str = include_str!("replay.js");
