//! What handles ask for.

use std::ops::ControlFlow;

use braidcast_protocol::{ContentId, Event, PublishError, SubscribeError, Topic};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::Driver;
use super::stop::Stop;
use crate::handle::{Command, Subscription};
use crate::snapshot::{PeerSnapshot, Snapshot, TopicSnapshot};

/// A message that the core does not take yet.
#[derive(Debug)]
pub(super) struct Waiting {
    topic: Topic,
    payload: Bytes,
    reply: oneshot::Sender<Result<ContentId, PublishError>>,
}

impl Driver {
    /// Answers a command, or breaks off the loop. An answer that nobody waits for any more is dropped.
    pub(super) fn on_command(&mut self, command: Command) -> ControlFlow<Stop> {
        match command {
            Command::Publish { topic, payload, reply } => {
                // Behind those that wait already, so that one publisher's messages keep their order.
                self.waiting.push_back(Waiting { topic, payload, reply });
                self.publish_waiting();
            }
            Command::Join { topic, reply } => {
                let joined = self.core.subscribe(self.clock.now(), &topic, &mut self.out);
                self.perform();
                let _ = reply.send(joined);
            }
            Command::Subscribe { topic, reply } => {
                let _ = reply.send(self.subscribe(topic));
            }
            Command::Leave { topic, reply } => {
                let left = self.core.unsubscribe(self.clock.now(), &topic, &mut self.out);
                self.perform();
                if left.is_ok() {
                    self.listeners.leave(&topic);
                }
                let _ = reply.send(left);
            }
            Command::Traces { reply } => {
                let _ = reply.send(self.listeners.add_traces());
                self.out.set_tracing(true);
            }
            Command::Snapshot { reply } => {
                let _ = reply.send(self.snapshot());
            }
            Command::Dial { address, reply } => {
                let _ = reply.send(self.transport.dial(address));
            }
            Command::Judge { message, verdict, reply } => {
                self.input(Event::Judged { message, verdict });
                let _ = reply.send(());
            }
            Command::Rate { peer, score, reply } => {
                self.input(Event::Rated { peer, score });
                let _ = reply.send(());
            }
            Command::Shutdown { deadline: patience, reply } => {
                return ControlFlow::Break(Stop { patience, reply });
            }
        }
        ControlFlow::Continue(())
    }

    /// Publishes what the core takes now. What it refuses for its backlog waits for links to take some of that;
    /// its publisher waits with it, so at most one message per publishing task is held here.
    pub(super) fn publish_waiting(&mut self) {
        while let Some(Waiting { topic, payload, reply }) = self.waiting.pop_front() {
            if reply.is_closed() {
                continue;
            }
            match self.publish(&topic, payload.clone()) {
                Err(PublishError::Backlog { .. }) => {
                    self.waiting.push_front(Waiting { topic, payload, reply });
                    return;
                }
                published @ (Ok(_)
                | Err(
                    PublishError::TooLarge { .. } | PublishError::Duplicate | PublishError::Subscribe(_),
                )) => {
                    let _ = reply.send(published);
                }
            }
        }
    }

    fn publish(&mut self, topic: &Topic, payload: Bytes) -> Result<ContentId, PublishError> {
        let now = self.clock.now();
        let (bytes, bytes_max) = (payload.len(), self.config.message_bytes_max);
        if bytes > bytes_max {
            // The core would say so too, but only after the topic was joined for it.
            return Err(PublishError::TooLarge { bytes, bytes_max });
        }
        self.core.subscribe(now, topic, &mut self.out)?;
        let published = self.core.publish(now, topic, payload.clone(), &mut self.out);
        self.perform();
        let message = published?;
        self.counters.published += 1;
        Ok(message.content_of(&payload))
    }

    fn subscribe(&mut self, topic: Topic) -> Result<Subscription, SubscribeError> {
        self.core.subscribe(self.clock.now(), &topic, &mut self.out)?;
        // Before the join is performed, so nothing that comes of it is missed.
        let subscription = self.listeners.subscribe(topic);
        self.perform();
        Ok(subscription)
    }

    fn snapshot(&self) -> Snapshot {
        let core = self.core.snapshot();
        let peers = core.peers.into_iter().map(|peer| PeerSnapshot {
            peer: peer.peer,
            address: self.links.find(peer.link).map_or_else(String::new, |link| link.address.to_string()),
            protocol: peer.protocol,
            coded: peer.coded,
            rtt: peer.rtt,
            topics: peer.topics,
            score: peer.score,
        });
        let topics = core.topics.into_iter().map(|topic| TopicSnapshot {
            topic: topic.topic,
            mesh: topic.mesh,
            peers: topic.peers,
        });
        Snapshot {
            peer_id: self.me,
            mode: self.config.mode,
            listen: self.transport.listen_addrs().iter().map(ToString::to_string).collect(),
            peers: peers.collect(),
            topics: topics.collect(),
            seen: core.seen,
            undecoded: core.undecoded,
            counters: self.counters,
        }
    }
}
