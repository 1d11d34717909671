//! Who delivered what when, and how it came there.

use std::collections::BTreeMap;
use std::time::Duration;

use braidcast_protocol::rpc::Rpc;
use braidcast_protocol::{CodingId, ContentId, MessageId, MessageIds, MessageRef, Time, Topic};
use bytes::Bytes;

/// One node has a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Delivery {
    /// Which node.
    pub node: usize,
    /// How often it had been restarted by then.
    pub life: u32,
    /// When.
    pub at: Time,
}

/// A published message and where it arrived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// Its topic.
    pub topic: Topic,
    /// The node that published it.
    pub publisher: usize,
    /// When.
    pub at: Time,
    /// What was published.
    pub payload: Bytes,
    /// What clients call it.
    pub content: ContentId,
    /// Every delivery, the publisher's own included, in order of time.
    pub deliveries: Vec<Delivery>,
    /// Of each node the links on the shortest known way, plus one; 0 is never.
    hops: Vec<u16>,
    /// Of each node the number of the last life in which it had the message, plus one; 0 is never.
    lives: Vec<u32>,
}

impl Published {
    /// From publication to the delivery by which `share_percent` of all nodes had it; `None` if that many
    /// never had it. Counts a node once, however often it was restarted.
    pub fn time_to(&self, share_percent: usize) -> Option<Duration> {
        let wanted = (self.lives.len() * share_percent).div_ceil(100);
        let mut first = vec![true; self.lives.len()];
        let mut times = self.deliveries.iter().filter(|delivery| std::mem::take(&mut first[delivery.node]));
        times.nth(wanted.checked_sub(1)?).map(|delivery| delivery.at.since(self.at))
    }

    /// Links on the way by which a node was first sent anything of it; 0 for the publisher, `None` when it never was.
    pub fn hops(&self, node: usize) -> Option<u16> {
        self.hops.get(node)?.checked_sub(1)
    }

    /// Whether a node has delivered it in its present or an earlier life.
    pub fn reached(&self, node: usize) -> bool {
        self.lives.get(node).is_some_and(|life| *life > 0)
    }
}

/// What was wrong with a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DeliveryFault {
    Unknown,
    Altered,
    Repeated,
}

/// A shard or a whole copy of a message that came to a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShardArrival {
    /// When the node took it in.
    pub at: Time,
    /// Who sent it.
    pub from: u32,
    /// Who received it.
    pub to: u32,
    /// Whether it told anything new.
    pub useful: bool,
}

/// All messages of a run.
#[derive(Debug, Default)]
pub(crate) struct Record {
    messages: Vec<Published>,
    by_id: BTreeMap<MessageId, usize>,
    by_coding: BTreeMap<CodingId, usize>,
    /// The message whose arrivals are kept, and they.
    spread: (Option<usize>, Vec<ShardArrival>),
}

impl Record {
    /// Notes a publication by `publisher` among `nodes` nodes.
    pub(crate) fn publish(
        &mut self,
        message: &MessageRef,
        (publisher, nodes): (usize, usize),
        at: Time,
        topic: &Topic,
        payload: Bytes,
    ) {
        let published = Published {
            topic: topic.clone(),
            publisher,
            at,
            content: message.content_of(&payload),
            payload,
            deliveries: Vec::new(),
            hops: vec![0; nodes],
            lives: vec![0; nodes],
        };
        self.by_id.insert(message.id.clone(), self.messages.len());
        self.messages.push(published);
        if let Some(published) = self.messages.last_mut() {
            published.hops[publisher] = 1;
        }
    }

    pub(crate) fn get(&self, id: &MessageId) -> Option<&Published> {
        self.messages.get(*self.by_id.get(id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&MessageId, &Published)> {
        self.by_id.iter().map(|(id, at)| (id, &self.messages[*at]))
    }

    pub(crate) fn log_spread(&mut self, id: &MessageId) {
        self.spread = (self.by_id.get(id).copied(), Vec::new());
    }

    pub(crate) fn spread(&self) -> &[ShardArrival] {
        &self.spread.1
    }

    /// Notes that a frame with a body reached a node; the number of the message that it is of, if that is known.
    pub(crate) fn on_arrival(&mut self, from: u32, to: u32, rpc: &Rpc) -> Option<usize> {
        for header in &rpc.coded.headers {
            let ids = [MessageIds::Origin, MessageIds::Content].map(|scheme| header.message_id(scheme));
            if let Some(at) = ids.iter().find_map(|id| self.by_id.get(id)) {
                self.by_coding.insert(header.id(), *at);
            }
        }
        let message = match (rpc.coded.shards.first(), rpc.publish.first()) {
            (Some(shard), _) => *self.by_coding.get(&shard.message)?,
            (None, Some(message)) => *self
                .by_id
                .get(&message.id(MessageIds::Origin))
                .or_else(|| self.by_id.get(&message.id(MessageIds::Content)))?,
            (None, None) => return None,
        };
        let hops = &mut self.messages[message].hops;
        if hops[to as usize] == 0 {
            hops[to as usize] = hops[from as usize].saturating_add(1);
        }
        Some(message)
    }

    /// Keeps an arrival if its message is the one that is logged.
    pub(crate) fn log_arrival(&mut self, message: usize, arrival: ShardArrival) {
        if self.spread.0 == Some(message) {
            self.spread.1.push(arrival);
        }
    }

    /// Checks a delivery against what was published: the same bytes, and once in a life.
    pub(crate) fn deliver(
        &mut self,
        id: &MessageId,
        topic: &Topic,
        payload: &Bytes,
        delivery: Delivery,
    ) -> Result<(), DeliveryFault> {
        let at = *self.by_id.get(id).ok_or(DeliveryFault::Unknown)?;
        let message = &mut self.messages[at];
        if message.payload != payload || message.topic != *topic {
            return Err(DeliveryFault::Altered);
        }
        let life = &mut message.lives[delivery.node];
        if std::mem::replace(life, delivery.life + 1) == delivery.life + 1 {
            return Err(DeliveryFault::Repeated);
        }
        message.deliveries.push(delivery);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use braidcast_protocol::PeerId;

    use super::*;

    fn record() -> (Record, MessageRef, Topic) {
        let (peer, topic) = (PeerId::from_bytes(b"p").unwrap(), Topic::new("t"));
        let payload = Bytes::from_static(b"abc");
        let message = MessageRef {
            id: MessageId::of(&peer, 1),
            content: Some(ContentId::of(&payload)),
            publisher: Some(peer),
            seqno: Some(1),
        };
        let mut record = Record::default();
        record.publish(&message, (0, 4), Time::from_nanos(100), &topic, payload);
        (record, message, topic)
    }

    fn at(node: usize, life: u32, nanos: u64) -> Delivery {
        Delivery { node, life, at: Time::from_nanos(nanos) }
    }

    #[test]
    fn altered_unknown_and_repeated_deliveries_are_found() {
        let (mut record, message, topic) = record();
        let good = Bytes::from_static(b"abc");
        let mut deliver = |id: &MessageId, topic: &Topic, data: &Bytes, life| {
            record.deliver(id, topic, data, at(1, life, 200))
        };
        assert_eq!(deliver(&message.id, &topic, &Bytes::from_static(b"abd"), 0), Err(DeliveryFault::Altered));
        assert_eq!(deliver(&message.id, &Topic::new("u"), &good, 0), Err(DeliveryFault::Altered));
        assert_eq!(deliver(&MessageId::from_bytes(b"x"), &topic, &good, 0), Err(DeliveryFault::Unknown));
        assert_eq!(deliver(&message.id, &topic, &good, 0), Ok(()));
        assert_eq!(deliver(&message.id, &topic, &good, 0), Err(DeliveryFault::Repeated));
        // A restarted node has forgotten it.
        assert_eq!(deliver(&message.id, &topic, &good, 1), Ok(()));
    }

    #[test]
    fn times_are_from_publication_and_count_each_node_once() {
        let (mut record, message, topic) = record();
        let payload = Bytes::from_static(b"abc");
        for delivery in [at(0, 0, 100), at(1, 0, 130), at(1, 1, 140), at(2, 0, 160)] {
            record.deliver(&message.id, &topic, &payload, delivery).unwrap();
        }
        let published = record.get(&message.id).unwrap();
        let nanos = |share| published.time_to(share).map(|time| time.as_nanos());
        assert_eq!(
            [nanos(25), nanos(50), nanos(51), nanos(75), nanos(76)],
            [Some(0), Some(30), Some(60), Some(60), None]
        );
        assert!(published.reached(2) && !published.reached(3) && !published.reached(9));
    }
}
