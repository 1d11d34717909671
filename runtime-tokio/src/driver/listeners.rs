//! Who gets what the core delivers and traces.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use braidcast_protocol::{RpcMeta, Topic, Trace};

use crate::handle::{Message, Subscription, TraceRecord, Traces};
use crate::queue::{Feed, QueueBounds, bounded};

/// The driver's ends of all subscriptions and trace streams.
#[derive(Debug)]
pub(super) struct Listeners {
    bounds: QueueBounds,
    topics: HashMap<Topic, Vec<Feed<Arc<Message>>>>,
    traces: Vec<Feed<TraceRecord>>,
}

impl Listeners {
    pub(super) fn new(bounds: QueueBounds) -> Self {
        Self { bounds, topics: HashMap::new(), traces: Vec::new() }
    }

    pub(super) fn subscribe(&mut self, topic: Topic) -> Subscription {
        let (feed, listener) = bounded(self.bounds);
        let feeds = self.topics.entry(topic).or_default();
        // Here and not only at delivery: a silent topic must not collect those that have left.
        feeds.retain(|feed| !feed.is_closed());
        feeds.push(feed);
        listener
    }

    /// Ends all subscriptions of a topic.
    pub(super) fn leave(&mut self, topic: &Topic) {
        self.topics.remove(topic);
    }

    pub(super) fn deliver(&mut self, message: Message) {
        let Some(feeds) = self.topics.get_mut(&message.topic) else { return };
        let message = Arc::new(message);
        let bytes = message.payload.len();
        feeds.retain(|feed| feed.offer(bytes, message.clone()));
        if feeds.is_empty() {
            self.topics.remove(&message.topic);
        }
    }

    pub(super) fn trace(&mut self, trace: Trace) {
        let bytes = trace_bytes(&trace);
        let record = TraceRecord { unix_ns: unix_ns(), trace: Arc::new(trace) };
        self.traces.retain(|feed| feed.offer(bytes, record.clone()));
    }

    pub(super) fn add_traces(&mut self) -> Traces {
        let (feed, listener) = bounded(self.bounds);
        self.traces.retain(|feed| !feed.is_closed());
        self.traces.push(feed);
        listener
    }

    /// Whether anybody listens to traces.
    pub(super) fn tracing(&self) -> bool {
        !self.traces.is_empty()
    }
}

/// Nanoseconds since 1970; 0 on a machine whose clock is before that.
fn unix_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// What a trace event takes in memory, about.
fn trace_bytes(trace: &Trace) -> usize {
    let lists = match trace {
        Trace::RecvRpc { meta, .. } | Trace::SendRpc { meta, .. } | Trace::DropRpc { meta, .. } => {
            meta_bytes(meta)
        }
        Trace::NewShard(shard)
        | Trace::DuplicateShard(shard)
        | Trace::UnhelpfulShard(shard)
        | Trace::UnnecessaryShard(shard) => shard.coefficients.len(),
        Trace::PublishMessage { .. }
        | Trace::RejectMessage { .. }
        | Trace::DuplicateMessage { .. }
        | Trace::DeliverMessage { .. }
        | Trace::AddPeer { .. }
        | Trace::RemovePeer { .. }
        | Trace::Join { .. }
        | Trace::Leave { .. }
        | Trace::Graft { .. }
        | Trace::Prune { .. }
        | Trace::PollutedMessage { .. }
        | Trace::Misbehaved { .. }
        | Trace::ExpiredMessage { .. } => 0,
    };
    size_of::<Trace>() + lists
}

fn meta_bytes(meta: &RpcMeta) -> usize {
    let ids = meta.ihave.iter().map(|(_, ids)| ids.len()).sum::<usize>()
        + meta.iwant.iter().chain(&meta.idontwant).map(Vec::len).sum::<usize>();
    let names = meta.messages.len()
        + meta.shards.len()
        + meta.subscriptions.len()
        + meta.ihave.len()
        + meta.graft.len()
        + meta.prune.len();
    (ids + names) * ENTRY_BYTES
}

/// A message id with its place in a list; topics and digests are smaller.
const ENTRY_BYTES: usize = 64;
