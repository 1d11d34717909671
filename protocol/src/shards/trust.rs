//! Which topics were polluted lately.

use alloc::collections::BTreeMap;

use super::terms::Trust;
use crate::config::{CodedSettings, Integrity};
use crate::{Time, Topic};

/// Topics on which a decode failed, until when nothing unverified is mixed there.
#[derive(Debug, Default)]
pub(crate) struct Distrust {
    until: BTreeMap<Topic, Time>,
}

impl Distrust {
    /// What may be mixed for others on a topic.
    pub(crate) fn trust(&self, config: &CodedSettings, now: Time, topic: &Topic) -> Trust {
        let polluted = self.until.get(topic).is_some_and(|until| *until > now);
        match (config.integrity, polluted) {
            (Integrity::Optimistic, _) | (Integrity::Adaptive, false) => Trust::All,
            (Integrity::Verified, _) | (Integrity::Adaptive, true) => Trust::Verified,
        }
    }

    /// A decode on the topic failed.
    pub(crate) fn on_pollution(&mut self, config: &CodedSettings, now: Time, topic: &Topic) {
        self.until.insert(topic.clone(), now + config.distrust);
    }

    pub(crate) fn expire(&mut self, now: Time) {
        self.until.retain(|_, until| *until > now);
    }
}
