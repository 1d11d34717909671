//! The options of `braidcast sim`.

use std::path::PathBuf;

use braidcast_sim_scenarios::sweep::Shard;
use clap::{Args, Subcommand};

/// Simulate networks: scenarios, sweeps, reports
#[derive(Subcommand, Debug)]
pub(crate) enum SimCommand {
    /// List the shipped scenarios
    List,
    /// Run one scenario once (of a sweep the first point) and print what it found beside the bounds
    Run(RunOptions),
    /// Run every point of a scenario's sweep with every seed; goes on where it was interrupted
    Sweep(SweepOptions),
    /// Join the shards of a sweep
    Merge {
        /// Directories of the shards
        #[arg(required = true, value_name = "DIR")]
        dirs: Vec<PathBuf>,

        /// Where everything goes; may be one of them
        #[arg(long, env = "BRAIDCAST_SIM_OUT", value_name = "DIR")]
        out: PathBuf,
    },
    /// Make a report of a directory of results
    Report {
        /// Directory that sim sweep, sim merge or sim run --out wrote
        #[arg(value_name = "DIR")]
        dir: PathBuf,

        /// Write one HTML file that needs nothing else
        #[arg(long, env = "BRAIDCAST_SIM_HTML", value_name = "FILE", required_unless_present_any = ["svg", "markdown"])]
        html: Option<PathBuf>,

        /// Write the table as Markdown
        #[arg(long, env = "BRAIDCAST_SIM_MARKDOWN", value_name = "FILE")]
        markdown: Option<PathBuf>,

        /// Write the plots as SVG files
        #[arg(long, env = "BRAIDCAST_SIM_SVG", value_name = "DIR")]
        svg: Option<PathBuf>,
    },
    /// Run a stored result again, or a scenario twice, and find the first difference; exit code 1 if there is one
    Replay {
        /// A result (JSON), a scenario file, or the name of a shipped scenario
        #[arg(value_name = "RESULT|SCENARIO")]
        what: String,

        /// Seed of a scenario [default: its first]
        #[arg(long, env = "BRAIDCAST_SIM_SEED", value_name = "N")]
        seed: Option<u64>,
    },
    /// Store the trace hashes of the shipped scenarios, and print what changed
    Bless {
        /// Where they are
        #[arg(
            long,
            env = "BRAIDCAST_SIM_GOLDEN",
            default_value = "sim-scenarios/golden.toml",
            value_name = "FILE"
        )]
        file: PathBuf,
    },
}

/// Options of `sim run`.
#[derive(Args, Debug)]
pub(crate) struct RunOptions {
    /// What to run.
    #[command(flatten)]
    pub(crate) what: What,

    /// Seed [default: the scenario's first]
    #[arg(long, env = "BRAIDCAST_SIM_SEED", value_name = "N")]
    pub(crate) seed: Option<u64>,

    /// Print the result as one JSON object
    #[arg(long, env = "BRAIDCAST_SIM_JSON")]
    pub(crate) json: bool,

    /// Run twice and fail unless every event is the same
    #[arg(long, env = "BRAIDCAST_SIM_CHECK_DETERMINISM")]
    pub(crate) check_determinism: bool,

    /// Write the result to a directory that sim report reads, with the log of the first message's spread
    #[arg(long, env = "BRAIDCAST_SIM_OUT", value_name = "DIR", conflicts_with = "check_determinism")]
    pub(crate) out: Option<PathBuf>,
}

/// Options of `sim sweep`.
#[derive(Args, Debug)]
pub(crate) struct SweepOptions {
    /// What to run.
    #[command(flatten)]
    pub(crate) what: What,

    /// Where the results go
    #[arg(long, env = "BRAIDCAST_SIM_OUT", value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Worker threads [default: one per core]
    #[arg(long, env = "BRAIDCAST_SIM_JOBS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,

    /// Run one part of several: 0/4 to 3/4
    #[arg(long, env = "BRAIDCAST_SIM_SHARD", value_name = "I/N", default_value = "0/1", value_parser = shard)]
    pub(crate) shard: Shard,

    /// Record how the first message of each point spread, for the replay in the report
    #[arg(long, env = "BRAIDCAST_SIM_LOG")]
    pub(crate) log: bool,

    /// Write every delivery as Parquet, one file per run
    #[arg(long, env = "BRAIDCAST_SIM_PARQUET")]
    pub(crate) parquet: bool,
}

/// A scenario with settings over it.
#[derive(Args, Debug)]
pub(crate) struct What {
    /// A scenario file, or the name of a shipped scenario
    #[arg(value_name = "FILE|NAME")]
    pub(crate) scenario: String,

    /// Set a key over the file's, as network.loss=0.05; can be given several times
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    pub(crate) set: Vec<String>,
}

fn shard(text: &str) -> Result<Shard, String> {
    Shard::parse(text).ok_or_else(|| "must be I/N with I below N, as 0/4 to 3/4".to_owned())
}
