//! The plots of a sweep.

use super::Data;
use super::svg::{Chart, SERIES_MAX, Scale, Style, WIDTH, number, open, text};
use crate::result::RunResult;
use crate::sweep::estimate;

use std::fmt::Write;

/// A plot and the name of its file.
pub(super) struct Plot {
    pub(super) name: &'static str,
    pub(super) svg: String,
}

/// A figure that is plotted.
pub(super) struct Metric {
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
}

/// What sweeps are plotted by.
pub(super) const PLOTTED: [Metric; 4] = [
    Metric { key: "t95_ms", title: "Time to 95 % of the nodes", unit: "time to 95 % of nodes, ms" },
    Metric { key: "t100_ms", title: "Time to all nodes", unit: "time to all nodes, ms" },
    Metric { key: "tx_x", title: "Bytes sent per node", unit: "bytes sent per node / bytes published" },
    Metric { key: "delivery", title: "Delivery", unit: "share of deliveries made" },
];

pub(super) fn all(data: &Data) -> Vec<Plot> {
    let mut plots = vec![Plot { name: "delivery-times", svg: delivery_times(data) }];
    plots.push(Plot { name: "bandwidth", svg: bandwidth(data) });
    let names = ["sweep-t95", "sweep-t100", "sweep-sent", "sweep-delivery"];
    if !data.manifest.axes.is_empty() {
        for (name, metric) in names.into_iter().zip(&PLOTTED) {
            plots.push(Plot { name, svg: sweep_lines(data, metric) });
        }
    }
    if data.manifest.axes.len() > 1 {
        plots.push(Plot { name: "heat-t95", svg: heat_map(data, &PLOTTED[0]) });
    }
    plots
}

/// The share of nodes that a message has reached by a time, and the least time that is possible.
fn delivery_times(data: &Data) -> String {
    let points = data.shown_points();
    let curve = |run: &RunResult| -> Vec<(f64, f64)> {
        let times = run.delivery_ms.iter().enumerate();
        times.filter_map(|(percent, time)| time.map(|time| (time, percent as f64))).collect()
    };
    let curves: Vec<Vec<(f64, f64)>> = points.iter().map(|point| curve(&data.runs(*point)[0])).collect();
    let last = curves.iter().flatten().map(|(time, _)| *time).fold(1.0, f64::max);
    let x = Scale::from_zero("time since the publication, ms (first seed)", last);
    let about = "Cumulative distribution of delivery times over nodes and messages, one line per point.";
    let mut chart = Chart::new(
        &format!("When nodes have the message{}", data.choice_note()),
        about,
        x,
        Scale::from_zero("nodes that have it, %", 100.0),
    );
    let mut bounds: Vec<(f64, &RunResult)> = Vec::new();
    for (index, (point, curve)) in points.iter().zip(&curves).enumerate() {
        let run = &data.runs(*point)[0];
        let style = Style { marker: None, ..Style::series(index) };
        chart.line(&data.series_name(*point), curve, style);
        if let Some(bound) = run.bound_ms.filter(|bound| bounds.iter().all(|(known, _)| known != bound)) {
            bounds.push((bound, run));
        }
    }
    for (index, (_, run)) in bounds.iter().take(BOUNDS_MAX).enumerate() {
        let line: Vec<(f64, f64)> = run
            .bounds
            .postal_curve_ms
            .iter()
            .enumerate()
            .map(|(percent, time)| (*time, percent as f64))
            .collect();
        let pieces =
            if run.chunks == 1 { "whole messages".to_owned() } else { format!("{} pieces", run.chunks) };
        chart.line(&format!("bound for {pieces}: nothing is faster"), &line, Style::reference(index));
    }
    chart.finish()
}

/// Bytes sent per node over bytes published, by what they are for.
fn bandwidth(data: &Data) -> String {
    let points = data.shown_points();
    let rows: Vec<(String, [f64; 4])> =
        points.iter().map(|point| (data.series_name(*point), parts(data.runs(*point)))).collect();
    let most = rows.iter().map(|(_, parts)| parts.iter().sum::<f64>()).fold(1.0, f64::max);
    let (left, right, top, step) = (72.0, WIDTH - 80.0, 76.0, 50.0);
    let height = top + step * rows.len() as f64 + 40.0;
    let mut svg = open(
        &format!("Bytes sent per node, by purpose{}", data.choice_note()),
        "Stacked bars, one per point.",
        height,
    );
    svg.push_str(PATTERNS);
    let mut x = left;
    for (index, name) in PARTS.iter().enumerate() {
        let _infallible = write!(
            svg,
            r##"<rect x="{x}" y="40" width="16" height="14" fill="url(#p{index})" stroke="#333333"/>"##
        );
        text(&mut svg, (x + 22.0, 52.0), "start", name);
        x += 46.0 + name.len() as f64 * 7.2;
    }
    for (row, (name, parts)) in rows.iter().enumerate() {
        let y = top + step * row as f64;
        text(&mut svg, (left, y + 10.0), "start", name);
        let mut x = left;
        for (index, part) in parts.iter().enumerate() {
            let width = part / most * (right - left);
            let _infallible = write!(
                svg,
                r##"<rect x="{x:.1}" y="{:.1}" width="{width:.1}" height="20" fill="url(#p{index})" stroke="#333333"/>"##,
                y + 16.0
            );
            x += width;
        }
        text(&mut svg, (x + 6.0, y + 31.0), "start", &format!("{} x", number(parts.iter().sum())));
    }
    text(
        &mut svg,
        (left, height - 14.0),
        "start",
        "x: bytes sent per node / bytes published, mean over seeds",
    );
    svg.push_str("</svg>\n");
    svg
}

/// First copy, further copies, headers and coefficients with frames that never arrived, control: means over runs, in
/// copies.
fn parts(runs: &[RunResult]) -> [f64; 4] {
    let of = |run: &RunResult| {
        let nodes = run.nodes as f64;
        let published = nodes * run.message_bytes as f64 * run.messages.max(1) as f64;
        let once = (nodes - 1.0) / nodes;
        let (copies, data) = (run.duplicates * once, run.traffic.data_bytes as f64 / published);
        let first = once * run.delivery;
        let headers = (data - once - copies).max(0.0);
        [first, (once - first).max(0.0) + copies, headers, run.traffic.control_bytes as f64 / published]
    };
    let mut sums = [0.0; 4];
    for run in runs {
        of(run).iter().zip(&mut sums).for_each(|(part, sum)| *sum += part / runs.len() as f64);
    }
    sums
}

/// A figure over the first axis, one line for each combination of the others.
fn sweep_lines(data: &Data, metric: &Metric) -> String {
    let manifest = &data.manifest;
    let series = data.series();
    let means: Vec<_> = (0..manifest.points()).map(|point| data.estimate(point, metric.key)).collect();
    let tops = means.iter().flatten().map(|it| it.mean + it.margin.unwrap_or(0.0));
    // A single wide interval must not flatten everything else.
    let highest = means.iter().flatten().map(|it| it.mean).fold(0.0, f64::max);
    let high = tops.fold(0.0, f64::max).min(highest * 1.5).max(f64::MIN_POSITIVE);
    let high = if metric.key == "delivery" { 1.0 } else { high };
    let (x, places) = data.first_axis();
    let about = format!("{}, mean over seeds with 95 % intervals.", metric.title);
    let mut chart = Chart::new(metric.title, &about, x, Scale::from_zero(metric.unit, high));
    for (index, points) in series.iter().take(SERIES_MAX).enumerate() {
        let style = Style::series(index);
        let found: Vec<_> =
            points.iter().zip(&places).filter_map(|(point, x)| Some((*x, means[*point].as_ref()?))).collect();
        let line: Vec<(f64, f64)> = found.iter().map(|(x, it)| (*x, it.mean)).collect();
        chart.line(&data.series_label(points[0]), &line, style);
        for (x, it) in found {
            if let Some(margin) = it.margin {
                chart.interval(x, it.mean - margin, it.mean + margin, style);
            }
            chart.marker((x, it.mean), style, it.n < manifest.seeds.len());
        }
    }
    chart.finish()
}

/// A figure over the first two axes; the others at their first value.
fn heat_map(data: &Data, metric: &Metric) -> String {
    let axes = &data.manifest.axes;
    let cell = |column: usize, row: usize| {
        let mut coordinates = vec![0; axes.len()];
        (coordinates[0], coordinates[1]) = (column, row);
        data.estimate(data.manifest.point_at(&coordinates), metric.key).map(|it| it.mean)
    };
    let (columns, rows) = (axes[0].values.len(), axes[1].values.len());
    let cells: Vec<Vec<Option<f64>>> =
        (0..rows).map(|row| (0..columns).map(|column| cell(column, row)).collect()).collect();
    let known = || cells.iter().flatten().flatten().copied();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(0.0, f64::max));
    let (left, top, height) = (180.0, 64.0, 34.0);
    let width = (WIDTH - left - 24.0) / columns as f64;
    let others = axes[2..].iter().map(|axis| format!(", {} {}", axis.short(), super::plain(&axis.values[0])));
    let title = format!("{}, ms: mean over seeds{}", metric.title, others.collect::<String>());
    let mut svg =
        open(&title, "Darker is slower; the numbers are in the cells.", top + height * rows as f64 + 60.0);
    for (row, cells) in cells.iter().enumerate() {
        let y = top + row as f64 * height;
        let name = format!("{} {}", axes[1].short(), super::plain(&axes[1].values[row]));
        text(&mut svg, (left - 10.0, y + 21.0), "end", &name);
        for (column, value) in cells.iter().enumerate() {
            let x = left + column as f64 * width;
            let share = value.map(|value| (value - low) / (high - low).max(f64::EPSILON));
            let (fill, ink) = share.map_or(("#ffffff".to_owned(), "#222222"), shade);
            let shown = value.map_or_else(|| "not reached".to_owned(), number);
            let _infallible = write!(
                svg,
                r##"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height}" fill="{fill}" stroke="#ffffff"/><text x="{:.1}" y="{:.1}" text-anchor="middle" fill="{ink}">{shown}</text>"##,
                x + width / 2.0,
                y + 21.0
            );
        }
    }
    let y = top + height * rows as f64;
    for (column, value) in axes[0].values.iter().enumerate() {
        text(&mut svg, (left + (column as f64 + 0.5) * width, y + 20.0), "middle", &super::plain(value));
    }
    text(&mut svg, (left + width * columns as f64 / 2.0, y + 44.0), "middle", &axes[0].path);
    svg.push_str("</svg>\n");
    svg
}

/// From near white to dark blue; the ink that can be read on it.
fn shade(share: f64) -> (String, &'static str) {
    let mix = |light: f64, dark: f64| (light + (dark - light) * share.clamp(0.0, 1.0)).round() as u8;
    let fill = format!("#{:02x}{:02x}{:02x}", mix(235.0, 8.0), mix(243.0, 48.0), mix(251.0, 107.0));
    (fill, if share > 0.5 { "#ffffff" } else { "#222222" })
}

impl Data {
    /// The mean of a figure over the seeds of a point.
    pub(super) fn estimate(&self, point: usize, metric: &str) -> Option<crate::sweep::Estimate> {
        let values: Vec<f64> = self.runs(point).iter().filter_map(|run| run.metric(metric)).collect();
        estimate(&values)
    }

    /// The first axis as a scale, and where its values are on it.
    fn first_axis(&self) -> (Scale, Vec<f64>) {
        let axis = &self.manifest.axes[0];
        let numbers: Option<Vec<f64>> = axis.values.iter().map(serde_json::Value::as_f64).collect();
        match numbers.filter(|numbers| numbers.len() > 1 && numbers.is_sorted() && !is_geometric(numbers)) {
            Some(numbers) => {
                let scale = Scale::between(&axis.path, numbers[0], numbers[numbers.len() - 1]);
                (scale, numbers)
            }
            None => {
                let names: Vec<String> = axis.values.iter().map(super::plain).collect();
                (Scale::named(&axis.path, &names), (0..names.len()).map(|index| index as f64).collect())
            }
        }
    }

    /// The points of each line: those that differ in the first axis only.
    fn series(&self) -> Vec<Vec<usize>> {
        let first = self.manifest.axes[0].values.len();
        let lines = self.manifest.points() / first;
        (0..lines).map(|line| (0..first).map(|value| value * lines + line).collect()).collect()
    }

    /// The name of a line: the axes that it does not run along.
    fn series_label(&self, point: usize) -> String {
        let label = self.manifest.label(point);
        label.split_once(", ").map_or_else(|| self.manifest.scenario.clone(), |(_, rest)| rest.to_owned())
    }
}

/// Values that each double at least belong at equal distances.
fn is_geometric(numbers: &[f64]) -> bool {
    numbers.len() > 2 && numbers.windows(2).all(|pair| pair[0] > 0.0 && pair[1] >= 1.9 * pair[0])
}

const PARTS: [&str; 4] = ["first copy", "further copies", "headers, coefficients, lost", "control"];
const BOUNDS_MAX: usize = 2;

/// Fills that differ without colour, too.
const PATTERNS: &str = r##"<defs>
<pattern id="p0" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="#0072b2"/></pattern>
<pattern id="p1" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="8" height="8" fill="#f3b27a"/><rect width="3" height="8" fill="#d55e00"/></pattern>
<pattern id="p2" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="#ffffff"/><circle cx="4" cy="4" r="2" fill="#009e73"/></pattern>
<pattern id="p3" width="8" height="8" patternUnits="userSpaceOnUse"><rect width="8" height="8" fill="#ffffff"/><path d="M0 4h8" stroke="#000000" stroke-width="1.5"/></pattern>
</defs>"##;
