//! What each command does. Source: compat 1.3.

use braidcast_runtime_tokio::NodeError;
use bytes::Bytes;
use serde::Deserialize;

use crate::answer::Refusal;
use crate::node::NodeApi;
use crate::pb::command;
use crate::pb::proto::Request;
use crate::stream::StreamTask;

/// Does a command; what fails is answered, and the stream goes on.
pub(crate) async fn handle<N: NodeApi>(task: &mut StreamTask<N>, request: Request) {
    let Request { command: number, data, topic, jwt_token: _ } = request;
    if number == command::NONE {
        return;
    }
    if let Err(error) = task.start_listening().await {
        return task.refuse(&Refusal::of_node(&error, number, &topic));
    }
    match number {
        command::PUBLISH => publish(task, number, &topic, data).await,
        command::SUBSCRIBE => {
            // No acknowledgement: messages and traces simply start.
            if let Err(error) = task.listen(&topic).await {
                task.refuse(&Refusal::of_node(&error, number, &topic));
            }
        }
        command::UNSUBSCRIBE => task.ignore(&topic),
        command::PUBLISH_RANDOM => publish_random(task, &topic).await,
        command::PUBLISH_BATCH => publish_batch(task, &data).await,
        unknown => {
            let error = format!("there is no command {unknown}; known are 1, 2, 3, 5 and 6");
            task.refuse(&Refusal::new("unknown_command", &error, unknown, &topic));
        }
    }
}

/// Joins the topic if the node is not in it: the node does.
async fn publish<N: NodeApi>(task: &mut StreamTask<N>, number: i32, topic: &str, payload: Bytes) {
    let node = task.node.clone();
    let Some(published) = task.while_listening(node.publish(topic, payload)).await else { return };
    match published {
        Ok(content) => task.unconfirmed = Some((content, topic.to_owned())),
        Err(error) => {
            warn_if_stopped(&error);
            task.refuse(&Refusal::of_node(&error, number, topic));
        }
    }
}

async fn publish_random<N: NodeApi>(task: &mut StreamTask<N>, topic: &str) {
    let mut payload = vec![0; task.options.random_bytes];
    match getrandom::fill(&mut payload) {
        Ok(()) => publish(task, command::PUBLISH_RANDOM, topic, payload.into()).await,
        Err(error) => {
            let error = format!("no random bytes: {error}");
            task.refuse(&Refusal::new("no_entropy", &error, command::PUBLISH_RANDOM, topic));
        }
    }
}

/// `data` of a batch.
#[derive(Deserialize)]
struct Batch {
    messages: Vec<BatchEntry>,
}

#[derive(Deserialize)]
struct BatchEntry {
    topic: String,
    /// Standard base64.
    msg: String,
}

/// Entries are published in order; one that fails is answered and does not stop the others.
async fn publish_batch<N: NodeApi>(task: &mut StreamTask<N>, data: &[u8]) {
    let bad = |error: String, topic: &str| Refusal::new("bad_batch", &error, command::PUBLISH_BATCH, topic);
    let batch: Batch = match serde_json::from_slice(data) {
        Ok(batch) => batch,
        Err(error) => return task.refuse(&bad(format!("the batch is not as documented: {error}"), "")),
    };
    for entry in batch.messages {
        match base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &entry.msg) {
            Ok(payload) => publish(task, command::PUBLISH_BATCH, &entry.topic, payload.into()).await,
            Err(error) => task.refuse(&bad(format!("`msg` is not base64: {error}"), &entry.topic)),
        }
    }
}

fn warn_if_stopped(error: &NodeError) {
    if *error == NodeError::Stopped {
        tracing::warn!("a client publishes to a node that has stopped");
    }
}
