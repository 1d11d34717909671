//! A node without a network, and a sidecar over it on loopback.

#![allow(
    dead_code,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "each test file uses a part, and none is documentation or production code"
)]

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use braidcast_runtime_tokio::{
    ContentId, Counters, Message, MessageId, MessageRef, Mode, NodeError, PeerId, PublishError, Snapshot,
    SubscribeError, SystemUsage, Topic, TopicSnapshot, Trace, TraceRecord,
};
use braidcast_sidecar::client::{Client, Response, Responses};
use braidcast_sidecar::{Delivered, NodeApi, Options, ServeError, bind, serve};
use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

/// Publishes to its own subscribers only, as a node does that has no peers.
#[derive(Clone)]
pub struct FakeNode {
    mode: Mode,
    state: Arc<Mutex<State>>,
    published: watch::Sender<Vec<Published>>,
    /// While shut, publishers wait, as they do for a slow network.
    pub gate: watch::Sender<bool>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Published {
    pub topic: String,
    pub payload: Bytes,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<String, Vec<mpsc::Sender<Arc<Message>>>>,
    traces: Vec<mpsc::Sender<TraceRecord>>,
}

impl FakeNode {
    pub fn new(mode: Mode) -> Self {
        Self {
            mode,
            state: Arc::default(),
            published: watch::Sender::default(),
            gate: watch::Sender::new(true),
        }
    }

    /// Waits until this many messages were published, and gives them.
    pub async fn published(&self, count: usize) -> Vec<Published> {
        let mut published = self.published.subscribe();
        soon(published.wait_for(|list| list.len() >= count)).await.unwrap().clone()
    }

    fn join(&self, topic: &str) -> Result<(), SubscribeError> {
        if topic.is_empty() {
            return Err(SubscribeError::Empty);
        }
        let mut state = self.state.lock().unwrap();
        if !state.topics.contains_key(topic) {
            state.topics.insert(topic.to_owned(), Vec::new());
            state.trace(Trace::Join { topic: Topic::new(topic) });
        }
        Ok(())
    }
}

impl State {
    fn trace(&mut self, trace: Trace) {
        let record = TraceRecord { unix_ns: 1_757_586_484_746_035_127, trace: Arc::new(trace) };
        for listener in &self.traces {
            let _full_or_gone = listener.try_send(record.clone());
        }
    }
}

pub fn me() -> PeerId {
    PeerId::from_bytes(&[&[0, 36, 8, 1, 18, 32][..], &[7; 32]].concat()).unwrap()
}

impl NodeApi for FakeNode {
    type Messages = ReceiverStream<Arc<Message>>;
    type Traces = ReceiverStream<TraceRecord>;

    fn peer_id(&self) -> PeerId {
        me()
    }

    async fn publish(&self, topic: &str, payload: Bytes) -> Result<ContentId, NodeError> {
        if payload.len() > PAYLOAD_MAX {
            let (bytes, bytes_max) = (payload.len(), PAYLOAD_MAX);
            return Err(PublishError::TooLarge { bytes, bytes_max }.into());
        }
        self.gate.subscribe().wait_for(|open| *open).await.unwrap();
        self.join(topic).map_err(PublishError::Subscribe)?;
        let content = ContentId::of(&payload);
        let name = Topic::new(topic);
        let id = MessageId::of(&me(), 1);
        let names = MessageRef { id, content: Some(content), publisher: Some(me()), seqno: Some(1) };
        let message = Arc::new(Message::new(name.clone(), names, me(), payload.clone()));
        let mut state = self.state.lock().unwrap();
        state.trace(Trace::PublishMessage { content, topic: name.clone() });
        for subscriber in &state.topics[topic] {
            let _full_or_gone = subscriber.try_send(message.clone());
        }
        state.trace(Trace::DeliverMessage { content, topic: name, from: me() });
        drop(state);
        self.published.send_modify(|list| list.push(Published { topic: topic.to_owned(), payload }));
        Ok(content)
    }

    async fn subscribe(&self, topic: &str) -> Result<Self::Messages, NodeError> {
        self.join(topic)?;
        let (sender, receiver) = mpsc::channel(4096);
        self.state.lock().unwrap().topics.entry(topic.to_owned()).or_default().push(sender);
        Ok(ReceiverStream::new(receiver))
    }

    async fn traces(&self) -> Result<Self::Traces, NodeError> {
        let (sender, receiver) = mpsc::channel(4096);
        self.state.lock().unwrap().traces.push(sender);
        Ok(ReceiverStream::new(receiver))
    }

    async fn snapshot(&self) -> Result<Snapshot, NodeError> {
        let joined = |name: &String| TopicSnapshot { topic: Topic::new(name), mesh: vec![], peers: vec![] };
        Ok(Snapshot {
            peer_id: me(),
            mode: self.mode,
            listen: vec!["/ip4/127.0.0.1/tcp/7070".to_owned()],
            peers: vec![],
            topics: self.state.lock().unwrap().topics.keys().map(joined).collect(),
            seen: vec![],
            undecoded: vec![],
            counters: Counters::default(),
        })
    }
}

/// A sidecar on a free port of loopback.
pub struct Running {
    pub node: FakeNode,
    pub address: String,
    pub shutdown: CancellationToken,
    pub serving: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    pub async fn start() -> Self {
        Self::with(Mode::Optimum, Options::default()).await
    }

    pub async fn with(mode: Mode, options: Options) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (node, shutdown) = (FakeNode::new(mode), CancellationToken::new());
        let serving = serve(listener, node.clone(), SystemUsage::start(), options, shutdown.clone());
        Self { node, address, shutdown, serving: tokio::spawn(serving) }
    }

    pub async fn client(&self) -> Client {
        soon(Client::connect(&self.address)).await.unwrap()
    }
}

/// Everything awaited in these tests happens within this time, or the test has failed.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("it did not happen in time")
}

pub async fn next(responses: &mut Responses) -> Response {
    soon(responses.next()).await.unwrap().expect("the stream has ended")
}

/// The next message, whatever traces come before.
pub async fn next_message(responses: &mut Responses) -> Delivered {
    loop {
        if let Response::Message(message) = next(responses).await {
            return message;
        }
    }
}

/// The next answer in JSON, whatever comes before.
pub async fn next_refusal(responses: &mut Responses) -> braidcast_sidecar::Refusal {
    loop {
        if let Response::Refused(refusal) = next(responses).await {
            return refusal;
        }
    }
}

pub const PAYLOAD_MAX: usize = 32 << 20;
