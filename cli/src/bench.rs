//! `braidcast bench`: reproducible measurements, with the baselines in the same run.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use braidcast_bench::{Row, Target, coding, table};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::exit::Failure;
use crate::output;

/// What to measure.
#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// The erasure code, against its targets, other libraries and what the processor can do
    Coding(CodingOptions),
}

/// Options of `bench coding`.
#[derive(Args, Debug)]
pub(crate) struct CodingOptions {
    /// Only these targets, T1 to T14, limit or info, separated by commas [default: all]
    #[arg(long, env = "BRAIDCAST_BENCH_FILTER", value_delimiter = ',', value_name = "TARGETS")]
    filter: Vec<Target>,

    /// Tiny samples: to see that it works and roughly how fast
    #[arg(long, env = "BRAIDCAST_BENCH_QUICK")]
    quick: bool,

    /// Print the result as one JSON object
    #[arg(long, env = "BRAIDCAST_BENCH_JSON")]
    json: bool,
}

/// Measures and prints. A target that is not met is a result, not a failure.
pub(crate) fn run(command: BenchCommand) -> Result<(), Failure> {
    let BenchCommand::Coding(CodingOptions { filter, quick, json }) = command;
    if cfg!(debug_assertions) {
        output::note("this is a debug build: its figures mean little");
    }
    let options = coding::Options { targets: filter, quick };
    // First, so that a helper that is missing is known before the long part.
    let mut rows = if options.wants(Target::T10) { count_allocations()? } else { Vec::new() };
    rows.extend(coding::run(&options));
    rows.sort_by_key(|row| row.target);
    if json {
        output::line(&json!({ "rows": rows }).to_string());
    } else {
        output::bytes(&[table(&rows).as_bytes()]);
    }
    Ok(())
}

/// The rows of the program beside this one whose allocator counts.
fn count_allocations() -> Result<Vec<Row>> {
    let own = std::env::current_exe().and_then(|path| path.canonicalize()).context("find the own program")?;
    let path = own.with_file_name(format!("{COUNTER}{}", std::env::consts::EXE_SUFFIX));
    let counter = || format!("T10 runs {}", path.display());
    let output = Command::new(&path).stderr(Stdio::inherit()).output().with_context(counter)?;
    ensure!(output.status.success(), "{}: {}", counter(), output.status);
    serde_json::from_slice(&output.stdout).with_context(counter)
}

const COUNTER: &str = "braidcast-count-allocations";
