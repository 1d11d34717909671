//! `braidcast bench node`.

use std::process::Command;

use anyhow::Context;
use braidcast_bench::node::{self, Comparison, Load, Plan, Subject, Transport};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::exit::Failure;
use crate::output;

/// Options of `bench node`.
#[derive(Args, Debug)]
pub(crate) struct NodeOptions {
    /// What to compare with [default: nothing]
    #[arg(long, env = "BRAIDCAST_BENCH_BASELINE", value_enum)]
    baseline: Option<Baseline>,

    /// How our nodes send messages
    #[arg(long, env = "BRAIDCAST_BENCH_MODE", value_enum, default_value_t = ModeName::Gossipsub)]
    mode: ModeName,

    /// How nodes are linked; a baseline has TCP alone
    #[arg(long, env = "BRAIDCAST_BENCH_TRANSPORT", value_enum, default_value_t = TransportName::Tcp)]
    transport: TransportName,

    /// Bytes of a message, 8 and more [default: 1024, then 1048576]
    #[arg(long, env = "BRAIDCAST_BENCH_SIZE", value_parser = clap::value_parser!(u32).range(8..=64 << 20), value_name = "BYTES")]
    size: Option<u32>,

    /// How many nodes
    #[arg(long, env = "BRAIDCAST_BENCH_NODES", default_value_t = 8, value_parser = clap::value_parser!(u16).range(5..=64))]
    nodes: u16,

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

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum ModeName {
    /// Whole
    Gossipsub,
    /// As coded shards
    Optimum,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum TransportName {
    /// TCP, Noise and Yamux
    Tcp,
    /// QUIC
    Quic,
}

/// Options of `bench network`.
#[derive(Args, Debug)]
pub(crate) struct NetworkOptions {
    /// Whose nodes
    #[arg(value_enum)]
    subject: SubjectName,
    /// How ours send messages
    #[arg(value_enum)]
    mode: ModeName,
    /// How ours are linked
    #[arg(value_enum)]
    transport: TransportName,
    /// How many nodes
    nodes: usize,
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

/// Measures each size; the last one's figures stand at the top of the JSON object.
pub(super) fn run(options: &NodeOptions) -> Result<(), Failure> {
    if options.baseline.is_some() && options.transport == TransportName::Quic {
        let line = "--transport is quic, but --baseline libp2p is measured over tcp alone";
        return Err(Failure::Usage(line.to_owned()));
    }
    let sizes = options.size.map_or_else(|| DEFAULT_SIZES.to_vec(), |size| vec![size as usize]);
    let mut rows: Vec<Comparison> = Vec::new();
    for size in sizes {
        rows.push(measure(options, size)?);
    }
    if !options.json {
        output::bytes(&[node::table(&rows).as_bytes()]);
    } else if let Some(last) = rows.last() {
        let Comparison { ours, baseline, ratio_cpu, .. } = last;
        let top = json!({ "ours": ours, "baseline": baseline, "ratio_cpu": ratio_cpu, "rows": rows });
        output::line(&top.to_string());
    }
    Ok(())
}

fn measure(options: &NodeOptions, size: usize) -> anyhow::Result<Comparison> {
    let mut load = Load::of(size);
    if options.quick {
        load.messages = (load.messages / 10).max(1);
    }
    let plan = options.mode.plan(options.transport, options.nodes.into(), load);
    let baseline = options.baseline.map(|Baseline::Libp2p| Subject::Libp2p);
    let rounds = if options.quick { 1 } else { ROUNDS };
    let program = std::env::current_exe().context("cannot find the own program")?;
    let launch = |subject, plan: &Plan| {
        let subject = match subject {
            Subject::Ours => "ours",
            Subject::Libp2p => "libp2p",
        };
        let [mode, transport] = [options.mode.to_possible_value(), options.transport.to_possible_value()]
            .map(|value| value.map_or_else(String::new, |value| value.get_name().to_owned()));
        let mut command = Command::new(&program);
        command.args(["bench", "network", subject, &mode, &transport]);
        let Load { bytes, messages, window } = plan.load;
        command.args([plan.nodes, bytes, messages, window].map(|number| number.to_string()));
        command
    };
    Ok(node::run(&plan, baseline, rounds, launch)?)
}

pub(super) fn run_network(options: &NetworkOptions) -> Result<(), Failure> {
    let &NetworkOptions { subject, mode, transport, nodes, bytes, messages, window } = options;
    let subject = match subject {
        SubjectName::Ours => Subject::Ours,
        SubjectName::Libp2p => Subject::Libp2p,
    };
    let plan = mode.plan(transport, nodes, Load { bytes, messages, window });
    let sample = node::run_network(subject, &plan).map_err(anyhow::Error::from)?;
    output::line(&json!(sample).to_string());
    Ok(())
}

impl ModeName {
    fn plan(self, transport: TransportName, nodes: usize, load: Load) -> Plan {
        let transport = match transport {
            TransportName::Tcp => Transport::Tcp,
            TransportName::Quic => Transport::Quic,
        };
        Plan { nodes, transport, coded: self == Self::Optimum, load }
    }
}

const DEFAULT_SIZES: [usize; 2] = [1 << 10, 1 << 20];

/// How often, each kind in turn.
const ROUNDS: usize = 5;
