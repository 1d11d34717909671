//! `braidcast bench`: reproducible measurements, with the baselines in the same run.

mod sim;

use braidcast_bench::coding::Options;
use braidcast_bench::{Target, table};
use braidcast_coding::counting::CountingAllocator;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::exit::Failure;
use crate::output;

/// Counts, for `bench coding`, only while asked to.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What to measure.
#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// The erasure code, against its targets, other libraries and what the processor can do
    Coding(CodingOptions),
    /// The simulator: events per second and memory, each network in a process of its own
    Sim(sim::SimBenchOptions),
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
    if cfg!(debug_assertions) {
        output::note("this is a debug build: its figures mean little");
    }
    match command {
        BenchCommand::Coding(options) => coding(options),
        BenchCommand::Sim(options) => sim::run(&options)?,
    }
    Ok(())
}

fn coding(CodingOptions { filter, quick, json }: CodingOptions) {
    let options = Options { targets: filter, quick };
    let rows = braidcast_bench::coding::run(&options);
    if json {
        output::line(&json!({ "rows": rows }).to_string());
    } else {
        output::bytes(&[table(&rows).as_bytes()]);
    }
}
