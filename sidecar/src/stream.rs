//! One `ListenCommands` stream: commands in, messages and traces out. Source: compat 1.5, rules in brackets.
//!
//! Invariant S1: reading commands never waits for the client to read responses [6]; see [`Outbox`].
//! Invariant S2: the task belongs to the requests, not to the responses: it ends when there is nothing more
//! to read, so commands that were sent before a reset are still done [2].

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use braidcast_runtime_tokio::{ContentId, Message, Topic, Trace, TraceRecord};
use futures::{Stream, StreamExt};
use tokio::time::{Instant, sleep_until};
use tokio_stream::StreamMap;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::answer::{Published, Refusal};
use crate::node::NodeApi;
use crate::options::Options;
use crate::outbox::{Item, Outbox};
use crate::pb::proto::Request;

/// The task behind one stream.
pub(crate) struct StreamTask<N: NodeApi> {
    pub(crate) node: N,
    pub(crate) options: Arc<Options>,
    pub(crate) outbox: Outbox,
    pub(crate) listeners: Listeners<N>,
    /// The last message published here that no response has told of yet.
    pub(crate) unconfirmed: Option<(ContentId, String)>,
    pub(crate) shutdown: CancellationToken,
}

/// What the node tells this stream.
pub(crate) struct Listeners<N: NodeApi> {
    traces: Option<N::Traces>,
    topics: StreamMap<String, N::Messages>,
}

enum Heard {
    Message(Arc<Message>),
    Trace(TraceRecord),
}

/// How the reading of commands ended.
enum Reading {
    /// The client will send nothing more but still reads.
    HalfClosed,
    /// There is nobody left to answer.
    Gone,
    Stopping,
}

impl<N: NodeApi> StreamTask<N> {
    /// Runs until the client has left, or is answered after its half-close, or the sidecar stops.
    pub(crate) async fn run(mut self, requests: impl Stream<Item = Result<Request, Status>> + Unpin) {
        let reading = self.read(requests).await;
        let stopping = match reading {
            Reading::HalfClosed => self.finish().await,
            Reading::Gone => false,
            Reading::Stopping => true,
        };
        if self.outbox.dropped() > 0 {
            tracing::debug!(dropped = self.outbox.dropped(), "stream ended; its client was too slow");
        }
        if stopping {
            self.outbox.end_with(Status::unavailable("the node is stopping"));
        }
    }

    async fn read(&mut self, mut requests: impl Stream<Item = Result<Request, Status>> + Unpin) -> Reading {
        let shutdown = self.shutdown.clone();
        loop {
            tokio::select! {
                request = requests.next() => match request {
                    Some(Ok(request)) => crate::command::handle(self, request).await,
                    None => return Reading::HalfClosed,
                    // Reset, or a request that cannot be decoded: the stream is over in both directions.
                    Some(Err(status)) => {
                        tracing::debug!(%status, "stream failed");
                        return Reading::Gone;
                    }
                },
                heard = self.listeners.next() => self.pass_on(heard).await,
                () = shutdown.cancelled() => return Reading::Stopping,
            }
        }
    }

    /// After the half-close: subscribers are served until they leave; publishers get at least one response,
    /// then the stream ends [3]. Tells whether the sidecar is stopping.
    async fn finish(&mut self) -> bool {
        let shutdown = self.shutdown.clone();
        let deadline = Instant::now() + self.options.answer_after;
        let trace_may_come = self.options.traces;
        loop {
            let serving = !self.listeners.topics.is_empty();
            if self.unconfirmed.is_some() && !trace_may_come {
                self.confirm();
            }
            if self.unconfirmed.is_none() && !serving {
                return false;
            }
            tokio::select! {
                heard = self.listeners.next() => self.pass_on(heard).await,
                () = self.outbox.closed() => return false,
                () = sleep_until(deadline), if self.unconfirmed.is_some() => self.confirm(),
                () = shutdown.cancelled() => return true,
            }
        }
    }

    fn confirm(&mut self) {
        if let Some((content, topic)) = self.unconfirmed.take() {
            self.answer(&Published::new(content, &topic).to_json());
        }
    }

    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        tracing::debug!(code = refusal.code, command = refusal.command, "command refused");
        self.answer(&refusal.to_json());
    }

    fn answer(&mut self, json: &bytes::Bytes) {
        // Dropped and counted when there is no room: a client that does not read needs no answer [6].
        let _taken = self.outbox.offer(Item::Answer(json.clone()));
    }

    /// Waits for the node while responses go on flowing: publishers may have to wait for the network.
    /// `None` when the sidecar stops first.
    pub(crate) async fn while_listening<T>(&mut self, asked: impl Future<Output = T>) -> Option<T> {
        let shutdown = self.shutdown.clone();
        tokio::pin!(asked);
        loop {
            tokio::select! {
                answer = &mut asked => return Some(answer),
                heard = self.listeners.next() => self.pass_on(heard).await,
                () = shutdown.cancelled() => return None,
            }
        }
    }

    async fn pass_on(&mut self, heard: Heard) {
        match heard {
            Heard::Message(message) => {
                let _taken = self.outbox.offer(Item::Message(message));
            }
            Heard::Trace(record) => {
                if self.options.deliver_all
                    && let Trace::Join { topic } = record.trace.as_ref()
                {
                    self.listen_to_joined(topic).await;
                }
                if self.options.traces {
                    let confirmed = self.is_confirmed_by(&record.trace);
                    if self.outbox.offer(Item::Trace(record)) && confirmed {
                        self.unconfirmed = None;
                    }
                }
            }
        }
    }

    fn is_confirmed_by(&self, trace: &Trace) -> bool {
        let Some((waiting_for, _)) = &self.unconfirmed else { return false };
        matches!(trace, Trace::PublishMessage { content, .. } if content == waiting_for)
    }

    async fn listen_to_joined(&mut self, topic: &Topic) {
        // A topic that was left again meanwhile has nothing to listen to.
        if let Err(error) = self.listen(topic.as_str()).await {
            tracing::debug!(%error, "joined topic not followed");
        }
    }

    /// Listens to a topic, joining it; once only, however often it is asked for.
    pub(crate) async fn listen(&mut self, topic: &str) -> Result<(), braidcast_runtime_tokio::NodeError> {
        if !self.listeners.topics.contains_key(topic) {
            let messages = self.node.subscribe(topic).await?;
            self.listeners.topics.insert(topic.to_owned(), messages);
        }
        Ok(())
    }

    /// Stops listening to a topic; the node stays in it [8].
    pub(crate) fn ignore(&mut self, topic: &str) {
        self.listeners.topics.remove(topic);
    }

    /// Traces are listened to before the first command is done, so that JOIN and PUBLISH_MESSAGE are seen [5].
    pub(crate) async fn start_listening(&mut self) -> Result<(), braidcast_runtime_tokio::NodeError> {
        if self.listeners.traces.is_some() || !(self.options.traces || self.options.deliver_all) {
            return Ok(());
        }
        self.listeners.traces = Some(self.node.traces().await?);
        if self.options.deliver_all {
            for joined in self.node.snapshot().await?.topics {
                self.listen(joined.topic.as_str()).await?;
            }
        }
        Ok(())
    }
}

impl<N: NodeApi> Listeners<N> {
    pub(crate) fn none() -> Self {
        Self { traces: None, topics: StreamMap::new() }
    }

    /// The next thing told; pends while there is nothing to listen to. Traces first: they are what announces
    /// a message, and they are few when messages are many.
    async fn next(&mut self) -> Heard {
        poll_fn(|cx| {
            if let Some(traces) = &mut self.traces {
                match Pin::new(traces).poll_next(cx) {
                    Poll::Ready(Some(record)) => return Poll::Ready(Heard::Trace(record)),
                    Poll::Ready(None) => self.traces = None,
                    Poll::Pending => {}
                }
            }
            match Pin::new(&mut self.topics).poll_next(cx) {
                Poll::Ready(Some((_topic, message))) => Poll::Ready(Heard::Message(message)),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
