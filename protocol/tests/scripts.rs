//! Protocol rules as scripts: commands, `----`, what the node does. See `tests/testdata/README.md`.
//!
//! `BLESS=1 cargo test -p braidcast-protocol --test scripts` writes what the node does into the files.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::fmt::Write;
use std::path::{Path, PathBuf};

mod script;

/// Every file under `tests/testdata` with the ending `.txt`, in order.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "txt") {
            found.push(path);
        }
    }
}

#[test]
fn every_script_does_what_it_says() {
    let mut scripts = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testdata"), &mut scripts);
    assert!(!scripts.is_empty());
    let mut differences = String::new();
    for path in &scripts {
        let text = std::fs::read_to_string(path).unwrap();
        let done = run(&text);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &done).unwrap();
        } else if done != text {
            writeln!(differences, "{}: the node did\n{done}", path.display()).unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

/// Runs a script and gives it back with what really happened.
fn run(text: &str) -> String {
    let mut world = script::World::default();
    let mut done = String::new();
    for block in text.trim_end().split("\n\n") {
        let commands = block.split("\n----").next().unwrap_or(block);
        writeln!(done, "{commands}").unwrap();
        let commands: Vec<&str> = commands
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.split(';'))
            .map(str::trim)
            .filter(|command| !command.is_empty())
            .collect();
        if !commands.is_empty() {
            let output: String = commands.iter().map(|command| world.command(command)).collect();
            write!(done, "----\n{output}").unwrap();
        }
        done.push('\n');
    }
    done.truncate(done.trim_end().len());
    done.push('\n');
    done
}
