//! `braidcast bench node`.

use std::process::Command;

use anyhow::Context;
use braidcast_bench::node::{self, Load, Subject};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::exit::Failure;
use crate::output;

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

pub(super) fn run(options: &NodeOptions) -> Result<(), Failure> {
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

pub(super) fn run_network(options: &NetworkOptions) -> Result<(), Failure> {
    let &NetworkOptions { subject, bytes, messages, window } = options;
    let subject = match subject {
        SubjectName::Ours => Subject::Ours,
        SubjectName::Libp2p => Subject::Libp2p,
    };
    let sample = node::run_network(subject, Load { bytes, messages, window }).map_err(anyhow::Error::from)?;
    output::line(&json!(sample).to_string());
    Ok(())
}
