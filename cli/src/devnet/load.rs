//! Publishing on a devnet and checking what arrives, all through the nodes' gRPC sidecars.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use braidcast_sidecar::client::{Client, Commands, Response, Responses};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::network::Network;
use super::options::{Load, Plan};
use super::payload;
use super::tally::{Summary, Tally};

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Every delivery.
    pub(crate) tally: Tally,
    /// The numbers.
    pub(crate) summary: Summary,
    /// What nodes refused or how their streams broke.
    faults: Vec<String>,
}

/// What a node's stream brought.
#[derive(Debug)]
enum Heard {
    Delivery { node: usize, message: usize, at: Instant },
    Wrong { node: usize },
    Fault { node: usize, why: String },
}

impl Outcome {
    /// One line for each thing that is not as it should be.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.faults.iter().cloned().chain(self.tally.complaints()).collect()
    }
}

/// Publishes the load through the nodes in turn and waits until all has arrived or nothing more comes.
pub(crate) async fn run(network: &Network, plan: &Plan, load: &Load) -> anyhow::Result<Outcome> {
    let payloads: Arc<[Bytes]> =
        (0..load.count).map(|index| Bytes::from(payload::make(plan.seed, index, load.bytes))).collect();
    let (heard, mut hearing) = mpsc::channel(HEARD_MAX);
    let mut streams = Vec::with_capacity(plan.nodes);
    for (node, stack) in network.stacks.iter().enumerate() {
        let client = Client::connect(&stack.sidecar.to_string()).await?;
        let (commands, responses) = client.subscribe(&[plan.topic.as_str()]).await?;
        tokio::spawn(listen(node, responses, payloads.clone(), heard.clone()));
        streams.push(commands);
    }
    drop(heard);
    network.formed(&plan.topic).await?;
    let before = network.bytes_sent().await?;
    let mut run = Run { tally: Tally::new(load.count, plan.nodes), faults: Vec::new() };
    run.publish(plan, load, &payloads, &streams, &mut hearing).await?;
    let bytes_sent = network.bytes_sent().await? - before;
    Ok(Outcome { summary: run.tally.summary(plan, bytes_sent), tally: run.tally, faults: run.faults })
}

struct Run {
    tally: Tally,
    faults: Vec<String>,
}

impl Run {
    async fn publish(
        &mut self,
        plan: &Plan,
        load: &Load,
        payloads: &[Bytes],
        streams: &[Commands],
        hearing: &mut mpsc::Receiver<Heard>,
    ) -> anyhow::Result<()> {
        let start = Instant::now();
        for (index, payload) in payloads.iter().enumerate() {
            if let Some(rate) = load.rate {
                self.hear_until(start + Duration::from_secs_f64(index as f64 / rate), hearing).await;
            }
            self.tally.on_publish(index, Instant::now());
            let publishing = streams[index % streams.len()].publish(&plan.topic, payload.clone());
            publishing.await.with_context(|| format!("publish message {index}"))?;
            if load.rate.is_none() && !self.hear_all(index + 1, hearing).await {
                return Ok(());
            }
        }
        self.hear_all(payloads.len(), hearing).await;
        Ok(())
    }

    /// Takes what comes until a time.
    async fn hear_until(&mut self, deadline: Instant, hearing: &mut mpsc::Receiver<Heard>) {
        while let Ok(Some(heard)) = tokio::time::timeout_at(deadline.into(), hearing.recv()).await {
            self.on_heard(heard);
        }
    }

    /// Takes what comes until the first `count` messages are everywhere; `false` if they stopped coming.
    async fn hear_all(&mut self, count: usize, hearing: &mut mpsc::Receiver<Heard>) -> bool {
        while !self.tally.is_complete(count) {
            match tokio::time::timeout(SILENCE_MAX, hearing.recv()).await {
                Ok(Some(heard)) => self.on_heard(heard),
                Ok(None) | Err(_) => return false,
            }
            if !self.faults.is_empty() {
                return false;
            }
        }
        true
    }

    fn on_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Delivery { node, message, at } => self.tally.on_delivery(message, node, at),
            Heard::Wrong { node } => self.tally.on_wrong(node),
            Heard::Fault { node, why } => self.faults.push(format!("node {node}: {why}")),
        }
    }
}

/// Compares everything that a node's stream brings with what was published.
async fn listen(node: usize, mut responses: Responses, payloads: Arc<[Bytes]>, heard: mpsc::Sender<Heard>) {
    loop {
        let told = match responses.next().await {
            Ok(Some(Response::Message(message))) => {
                let at = Instant::now();
                match payload::index(&message.payload)
                    .filter(|index| payloads.get(*index) == Some(&message.payload))
                {
                    Some(message) => Heard::Delivery { node, message, at },
                    None => Heard::Wrong { node },
                }
            }
            Ok(Some(Response::Refused(refusal))) => Heard::Fault { node, why: refusal.error },
            Ok(Some(
                Response::Optimum(_) | Response::Gossipsub(_) | Response::Published(_) | Response::Other(_),
            )) => continue,
            Ok(None) => return,
            Err(error) => Heard::Fault { node, why: error.to_string() },
        };
        let is_over = matches!(told, Heard::Fault { .. });
        if heard.send(told).await.is_err() || is_over {
            return;
        }
    }
}

/// After this long without a delivery the rest counts as missed.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// Deliveries that wait to be counted.
const HEARD_MAX: usize = 4096;
