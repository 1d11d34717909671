//! A report: one HTML file that needs nothing else, and its plots as SVG files.

mod html;
mod markdown;
mod plots;
mod svg;

use std::path::Path;

use crate::result::RunResult;
use crate::spread::Spread;
use crate::sweep::{self, Manifest, RunKey, StoreError, Summary, store};

pub(crate) use crate::sweep::manifest::plain;

/// Everything that a report shows.
pub struct Data {
    manifest: Manifest,
    results: Vec<RunResult>,
    summary: Summary,
    spread: Option<(RunKey, Spread)>,
}

impl Data {
    /// Reads a directory in which all runs are done.
    pub fn read(dir: &Path) -> Result<Self, StoreError> {
        let manifest = sweep::load(dir)?;
        let results = sweep::results(dir, &manifest)?;
        let summary = Summary::of(&manifest, &results);
        let spread = store::first_spread(dir, &manifest)?;
        Ok(Self { manifest, results, summary, spread })
    }

    /// Writes the report.
    pub fn write_html(&self, path: &Path) -> Result<(), StoreError> {
        store::write(path, html::page(self).as_bytes())
    }

    /// Writes the table of results as Markdown.
    pub fn write_markdown(&self, path: &Path) -> Result<(), StoreError> {
        store::write(path, markdown::table(self).as_bytes())
    }

    /// Writes every plot as a file of its own; their names.
    pub fn write_svgs(&self, dir: &Path) -> Result<Vec<String>, StoreError> {
        std::fs::create_dir_all(dir).map_err(|error| StoreError::Io { path: dir.to_owned(), error })?;
        let mut names = Vec::new();
        for plot in plots::all(self) {
            let name = format!("{}.svg", plot.name);
            store::write(&dir.join(&name), plot.svg.as_bytes())?;
            names.push(name);
        }
        Ok(names)
    }

    /// The runs of one point, by seed.
    fn runs(&self, point: usize) -> &[RunResult] {
        let seeds = self.manifest.seeds.len();
        &self.results[point * seeds..(point + 1) * seeds]
    }

    /// All points, or as many as one plot can show, evenly chosen.
    fn shown_points(&self) -> Vec<usize> {
        let (points, most) = (self.manifest.points(), svg::SERIES_MAX);
        if points <= most {
            return (0..points).collect();
        }
        (0..most).map(|index| index * (points - 1) / (most - 1)).collect()
    }

    /// What a plot's title adds when it shows a choice of the points; empty when it shows all.
    fn choice_note(&self) -> String {
        let (shown, all) = (self.shown_points().len(), self.manifest.points());
        if shown == all { String::new() } else { format!(" ({shown} of {all} points)") }
    }

    /// The figures of the tables, and their heads.
    fn columns(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let attacked = self.results.iter().any(|run| run.defence.is_some());
        COLUMNS.into_iter().chain(DEFENCE_COLUMNS.into_iter().filter(move |_| attacked))
    }

    /// The name of a point in a legend.
    fn series_name(&self, point: usize) -> String {
        match self.manifest.label(point) {
            label if label.is_empty() => self.manifest.scenario.clone(),
            label => label,
        }
    }
}

/// Figures of the tables, and their heads.
const COLUMNS: [(&str, &str); 9] = [
    ("delivery", "delivery"),
    ("t50_ms", "to 50 %, ms"),
    ("t95_ms", "to 95 %, ms"),
    ("t100_ms", "to all, ms"),
    ("bound_ms", "bound, ms"),
    ("ratio", "all / bound"),
    ("tx_x", "sent, copies"),
    ("duplicates", "beyond the first copy"),
    ("dropped", "dropped for slow peers"),
];

/// Further ones where there are adversaries.
const DEFENCE_COLUMNS: [(&str, &str); 5] = [
    ("mesh_share", "adversaries' share of meshes at the end"),
    ("nearly_clear_ms", "at most a twentieth from, ms"),
    ("clear_ms", "meshes clear from, ms"),
    ("honest_score_min", "lowest honest score"),
    ("held_kib_max", "held by a core, KiB"),
];
