//! `braidcast bench sim`: how fast the simulator is, and what memory it takes.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use braidcast_sim_scenarios::result::RunResult;
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use crate::exit::Failure;
use crate::output;

/// Options of `bench sim`.
#[derive(Args, Debug)]
pub(crate) struct SimBenchOptions {
    /// What to run, separated by commas; the largest takes minutes and 6 GiB
    #[arg(
        long,
        env = "BRAIDCAST_BENCH_CASES",
        value_delimiter = ',',
        default_value = "coded-1000,gossipsub-1000,coded-10000",
        value_name = "CASES"
    )]
    cases: Vec<Case>,

    /// Print the result as one JSON object
    #[arg(long, env = "BRAIDCAST_BENCH_JSON")]
    json: bool,
}

/// One network: 1 MiB, mesh degree 8, 50 Mbit/s up, AWS regions, jitter, 1 % loss.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Case {
    /// 100 nodes, 64 shards: a second, to see that it works
    #[value(name = "coded-100")]
    Coded100,
    /// 1000 nodes, 64 shards
    #[value(name = "coded-1000")]
    Coded1000,
    /// 1000 nodes, whole messages
    #[value(name = "gossipsub-1000")]
    Gossipsub1000,
    /// 10,000 nodes, 64 shards
    #[value(name = "coded-10000")]
    Coded10000,
    /// 100,000 nodes, 16 shards
    #[value(name = "coded-100000")]
    Coded100000,
}

/// One measured run.
#[derive(Serialize, Debug)]
struct Row {
    case: String,
    nodes: usize,
    /// Events given to nodes, from their start to the last late copy.
    events: u64,
    events_per_s: f64,
    wall_s: f64,
    peak_rss_mib: Option<f64>,
}

/// Runs each case in a process of its own, so that one's memory is not another's.
pub(crate) fn run(options: &SimBenchOptions) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for case in &options.cases {
        rows.push(measure(*case)?);
        if let (false, Some(row)) = (options.json, rows.last()) {
            output::line(&row.shown());
        }
    }
    if options.json {
        output::line(&json!({ "rows": rows }).to_string());
    }
    Ok(())
}

fn measure(case: Case) -> anyhow::Result<Row> {
    let name = case.to_possible_value().context("a case without a name")?.get_name().to_owned();
    let program = std::env::current_exe().context("this program's path")?;
    let mut command = Command::new(program);
    command.args(["sim", "run", "scale", "--json"]);
    for setting in case.settings() {
        command.args(["--set", setting]);
    }
    let output = command.stderr(Stdio::inherit()).output().with_context(|| name.clone())?;
    if !output.status.success() {
        bail!("{name}: {}", output.status);
    }
    let run: RunResult = serde_json::from_slice(&output.stdout).with_context(|| name.clone())?;
    if run.delivery < 1.0 {
        bail!("{name}: delivery {}, must be 1", run.delivery);
    }
    Ok(Row {
        case: name,
        nodes: run.nodes,
        events: run.events,
        events_per_s: run.events as f64 / run.wall_s,
        wall_s: run.wall_s,
        peak_rss_mib: run.peak_rss_mib,
    })
}

impl Case {
    /// Over the shipped scenario `scale`.
    const fn settings(self) -> &'static [&'static str] {
        match self {
            Self::Coded100 => &["network.nodes=100"],
            Self::Coded1000 => &[],
            Self::Gossipsub1000 => &["protocol.mode=gossipsub"],
            Self::Coded10000 => &["network.nodes=10000"],
            Self::Coded100000 => &["network.nodes=100000", "protocol.coded.shard_factor=16"],
        }
    }
}

impl Row {
    fn shown(&self) -> String {
        let rss = self.peak_rss_mib.map_or_else(|| "-".to_owned(), |mib| format!("{mib:.0} MiB"));
        format!(
            "{:15} {:>9} events in {:>7.2} s, {:>7.0} per second, {rss} at most",
            self.case, self.events, self.wall_s, self.events_per_s
        )
    }
}
