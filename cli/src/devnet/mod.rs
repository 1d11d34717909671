//! A whole network in this process, with real sockets on loopback.

mod load;
mod network;
pub(crate) mod options;
mod payload;
mod tally;
mod watch;

use std::time::Duration;

use anyhow::Context;

use crate::exit::Failure;
use crate::output;
use crate::signals::StopSignals;
use network::Network;
use options::Plan;

/// Runs a devnet as planned: until everything was published and has arrived, or until a signal.
pub(crate) fn run(plan: &Plan) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().context("tokio runtime")?;
    let result = runtime.block_on(async {
        let mut signals = StopSignals::catch()?;
        tokio::select! {
            result = play(plan) => result,
            () = signals.next() => Ok(()),
        }
    });
    // Nodes that are still saying goodbye do not hold up the result.
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    result
}

async fn play(plan: &Plan) -> Result<(), Failure> {
    let network = Network::start(plan).await?;
    if !plan.once {
        for line in network.describe() {
            if plan.json { output::note(&line) } else { output::line(&line) }
        }
    }
    let mut failure = None;
    if let Some(load) = &plan.load {
        let outcome = load::run(&network, plan, load).await?;
        if plan.json {
            let text = serde_json::to_string(&outcome.summary).context("summary")?;
            output::line(&text);
        } else {
            outcome.tally.table().iter().for_each(|row| output::line(row));
            output::line(&outcome.summary.line());
        }
        let complaints = outcome.complaints();
        complaints.iter().for_each(|line| output::note(line));
        failure = (!complaints.is_empty()).then_some(Failure::Reported);
    }
    if plan.once {
        network.stop().await;
        return failure.map_or(Ok(()), Err);
    }
    output::note("running until Ctrl-C");
    std::future::pending().await
}

/// What is left of the nodes after this is cut off.
const RUNTIME_DEADLINE: Duration = Duration::from_secs(1);
