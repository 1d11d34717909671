//! What the application asks for: join, leave, publish. An error means that nothing has changed.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Node;
use crate::rpc::Subscription;
use crate::{
    Actions, ContentId, Dedup, LeaveError, LinkId, MessageId, MessageIds, MessageRef, PublishError,
    SubscribeError, Time, Topic,
};

impl Node {
    /// Joins a topic. Joining it again changes nothing.
    pub fn subscribe(&mut self, now: Time, topic: &Topic, out: &mut Actions) -> Result<(), SubscribeError> {
        if self.mesh.is_joined(topic) {
            return Ok(());
        }
        self.check_topic(topic)?;
        self.announce(topic, true);
        let (mut parts, mut cx) = self.split(now, out);
        for link in parts.mesh.join(&mut cx, topic) {
            parts.on_new_member(&mut cx, link, topic);
        }
        self.flush(now, out);
        Ok(())
    }

    /// Leaves a topic.
    pub fn unsubscribe(&mut self, now: Time, topic: &Topic, out: &mut Actions) -> Result<(), LeaveError> {
        if !self.mesh.is_joined(topic) {
            return Err(LeaveError::NotSubscribed { topic: topic.clone() });
        }
        self.announce(topic, false);
        let (parts, mut cx) = self.split(now, out);
        parts.mesh.leave(&mut cx, topic);
        self.flush(now, out);
        Ok(())
    }

    /// Publishes to a topic. If this node is in it, the message is also delivered here; if not, it goes to some of
    /// those who are (gossipsub v1.0, fanout).
    pub fn publish(
        &mut self,
        now: Time,
        topic: &Topic,
        payload: Bytes,
        out: &mut Actions,
    ) -> Result<MessageRef, PublishError> {
        self.check_name(topic)?;
        let (bytes, bytes_max) = (payload.len(), self.config.message_bytes_max);
        if bytes > bytes_max {
            return Err(PublishError::TooLarge { bytes, bytes_max });
        }
        self.check_backlog(topic, bytes)?;
        let by_content = self.config.message_ids == MessageIds::Content;
        let hashed = by_content || self.config.dedup == Dedup::Content;
        let content = hashed.then(|| ContentId::of(&payload));
        if by_content && content.is_some_and(|content| self.gossip.is_seen(&MessageId::of_content(&content)))
        {
            return Err(PublishError::Duplicate);
        }
        if !self.mesh.is_joined(topic) {
            let (mut parts, mut cx) = self.split(now, out);
            for link in parts.mesh.fan_out(&mut cx, topic) {
                parts.on_new_member(&mut cx, link, topic);
            }
        }
        let message = self.publish_checked(now, topic, payload, content, out);
        self.flush(now, out);
        Ok(message)
    }

    /// Refuses what could only be sent by losing something else.
    fn check_backlog(&self, topic: &Topic, bytes: usize) -> Result<(), PublishError> {
        let (waiting, unsent_bytes) = self.shards.unsent();
        if waiting > 0 && unsent_bytes + bytes > self.config.backlog_bytes_max {
            return Err(PublishError::Backlog { waiting });
        }
        let receivers = self.mesh.receivers(&self.links, topic);
        let outboxes = receivers.iter().filter_map(|link| self.links.get(*link));
        // With room at one of them the message is not lost.
        match outboxes.map(|link| link.backlog(&self.config)).min() {
            Some(Some(waiting)) => Err(PublishError::Backlog { waiting }),
            Some(None) | None => Ok(()),
        }
    }

    fn check_topic(&self, topic: &Topic) -> Result<(), SubscribeError> {
        self.check_name(topic)?;
        let topics_max = self.config.topics_max;
        match self.mesh.topic_count() < topics_max {
            true => Ok(()),
            false => Err(SubscribeError::TooMany { topics_max }),
        }
    }

    fn check_name(&self, topic: &Topic) -> Result<(), SubscribeError> {
        let (bytes, bytes_max) = (topic.as_str().len(), self.config.topic_bytes_max);
        match bytes {
            0 => Err(SubscribeError::Empty),
            _ if bytes > bytes_max => Err(SubscribeError::TooLong { bytes, bytes_max }),
            _ if !self.config.topic_filter.allows(topic) => {
                Err(SubscribeError::Filtered { topic: topic.clone() })
            }
            _ => Ok(()),
        }
    }

    fn announce(&mut self, topic: &Topic, subscribe: bool) {
        let links: Vec<LinkId> = self.links.iter().map(|(link, _)| link).collect();
        for link in links {
            if let Some(rpc) = self.links.control(link) {
                rpc.subscriptions.push(Subscription { subscribe, topic: topic.clone() });
            }
        }
    }
}
