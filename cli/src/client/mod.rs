//! The client of a node's sidecar: `p2p-client` and `braidcast client`.

pub(crate) mod lines;
pub(crate) mod options;
mod publish;
mod subscribe;
mod trace;

use anyhow::Context;
use braidcast_sidecar::client::{Client, ClientError};

use crate::exit::Failure;
use crate::output;
use crate::signals::StopSignals;
use options::{Action, Request};

/// Does what was asked and prints it as the vendor's client does.
pub(crate) fn run(request: &Request) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("tokio runtime")?;
    runtime.block_on(async {
        let mut signals = StopSignals::catch()?;
        output::note(&lines::connecting(&request.addr));
        let client = tokio::select! {
            connected = Client::connect(&request.addr) => connected.map_err(|error| fail("connect", &error))?,
            () = signals.next() => {
                output::line(lines::SHUTTING_DOWN);
                return Ok(());
            }
        };
        match &request.action {
            Action::Subscribe => subscribe::run(&client, &request.topic, &mut signals).await,
            Action::Publish { msg, count, sleep } => {
                let series = publish::Series { topic: &request.topic, msg, count: *count, sleep: *sleep };
                tokio::select! {
                    result = publish::run(&client, &series) => result,
                    () = signals.next() => {
                        output::line(lines::SHUTTING_DOWN);
                        Ok(())
                    }
                }
            }
        }
    })
}

/// Logs an error with its causes as Go's `log` would.
fn fail(what: &str, error: &ClientError) -> Failure {
    output::go_log(&format!("{what} error: {}", causes(error)));
    Failure::Reported
}

/// An error and what caused it, in one line.
fn causes(error: &ClientError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
