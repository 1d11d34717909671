//! Runs what is missing, on several threads.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use super::{RunKey, StoreError, Summary, Sweep, SweepError, finish, rows, store};
use crate::run::{Extras, run};

/// How a sweep is run; none of it changes the results.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads, at least one.
    pub jobs: usize,
    /// The part to run.
    pub shard: Shard,
    /// Record the spread of each point's first message with the first seed.
    pub log: bool,
    /// Write every delivery as Parquet.
    pub parquet: bool,
}

/// One of `of` equal parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    /// Which, from 0.
    pub index: usize,
    /// Of how many.
    pub of: usize,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, of: 1 };

    /// `0/4` to `3/4`.
    pub fn parse(text: &str) -> Option<Self> {
        let (index, of) = text.split_once('/')?;
        let shard = Self { index: index.parse().ok()?, of: of.parse().ok()? };
        (shard.index < shard.of).then_some(shard)
    }
}

/// How far a sweep is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Runs that are done, those found in the directory included.
    pub done: usize,
    /// Runs of this shard.
    pub runs: usize,
}

/// Runs everything of a shard that `dir` does not have yet. The summary is there when all runs of all shards
/// are.
pub fn execute(
    sweep: &Sweep,
    dir: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Option<Summary>, SweepError> {
    store::open(dir, &sweep.manifest)?;
    let Shard { index, of } = options.shard;
    let mine: Vec<RunKey> = sweep.manifest.runs().skip(index).step_by(of).collect();
    let open: Vec<RunKey> = mine.iter().copied().filter(|key| store::read_run(dir, *key).is_err()).collect();
    let (mut done, runs) = (mine.len() - open.len(), mine.len());
    progress(Progress { done, runs });
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (tell, told) = channel();
    let failure = std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, open.len().max(1)) {
            let worker = Worker { sweep, dir, open: &open, next: &next, failed: &failed, options };
            let tell = tell.clone();
            scope.spawn(move || worker.work(&tell));
        }
        drop(tell);
        let mut failure = None;
        for outcome in told {
            match outcome {
                Ok(()) => done += 1,
                Err(error) => failure = failure.or(Some(error)),
            }
            progress(Progress { done, runs });
        }
        failure
    });
    if let Some(error) = failure {
        return Err(error);
    }
    match store::results(dir, &sweep.manifest) {
        Ok(results) => Ok(Some(finish(dir, &sweep.manifest, &results)?)),
        Err(StoreError::Incomplete { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What the threads share.
struct Worker<'a> {
    sweep: &'a Sweep,
    dir: &'a Path,
    open: &'a [RunKey],
    next: &'a AtomicUsize,
    failed: &'a AtomicBool,
    options: &'a Options,
}

impl Worker<'_> {
    fn work(&self, tell: &Sender<Result<(), SweepError>>) {
        while !self.failed.load(Ordering::Relaxed) {
            let Some(&key) = self.open.get(self.next.fetch_add(1, Ordering::Relaxed)) else { return };
            let outcome = self.run(key);
            if outcome.is_err() {
                self.failed.store(true, Ordering::Relaxed);
            }
            // The receiver lives as long as the scope that this thread is in.
            let _received = tell.send(outcome);
        }
    }

    fn run(&self, key: RunKey) -> Result<(), SweepError> {
        let extras =
            Extras { spread: self.options.log && self.sweep.manifest.seeds.first() == Some(&key.seed) };
        let outcome = run(&self.sweep.points[key.point], key.seed, extras, &mut |_share| {});
        let mut outcome = outcome.map_err(|error| SweepError::Run { run: key.name(), error })?;
        outcome.result.point = self.sweep.manifest.values(key.point);
        if let Some(spread) = &outcome.spread {
            store::write_json(&store::spread_path(self.dir, key)?, spread)?;
        }
        if self.options.parquet {
            rows::write(self.dir, &self.sweep.manifest, key, &outcome.deliveries)?;
        }
        Ok(store::write_json(&store::run_path(self.dir, key), &outcome.result)?)
    }
}
