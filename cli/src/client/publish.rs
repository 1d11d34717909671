//! Publishes one message or a series, and waits until the node has taken them.

use std::time::{Duration, Instant};

use braidcast_sidecar::client::{Client, Commands, Response, Responses};
use braidcast_sidecar::pb::{command, proto};
use tokio::sync::oneshot;

use super::{fail, lines};
use crate::exit::Failure;
use crate::{go, output};

/// What to publish.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series<'a> {
    /// Where.
    pub(super) topic: &'a str,
    /// The text of a single message.
    pub(super) msg: &'a str,
    /// How many; above 1 they are random.
    pub(super) count: i64,
    /// Pause between two.
    pub(super) sleep: Duration,
}

/// Publishes all on one stream, half-closes it and waits for the node to end it.
pub(super) async fn run(client: &Client, series: &Series<'_>) -> Result<(), Failure> {
    if series.count < 1 {
        return Ok(());
    }
    // The first message opens the stream: some nodes answer nothing before they are told something.
    let first = series.payload(1)?;
    let start = Instant::now();
    let opening = client.open(vec![request(series.topic, &first)]).await;
    let (commands, responses) = opening.map_err(|error| fail("publish", &error))?;
    output::line(&lines::published(&first, series.topic, start.elapsed()));
    let (all_sent, after_last) = oneshot::channel();
    let sending = async {
        let sent = send_rest(commands, series).await;
        drop(all_sent);
        sent
    };
    let (sent, answered) = tokio::join!(sending, drain(responses, after_last));
    // Why a stream failed is known to its receiving half.
    answered.and(sent)
}

/// All but the first; half-closes the stream at the end.
async fn send_rest(commands: Commands, series: &Series<'_>) -> Result<(), Failure> {
    for number in 2..=series.count {
        tokio::time::sleep(series.sleep).await;
        let payload = series.payload(number)?;
        let start = Instant::now();
        let sent = commands.send(request(series.topic, &payload)).await;
        sent.map_err(|error| fail("publish", &error))?;
        output::line(&lines::published(&payload, series.topic, start.elapsed()));
    }
    Ok(())
}

impl Series<'_> {
    fn payload(&self, number: i64) -> Result<Vec<u8>, Failure> {
        let now = go::time::unix_ns();
        if self.count == 1 {
            return Ok(lines::payload(now, self.msg));
        }
        let random = getrandom::u32().map_err(|error| anyhow::anyhow!("random number: {error}"))?;
        Ok(lines::numbered_payload(now, number, random))
    }
}

fn request(topic: &str, payload: &[u8]) -> proto::Request {
    proto::Request {
        command: command::PUBLISH,
        data: payload.to_vec().into(),
        topic: topic.to_owned(),
        ..proto::Request::default()
    }
}

/// Reads until the node ends the stream or, after the last message, has nothing to say for long. Refusals are
/// logged and make it fail.
async fn drain(mut responses: Responses, mut after_last: oneshot::Receiver<()>) -> Result<(), Failure> {
    let mut result = Ok(());
    let mut is_last_sent = false;
    loop {
        // Other nodes may never end it, and what was sent long ago has arrived.
        let limit = if is_last_sent { SILENCE_MAX } else { Duration::MAX };
        let next = tokio::select! {
            next = tokio::time::timeout(limit, responses.next_raw()) => next,
            _ = &mut after_last, if !is_last_sent => {
                is_last_sent = true;
                continue;
            }
        };
        match next {
            Ok(Ok(Some(response))) => {
                if let Ok(Response::Refused(refusal)) = Response::parse(response) {
                    output::go_log(&format!("refused by the node: {}", refusal.error));
                    result = Err(Failure::Reported);
                }
            }
            Ok(Ok(None)) | Err(_) => return result,
            Ok(Err(error)) => return Err(fail("recv", &error)),
        }
    }
}

/// A node that has been silent for this long after the last message will not answer it any more.
const SILENCE_MAX: Duration = Duration::from_secs(10);
