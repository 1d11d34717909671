//! Prints what a topic brings, until the node or the user ends it.

use braidcast_sidecar::client::{Client, Response};
use braidcast_sidecar::pb::proto;
use braidcast_sidecar::pb::proto::ResponseType;

use super::{fail, lines, trace};
use crate::exit::Failure;
use crate::go;
use crate::output;
use crate::signals::StopSignals;

/// Subscribes and prints until the stream ends, fails, or a signal comes.
pub(super) async fn run(client: &Client, topic: &str, signals: &mut StopSignals) -> Result<(), Failure> {
    output::note(&lines::trying(topic));
    let (_open_until_dropped, mut responses) =
        client.subscribe(&[topic]).await.map_err(|error| fail("subscribe", &error))?;
    output::line(&lines::subscribed(topic));
    let mut received = 0;
    let (end, result) = loop {
        let response = tokio::select! {
            response = responses.next_raw() => response,
            () = signals.next() => {
                output::line(lines::SHUTTING_DOWN);
                break ("Context canceled", Ok(()));
            }
        };
        match response {
            Ok(Some(response)) => print(response, &mut received),
            Ok(None) => break ("Stream closed", Ok(())),
            Err(error) => break ("Stream closed", Err(fail("recv", &error))),
        }
    };
    output::go_log(&format!("{end}. Total messages received: {received}"));
    result
}

/// Prints one response. Traces are taken as they came: what cannot be decoded is shown, not fatal.
fn print(response: proto::Response, received: &mut u64) {
    match ResponseType::try_from(response.command) {
        Ok(ResponseType::Message) => print_message(response, received),
        Ok(ResponseType::MessageTraceMumP2p) => print_lines(&trace::optimum(&response.data)),
        Ok(ResponseType::MessageTraceGossipSub) => print_lines(&trace::gossipsub(&response.data)),
        // The vendor's client says nothing; what a node refused should not go unnoticed.
        Ok(ResponseType::Unknown) => {
            if let Ok(Response::Refused(refusal)) = Response::parse(response) {
                output::go_log(&format!("refused by the node: {}", refusal.error));
            }
        }
        Err(_) => output::go_log(&format!("Unknown response command: {}", response.command)),
    }
}

fn print_lines(lines: &[String]) {
    lines.iter().for_each(|line| output::line(line));
}

fn print_message(response: proto::Response, received: &mut u64) {
    let now = go::time::unix_ns();
    match Response::parse(response) {
        Ok(Response::Message(message)) => {
            *received += 1;
            let head = lines::received(*received, now, message.payload.len());
            output::bytes(&[head.as_bytes(), &message.payload, b"\n\n"]);
        }
        // Only messages are handed over here, so nothing else comes out.
        Ok(_) => {}
        Err(error) => output::go_log(&format!("Error unmarshalling message: {error}")),
    }
}
