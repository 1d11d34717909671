//! Sizes and leftovers: what keeps files readable is checked here, not remembered.
#![allow(clippy::unwrap_used, reason = "a test helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

/// A source file without its tests.
struct Source {
    path: PathBuf,
    text: String,
    lines: usize,
}

#[test]
fn files_stay_short() {
    let sources = sources();
    assert!(sources.len() > 20, "found only {} files: is the workspace somewhere else?", sources.len());
    let long: Vec<_> =
        sources.iter().filter(|source| source.lines > LINES_MAX).map(Source::describe).collect();
    assert!(long.is_empty(), "longer than {LINES_MAX} lines without tests:\n{}", long.join("\n"));
    let medium: Vec<_> =
        sources.iter().filter(|source| source.lines > LINES_GOOD).map(Source::describe).collect();
    let percent = 100 - medium.len() * 100 / sources.len();
    assert!(
        percent >= SHORT_PERCENT,
        "{percent} % of the files have at most {LINES_GOOD} lines, {SHORT_PERCENT} % should; longer are:\n{}",
        medium.join("\n")
    );
}

#[test]
fn nothing_is_left_to_do() {
    // Put together here, or this file would be the first to be found.
    let leftovers =
        [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("FIX", "ME"), concat!("XX", "X:")];
    let mut found = Vec::new();
    for source in sources() {
        let hits = leftovers.iter().filter(|leftover| source.text.contains(**leftover));
        found.extend(hits.map(|leftover| format!("{}: {leftover}", source.path.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

impl Source {
    fn describe(&self) -> String {
        format!("  {} ({})", self.path.display(), self.lines)
    }
}

/// All Rust files of the workspace's crates.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let crates = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut files = Vec::new();
    for member in crates.filter(|path| path.join("Cargo.toml").exists()) {
        collect(&member, &mut files);
    }
    files.into_iter().map(|path| source(root, &path)).collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir()
            && !["target", "tests", "testdata"].contains(&name.as_str())
            && !name.starts_with('.')
        {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !name.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

fn source(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    // By the order of the style guide the tests are at the bottom.
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(&text);
    let lines = code.lines().count();
    Source { path: path.strip_prefix(root).unwrap().to_owned(), lines, text }
}

const LINES_MAX: usize = 500;
const LINES_GOOD: usize = 300;
const SHORT_PERCENT: usize = 85;
