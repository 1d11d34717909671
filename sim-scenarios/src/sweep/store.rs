//! The directory of a sweep: what is in it, written so that an interruption leaves whole files only.
//!
//! `manifest.json`, `runs/NAME.json` per run; when all are done `runs.csv`, `points.csv`, `pairs.csv` and
//! `summary.json`; on request `deliveries/NAME.parquet` and `spread/NAME.json`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Manifest, RunKey};
use crate::result::RunResult;
use crate::spread::Spread;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SUMMARY: &str = "summary.json";
pub(super) const RUNS: &str = "runs";

/// What is wrong with a directory of results, in one line.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what its name says.
    #[error("{path}: {problem}")]
    Content {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Results of something else are there already.
    #[error("{path}: holds results of {theirs}, this is {ours}; take another directory")]
    Other {
        /// The directory.
        path: PathBuf,
        /// What it holds.
        theirs: String,
        /// What was to be added.
        ours: String,
    },
    /// Not every run is there.
    #[error("{path}: {missing} of {runs} runs are missing, the first is {first}")]
    Incomplete {
        /// The directory.
        path: PathBuf,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        runs: usize,
        /// The first that is missing.
        first: String,
    },
}

/// What all runs of a sweep come to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// Digest over configuration and trace hashes in the order of points and seeds: the same whatever workers,
    /// shards and order made them.
    pub digest: String,
    /// How many runs.
    pub runs: usize,
}

impl Summary {
    pub(crate) fn of(manifest: &Manifest, results: &[RunResult]) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(manifest.configuration_hash.as_bytes());
        for (key, result) in manifest.runs().zip(results) {
            let line = format!("\n{} {} {}", key.name(), result.trace_hash, result.delivery_hash);
            hash.update(line.as_bytes());
        }
        Self { digest: hash.finalize().to_hex()[..32].to_owned(), runs: results.len() }
    }
}

/// Makes the directory this sweep's, or checks that it is.
pub(super) fn open(dir: &Path, manifest: &Manifest) -> Result<(), StoreError> {
    let runs = dir.join(RUNS);
    fs::create_dir_all(&runs).map_err(|error| StoreError::Io { path: runs, error })?;
    let path = dir.join(MANIFEST);
    if !path.exists() {
        return write_json(&path, manifest);
    }
    same_sweep(dir, &load(dir)?, manifest)
}

/// Refuses to mix configurations or builds.
pub(super) fn same_sweep(dir: &Path, theirs: &Manifest, ours: &Manifest) -> Result<(), StoreError> {
    let names = |manifest: &Manifest| {
        let build = &manifest.build;
        let commit = build.commit.as_deref().unwrap_or("unknown");
        let configuration = &manifest.configuration_hash[..12.min(manifest.configuration_hash.len())];
        format!("{} (configuration {configuration}, build {} {commit})", manifest.scenario, build.version)
    };
    let (theirs, ours) = (names(theirs), names(ours));
    if theirs == ours { Ok(()) } else { Err(StoreError::Other { path: dir.to_owned(), theirs, ours }) }
}

/// The manifest of a directory.
pub fn load(dir: &Path) -> Result<Manifest, StoreError> {
    read_json(&dir.join(MANIFEST))
}

/// The results of all runs, in the order of [`Manifest::runs`].
pub fn results(dir: &Path, manifest: &Manifest) -> Result<Vec<RunResult>, StoreError> {
    let keys: Vec<RunKey> = manifest.runs().collect();
    let missing: Vec<&RunKey> = keys.iter().filter(|key| !run_path(dir, **key).exists()).collect();
    if let Some(first) = missing.first() {
        let (path, first) = (dir.to_owned(), first.name());
        return Err(StoreError::Incomplete { path, missing: missing.len(), runs: keys.len(), first });
    }
    keys.iter().map(|key| read_run(dir, *key)).collect()
}

pub(super) fn run_path(dir: &Path, key: RunKey) -> PathBuf {
    dir.join(RUNS).join(format!("{}.json", key.name()))
}

/// Where the spread of a run goes.
pub(super) fn spread_path(dir: &Path, key: RunKey) -> Result<PathBuf, StoreError> {
    let folder = dir.join("spread");
    match fs::create_dir_all(&folder) {
        Ok(()) => Ok(folder.join(format!("{}.json", key.name()))),
        Err(error) => Err(StoreError::Io { path: folder, error }),
    }
}

/// The first run of which the spread was recorded.
pub(crate) fn first_spread(dir: &Path, manifest: &Manifest) -> Result<Option<(RunKey, Spread)>, StoreError> {
    let path = |key: RunKey| dir.join("spread").join(format!("{}.json", key.name()));
    match manifest.runs().find(|key| path(*key).exists()) {
        Some(key) => Ok(Some((key, read_json(&path(key))?))),
        None => Ok(None),
    }
}

pub(super) fn read_run(dir: &Path, key: RunKey) -> Result<RunResult, StoreError> {
    let path = run_path(dir, key);
    let result = RunResult::read(&path)?;
    if result.seed != key.seed {
        let problem = format!("has seed {}, expected {}", result.seed, key.seed);
        return Err(StoreError::Content { path, problem });
    }
    Ok(result)
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, StoreError> {
    let text = fs::read(path).map_err(|error| StoreError::Io { path: path.to_owned(), error })?;
    serde_json::from_slice(&text)
        .map_err(|error| StoreError::Content { path: path.to_owned(), problem: error.to_string() })
}

pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), StoreError> {
    let mut text = serde_json::to_vec(value)
        .map_err(|error| StoreError::Content { path: path.to_owned(), problem: error.to_string() })?;
    text.push(b'\n');
    write(path, &text)
}

/// Writes a file whole or not at all, also when other processes write it at the same time.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let written = create_partial(path).and_then(|(partial, mut file)| {
        file.write_all(content)?;
        drop(file);
        fs::rename(&partial, path)
    });
    written.map_err(|error| StoreError::Io { path: path.to_owned(), error })
}

/// A new file beside `path`. Process ids repeat between machines that share a directory, and a killed process
/// leaves its file behind.
fn create_partial(path: &Path) -> io::Result<(PathBuf, File)> {
    for number in 0..PARTIALS_MAX {
        let partial = path.with_extension(format!("part-{}-{number}", std::process::id()));
        match File::options().write(true).create_new(true).open(&partial) {
            Ok(file) => return Ok((partial, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!("{PARTIALS_MAX} partial files of it are left behind")))
}

/// Attempts to find a free name.
const PARTIALS_MAX: usize = 1000;
