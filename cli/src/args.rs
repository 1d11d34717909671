//! The command line: `braidcast COMMAND`, and `p2pnode` by that name.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

#[cfg(feature = "bench")]
use crate::bench::BenchCommand;
use crate::client::options::ClientCommand;
use crate::config::{NodeOptions, file};
use crate::devnet::options::DevnetOptions;
use crate::exit::Failure;
use crate::sim::options::SimCommand;
use crate::{VERSION, output};

/// Publish/subscribe network of GossipSub meshes that carry network-coded shards
///
/// Every option is a flag, an environment variable and a key in the TOML file of --config (the flag's name with
/// underscores; options of a command other than `node` in a table of its name). A flag goes before the
/// environment, the environment before the file. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
#[derive(Parser, Debug)]
#[command(name = "braidcast", version = VERSION, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What all commands take.
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Run one node of the network
#[derive(Parser, Debug)]
#[command(name = "p2pnode", version = VERSION)]
pub(crate) struct P2pnode {
    /// What all commands take.
    #[command(flatten)]
    pub(crate) common: CommonOptions,
    /// The node.
    #[command(flatten)]
    pub(crate) node: NodeCommand,
}

/// Options of all commands.
#[derive(Args, Clone, Debug)]
pub(crate) struct CommonOptions {
    /// TOML file with options
    #[arg(long, env = "BRAIDCAST_CONFIG", value_name = "FILE", global = true, display_order = 1000)]
    config: Option<PathBuf>,

    /// Logs to show on stderr: debug, info, warn or error [default: info for nodes, else warn]
    #[arg(
        long,
        env = "LOG_LEVEL",
        default_value = "",
        hide_default_value = true,
        value_name = "LEVEL",
        display_order = 1000,
        global = true
    )]
    pub(crate) log_level: String,

    /// Form of the logs: text or json
    #[arg(
        long,
        env = "LOG_FORMAT",
        default_value = "text",
        value_name = "FORM",
        global = true,
        display_order = 1000
    )]
    pub(crate) log_format: String,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Run one node of the network, or handle its identity
    Node(Box<NodeCommand>),
    /// Subscribe or publish through a node's gRPC sidecar
    #[command(subcommand)]
    Client(ClientCommand),
    /// Make the identity file unless it exists, and print its peer id
    Keygen(KeygenOptions),
    /// Run a whole network on this machine, with real sockets on loopback
    Devnet(DevnetOptions),
    /// Measure, with baselines in the same run
    #[cfg(feature = "bench")]
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Simulate networks: scenarios, sweeps, reports
    #[command(subcommand)]
    Sim(SimCommand),
}

/// A node, or what can be done with its identity.
#[derive(Args, Debug)]
pub(crate) struct NodeCommand {
    /// How it runs.
    #[command(flatten)]
    pub(crate) options: NodeOptions,

    /// Where the identity file p2p.key is; it is made if missing
    #[arg(long, env = "IDENTITY_DIR", default_value = "/identity", value_name = "DIR", global = true)]
    pub(crate) identity_dir: PathBuf,

    /// Instead of running.
    #[command(subcommand)]
    pub(crate) action: Option<NodeAction>,
}

/// What `node` does instead of running.
#[derive(Subcommand, Debug)]
pub(crate) enum NodeAction {
    /// Make the identity file unless it exists, and print its peer id
    GenerateKey {
        /// Print nothing but the peer id
        #[arg(long, env = "BRAIDCAST_OUTPUT_PEER_ID")]
        output_peer_id: bool,
    },
    /// Print the peer id of the identity file; fails if there is none
    PeerId,
}

/// Options of `keygen`.
#[derive(Args, Debug)]
pub(crate) struct KeygenOptions {
    /// Where the identity file p2p.key goes
    #[arg(long, env = "IDENTITY_DIR", default_value = "identity", value_name = "DIR")]
    pub(crate) identity_dir: PathBuf,
}

/// Parses a command line with environment and file; `None` when only help or the version was asked for.
pub(crate) fn parse<T: CommandFactory + FromArgMatches>(args: &[OsString]) -> Result<Option<T>, Failure> {
    let mut command = without_empty_variables(T::command());
    if let Some(path) = config_path(&command, args) {
        command = file::apply(command, &file::read(&path)?)?;
    }
    let parsed = command.try_get_matches_from(args).and_then(|matches| T::from_arg_matches(&matches));
    match parsed {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) => not_parsed(&error).map(|()| None),
    }
}

/// Help and version are no failures; a mistake is one line.
fn not_parsed(error: &clap::Error) -> Result<(), Failure> {
    let text = error.render().to_string();
    if !error.use_stderr() {
        output::bytes(&[text.as_bytes()]);
        return Ok(());
    }
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    Err(if is_help { Failure::Verbatim(text) } else { Failure::Usage(one_line(&text)) })
}

/// `--config` before anything else is known, since the file changes what is known.
fn config_path(command: &clap::Command, args: &[OsString]) -> Option<PathBuf> {
    let matches = command.clone().ignore_errors(true).try_get_matches_from(args).ok()?;
    let mut level = Some(&matches);
    let mut path = None;
    while let Some(matches) = level {
        path = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned().or(path);
        level = matches.subcommand().map(|(_, inner)| inner);
    }
    path
}

/// Compose files pass unset variables on as empty ones: those count as unset.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty =
        |arg: &clap::Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if is_empty(&arg) { arg.env(None::<&str>) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// What clap says about a mistake, up to its usage hint.
fn one_line(rendered: &str) -> String {
    let paragraph = rendered.split("\n\n").next().unwrap_or(rendered);
    let line = paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    format!("{}; --help shows what is allowed", line.strip_prefix("error: ").unwrap_or(&line))
}

/// Go tools take `-flag` for `--flag`; short flags have one letter.
pub(crate) fn with_double_dashes(args: Vec<OsString>) -> Vec<OsString> {
    let long = |arg: OsString| match arg.to_str() {
        Some(text) if text.len() > 2 && text.starts_with('-') && !text.starts_with("--") => {
            OsString::from(format!("-{text}"))
        }
        Some(_) | None => arg,
    };
    args.into_iter().map(long).collect()
}
