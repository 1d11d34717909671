//! `braidcast bench`: reproducible measurements, with the baselines in the same run.

mod coding;
mod node;
mod sim;

use braidcast_coding::counting::CountingAllocator;
use clap::Subcommand;

use crate::exit::Failure;
use crate::output;

/// Counts, for `bench coding`, only while asked to.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// What to measure.
#[derive(Subcommand, Debug)]
pub(crate) enum BenchCommand {
    /// The erasure code, against its targets, other libraries and what the processor can do
    Coding(coding::CodingOptions),
    /// Processor time per delivered message, against another GossipSub, in turns
    Node(node::NodeOptions),
    /// One network of `bench node`, in this process
    #[command(hide = true)]
    Network(node::NetworkOptions),
    /// The simulator: events per second and memory, each network in a process of its own
    Sim(sim::SimBenchOptions),
}

/// Measures and prints. A target that is not met is a result, not a failure.
pub(crate) fn run(command: BenchCommand) -> Result<(), Failure> {
    if cfg!(debug_assertions) {
        output::note("this is a debug build: its figures mean little");
    }
    match command {
        BenchCommand::Coding(options) => coding::run(options),
        BenchCommand::Node(options) => node::run(&options)?,
        BenchCommand::Network(options) => node::run_network(&options)?,
        BenchCommand::Sim(options) => sim::run(&options)?,
    }
    Ok(())
}
