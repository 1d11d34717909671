//! A node of ours for a driver that measures nodes: see `interop/README.md`, "Benchmarks of processes".

mod lines;
mod options;
mod payload;

use std::time::Duration;

use anyhow::Context;
use braidcast_runtime_tokio::{Node, Subscription};
use bytes::Bytes;
use clap::Parser;
use serde_json::json;

use crate::lines::{Command, Event, Events, unix_ns};
use crate::options::Options;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let (events, writer) = lines::events();
    // One thread: on a machine that runs all nodes more would only be in each other's way.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ended = runtime.block_on(run(&options, events));
    // Its tasks hold senders of events, for which the writer waits.
    drop(runtime);
    writer.join().expect("the writer does not panic").context("standard output")?;
    ended
}

async fn run(options: &Options, events: Events) -> anyhow::Result<()> {
    let node = options.builder()?.start().await.context("start")?;
    let mut messages = node.subscribe(&options.topic).await?;
    let mut commands = lines::commands();
    let address = node.listen_addrs().into_iter().next().context("the node listens nowhere")?;
    events.send(Event::Ready { address }).await?;
    loop {
        tokio::select! {
            message = messages.next() => {
                let message = message.context("the node stopped by itself")?;
                // Its own messages have come by no other way than itself.
                if message.via != node.peer_id() {
                    events.send(delivery(&message.payload)).await?;
                }
            }
            command = commands.recv() => match command {
                Some(Ok(Command::Dial(address))) => {
                    if let Err(refused) = node.dial(&address).await {
                        events.send(Event::Log(refused.to_string())).await?;
                    }
                }
                Some(Ok(Command::Publish { size, id })) => publish(&node, options, (size, id), &events).await?,
                Some(Ok(Command::Stats)) => events.send(stats(&node, &messages).await?).await?,
                Some(Err(why)) => events.send(Event::Log(why)).await?,
                Some(Ok(Command::Quit)) | None => break,
            },
        }
    }
    node.shutdown(SHUTDOWN_MAX).await;
    Ok(())
}

async fn publish(
    node: &Node,
    options: &Options,
    (size, id): (usize, u64),
    events: &Events,
) -> anyhow::Result<()> {
    if size > options.message_bytes_max {
        let limit = options.message_bytes_max;
        events.send(Event::Log(format!("message {id}: size is {size} bytes, limit is {limit}"))).await?;
        return Ok(());
    }
    let payload = Bytes::from(payload::make(id, size));
    let published = Event::Published { id, unix_ns: unix_ns() };
    let event = match node.publish(&options.topic, payload).await {
        Ok(_content) => published,
        Err(refused) => Event::Log(format!("message {id}: {refused}")),
    };
    events.send(event).await?;
    Ok(())
}

fn delivery(payload: &[u8]) -> Event {
    let unix_ns = unix_ns();
    match payload::check(payload) {
        Some((id, true)) => Event::Deliver { id, unix_ns },
        Some((id, false)) => Event::Corrupt { id, unix_ns },
        None => Event::Log(format!("a message of {} bytes has no number", payload.len())),
    }
}

/// `peers` and `mesh` tell the driver whether the overlay is up; the rest is added up over the nodes.
async fn stats(node: &Node, messages: &Subscription) -> anyhow::Result<Event> {
    let now = node.snapshot().await?;
    let mesh = now.topics.first().map_or(0, |topic| topic.mesh.len());
    Ok(Event::Stats(json!({
        "peers": now.peers.len(),
        "mesh": mesh,
        "dropped": messages.dropped(),
        "undecoded": now.undecoded.len(),
        "frames_sent": now.counters.frames_sent,
        "bytes_sent": now.counters.bytes_sent,
        "frames_received": now.counters.frames_received,
        "bytes_received": now.counters.bytes_received,
    })))
}

/// How long a node says goodbye.
const SHUTDOWN_MAX: Duration = Duration::from_millis(500);
