//! The `braidcast` command: composition root of the node, the clients and the tools.
//!
//! Called under another name (a link) it is that tool: `p2pnode`, `p2p-client`, `keygen`.

mod args;
#[cfg(feature = "bench")]
mod bench;
mod client;
mod config;
mod devnet;
mod exit;
mod go;
mod keys;
mod logging;
mod node;
mod output;
mod signals;
mod sim;
mod stack;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use braidcast_coding::kernel::{KERNEL_VARIABLE, Kernel};
use tracing::level_filters::LevelFilter;

use crate::args::{Cli, Command, CommonOptions, NodeAction, NodeCommand, P2pnode};
use crate::client::options::Request;
use crate::config::NodeConfig;
use crate::devnet::options::Plan;
use crate::exit::Failure;

fn main() -> ExitCode {
    match run(std::env::args_os().collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = failure.to_string();
            if !text.is_empty() {
                output::note(&text);
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(args: Vec<OsString>) -> Result<(), Failure> {
    // Here, since whoever codes first would panic.
    Kernel::from_environment().map_err(|error| Failure::Usage(format!("{KERNEL_VARIABLE}: {error}")))?;
    let name = args.first().map(Path::new).and_then(Path::file_stem).unwrap_or_default();
    match name.to_str() {
        Some("p2pnode") => match args::parse::<P2pnode>(&args::with_double_dashes(args))? {
            Some(P2pnode { common, node }) => run_node(&common, node),
            None => Ok(()),
        },
        Some("p2p-client") => {
            let text: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
            match Request::from_go(&text[0], &text[1..])? {
                Some(request) => client::run(&request),
                None => Ok(()),
            }
        }
        // The vendor's tool has no options; it is run in a folder beside `identity`.
        Some("keygen") => keys::generate(Path::new("../identity"), false),
        Some(_) | None => match args::parse::<Cli>(&args)? {
            Some(cli) => run_command(cli),
            None => Ok(()),
        },
    }
}

fn run_command(Cli { common, command }: Cli) -> Result<(), Failure> {
    match command {
        Command::Node(node) => run_node(&common, *node),
        Command::Client(command) => {
            let request = Request::from_clap(command)?;
            logging::start(&common, LevelFilter::WARN)?;
            client::run(&request)
        }
        Command::Keygen(options) => keys::generate(&options.identity_dir, false),
        Command::Devnet(options) => {
            let plan = Plan::check(&options)?;
            logging::start(&common, LevelFilter::WARN)?;
            devnet::run(&plan)
        }
        #[cfg(feature = "bench")]
        Command::Bench(command) => bench::run(command),
        Command::Sim(command) => {
            logging::start(&common, LevelFilter::WARN)?;
            sim::execute(command)
        }
    }
}

fn run_node(common: &CommonOptions, node: NodeCommand) -> Result<(), Failure> {
    match node.action {
        Some(NodeAction::GenerateKey { output_peer_id }) => {
            keys::generate(&node.identity_dir, output_peer_id)
        }
        Some(NodeAction::PeerId) => keys::print_peer_id(&node.identity_dir),
        None => {
            let config = NodeConfig::check(&node.options, node.identity_dir)?;
            logging::start(common, LevelFilter::INFO)?;
            node::run(&config)
        }
    }
}

/// The version and the commit it was built from.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BRAIDCAST_COMMIT"), ")");
