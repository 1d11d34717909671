//! What a run counted: traffic of each node, and who delivered what when.

use std::collections::BTreeMap;
use std::time::Duration;

use braidcast_protocol::{ContentId, MessageId, MessageRef, SendClass, Time, Topic, Trace};
use bytes::Bytes;

/// Traffic of one node since the network was built, restarts included.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct NodeStats {
    /// Control frames that left the uplink.
    pub control_frames: u64,
    /// Their length as charged, bytes.
    pub control_bytes: u64,
    /// Data frames that left the uplink.
    pub data_frames: u64,
    /// Their length as charged (bodies at their virtual size), bytes.
    pub data_bytes: u64,
    /// Payload and shard bytes that left the uplink, at their real size.
    pub body_bytes_sent: u64,
    /// Control frames that arrived.
    pub control_frames_received: u64,
    /// Their length as charged, bytes.
    pub control_bytes_received: u64,
    /// Data frames that arrived.
    pub data_frames_received: u64,
    /// Their length as charged, bytes.
    pub data_bytes_received: u64,
    /// Payload and shard bytes that arrived, at their real size.
    pub body_bytes_received: u64,
    /// The longest queue at the uplink, the frame on the line included, bytes as charged.
    pub queue_bytes_max: u64,
    /// The longest queue at the downlink, bytes as charged.
    pub downlink_bytes_max: u64,
    /// Frames that had to be sent again, counted once per retransmission.
    pub retransmissions: u64,
    /// Frames for this node that found the queue of its downlink full and were sent again.
    pub refused_frames: u64,
}

impl NodeStats {
    /// Counts what left the uplink: `last` for a frame's last piece, which counts its `body_bytes`.
    pub(crate) const fn count_sent(&mut self, class: SendClass, bytes: u64, last: bool, body_bytes: u64) {
        self.body_bytes_sent += body_bytes;
        let (frames, sum) = match class {
            SendClass::Control => (&mut self.control_frames, &mut self.control_bytes),
            SendClass::Data => (&mut self.data_frames, &mut self.data_bytes),
        };
        *frames += last as u64;
        *sum += bytes;
    }

    pub(crate) const fn count_received(&mut self, class: SendClass, bytes: u64, body_bytes: u64) {
        self.body_bytes_received += body_bytes;
        let (frames, sum) = match class {
            SendClass::Control => (&mut self.control_frames_received, &mut self.control_bytes_received),
            SendClass::Data => (&mut self.data_frames_received, &mut self.data_bytes_received),
        };
        *frames += 1;
        *sum += bytes;
    }
}

/// Something that a node told about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeTrace {
    /// When.
    pub at: Time,
    /// Which node.
    pub node: usize,
    /// What.
    pub what: Trace,
}

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

/// All messages of a run.
#[derive(Debug, Default)]
pub(crate) struct Record {
    messages: BTreeMap<MessageId, Published>,
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
            payload,
            content: message.content,
            deliveries: Vec::new(),
            lives: vec![0; nodes],
        };
        self.messages.insert(message.id.clone(), published);
    }

    pub(crate) fn get(&self, id: &MessageId) -> Option<&Published> {
        self.messages.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&MessageId, &Published)> {
        self.messages.iter()
    }

    /// Checks a delivery against what was published: the same bytes, and once in a life.
    pub(crate) fn deliver(
        &mut self,
        id: &MessageId,
        topic: &Topic,
        payload: &Bytes,
        delivery: Delivery,
    ) -> Result<(), DeliveryFault> {
        let message = self.messages.get_mut(id).ok_or(DeliveryFault::Unknown)?;
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
            content: ContentId::of(&payload),
            publisher: peer,
            seqno: 1,
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
