//! `braidcast bench`: reproducible measurements, with the baselines in the same run.

use std::process::Command;

use anyhow::Context;
use braidcast_bench::node::{self, Load, Subject};
use braidcast_bench::{Target, coding, table};
use braidcast_coding::counting::CountingAllocator;
use clap::{Args, Subcommand, ValueEnum};
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
    /// Processor time per delivered message, against another GossipSub, in turns
    Node(NodeOptions),
    /// One network of `bench node`, in this process
    #[command(hide = true)]
    Network(NetworkOptions),
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

/// Options of `bench node`.
#[derive(Args, Debug)]
pub(crate) struct NodeOptions {
    /// What to compare with
    #[arg(long, env = "BRAIDCAST_BENCH_BASELINE", value_enum, default_value_t = Baseline::Libp2p)]
    baseline: Baseline,

    /// One round with a tenth of the messages: to see that it works and roughly how fast
    #[arg(long, env = "BRAIDCAST_BENCH_QUICK")]
    quick: bool,

    /// Print the result as one JSON object
    #[arg(long, env = "BRAIDCAST_BENCH_JSON")]
    json: bool,
}

/// Other implementations of GossipSub.
#[derive(ValueEnum, Clone, Copy, Debug)]
enum Baseline {
    /// rust-libp2p
    Libp2p,
}

/// Options of `bench network`.
#[derive(Args, Debug)]
pub(crate) struct NetworkOptions {
    /// Whose nodes
    #[arg(value_enum)]
    subject: SubjectName,

    /// Bytes of a message
    bytes: usize,

    /// Messages to publish
    messages: usize,

    /// Messages on their way at a time
    window: usize,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum SubjectName {
    Ours,
    Libp2p,
}

/// Measures and prints. A target that is not met is a result, not a failure.
pub(crate) fn run(command: BenchCommand) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        output::note("this is a debug build: its figures mean little");
    }
    match command {
        BenchCommand::Coding(options) => run_coding(options),
        BenchCommand::Node(options) => run_node(&options)?,
        BenchCommand::Network(options) => run_network(&options)?,
    }
    Ok(())
}

fn run_coding(CodingOptions { filter, quick, json }: CodingOptions) {
    let rows = coding::run(&coding::Options { targets: filter, quick });
    if json {
        output::line(&json!({ "rows": rows }).to_string());
    } else {
        output::bytes(&[table(&rows).as_bytes()]);
    }
}

fn run_node(options: &NodeOptions) -> Result<(), Failure> {
    let Baseline::Libp2p = options.baseline;
    let program = std::env::current_exe().context("cannot find the own program")?;
    let rows = node::run(options.quick, |subject, load| {
        let name = match subject {
            Subject::Ours => "ours",
            Subject::Libp2p => "libp2p",
        };
        let mut command = Command::new(&program);
        command.args(["bench", "network", name]);
        command.args([load.bytes, load.messages, load.window].map(|number| number.to_string()));
        command
    });
    let rows = rows.map_err(anyhow::Error::from)?;
    if options.json {
        output::line(&json!({ "rows": rows }).to_string());
    } else {
        output::bytes(&[node::table(&rows).as_bytes()]);
    }
    Ok(())
}

fn run_network(options: &NetworkOptions) -> Result<(), Failure> {
    let &NetworkOptions { subject, bytes, messages, window } = options;
    let subject = match subject {
        SubjectName::Ours => Subject::Ours,
        SubjectName::Libp2p => Subject::Libp2p,
    };
    let sample = node::run_network(subject, Load { bytes, messages, window }).map_err(anyhow::Error::from)?;
    output::line(&json!(sample).to_string());
    Ok(())
}
