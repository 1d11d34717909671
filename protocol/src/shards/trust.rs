//! Which topics were polluted lately, and who is believed only what it vouches for.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::terms::Trust;
use crate::config::{CodedSettings, Integrity};
use crate::{LinkId, Time, Topic};

/// What follows from decodes that failed.
#[derive(Debug, Default)]
pub(crate) struct Distrust {
    /// Topics on which nothing unverified is mixed.
    topics: BTreeMap<Topic, Offences>,
    /// Neighbours that sent a wrong shard, perhaps deceived themselves, until when that counts.
    suspects: BTreeMap<LinkId, Time>,
    /// Neighbours to whom we sent a wrong shard, as they say, until when they take only what we vouch for.
    doubters: BTreeMap<LinkId, Time>,
}

/// Failed decodes on a topic.
#[derive(Clone, Copy, Debug)]
struct Offences {
    until: Time,
    /// How often it began.
    count: u32,
}

impl Distrust {
    /// What may be mixed for others on a topic.
    pub(crate) fn trust(&self, config: &CodedSettings, now: Time, topic: &Topic) -> Trust {
        match (config.integrity, self.is_polluted(now, topic)) {
            (Integrity::Optimistic, _) | (Integrity::Adaptive, false) => Trust::All,
            (Integrity::Verified, _) | (Integrity::Adaptive, true) => Trust::Verified,
        }
    }

    /// Whether a decode on the topic failed lately.
    pub(crate) fn is_polluted(&self, now: Time, topic: &Topic) -> bool {
        self.topics.get(topic).is_some_and(|offences| offences.until > now)
    }

    /// A decode on the topic failed. Each time after the first it counts for twice as long.
    pub(crate) fn on_pollution(&mut self, config: &CodedSettings, now: Time, topic: &Topic) {
        let offences = self.topics.entry(topic.clone()).or_insert(Offences { until: now, count: 0 });
        if offences.until <= now {
            offences.count = offences.count.saturating_add(1);
        }
        offences.until = now + offences.span(config.distrust);
    }

    /// A neighbour sent a wrong shard for which it had not vouched.
    pub(crate) fn suspect(&mut self, config: &CodedSettings, now: Time, link: LinkId) {
        self.suspects.insert(link, now + config.distrust);
    }

    pub(crate) fn is_suspect(&self, now: Time, link: LinkId) -> bool {
        self.suspects.get(&link).is_some_and(|until| *until > now)
    }

    /// A neighbour takes from us only what we vouch for.
    pub(crate) fn on_doubt(&mut self, config: &CodedSettings, now: Time, link: LinkId) {
        self.doubters.insert(link, now + config.distrust);
    }

    pub(crate) fn is_doubted_by(&self, link: LinkId) -> bool {
        self.doubters.contains_key(&link)
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.suspects.remove(&link);
        self.doubters.remove(&link);
    }

    /// A topic's offences are remembered for as long again as they counted. Gives those who no longer doubt.
    pub(crate) fn expire(&mut self, config: &CodedSettings, now: Time) -> Vec<LinkId> {
        self.topics.retain(|_, offences| offences.until + offences.span(config.distrust) > now);
        self.suspects.retain(|_, until| *until > now);
        let over = self.doubters.iter().filter(|(_, until)| **until <= now).map(|(link, _)| *link).collect();
        self.doubters.retain(|_, until| *until > now);
        over
    }
}

impl Offences {
    fn span(self, first: Duration) -> Duration {
        first.saturating_mul(1 << self.count.saturating_sub(1).min(DOUBLINGS_MAX))
    }
}

/// How often the time of distrust is doubled: to 16 times.
const DOUBLINGS_MAX: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distrust_lasts_longer_with_each_offence_and_is_forgotten() {
        let config = CodedSettings { distrust: Duration::from_secs(600), ..CodedSettings::default() };
        let (mut distrust, topic) = (Distrust::default(), Topic::new("t"));
        let at = |seconds| Time::EPOCH + Duration::from_secs(seconds);
        distrust.on_pollution(&config, at(0), &topic);
        assert_eq!(distrust.trust(&config, at(599), &topic), Trust::Verified);
        assert_eq!(distrust.trust(&config, at(600), &topic), Trust::All);
        distrust.expire(&config, at(601));
        distrust.on_pollution(&config, at(700), &topic);
        assert!(distrust.is_polluted(at(1899), &topic) && !distrust.is_polluted(at(1900), &topic));
        distrust.expire(&config, at(3100));
        distrust.on_pollution(&config, at(3100), &topic);
        assert!(!distrust.is_polluted(at(3700), &topic), "it began anew");
    }

    #[test]
    fn who_doubts_us_does_so_for_ten_minutes_from_the_last_time() {
        let config = CodedSettings { distrust: Duration::from_secs(600), ..CodedSettings::default() };
        let (mut distrust, link) = (Distrust::default(), LinkId::new(1));
        let at = |seconds| Time::EPOCH + Duration::from_secs(seconds);
        distrust.on_doubt(&config, at(0), link);
        distrust.on_doubt(&config, at(100), link);
        assert_eq!(distrust.expire(&config, at(699)), []);
        assert!(distrust.is_doubted_by(link) && !distrust.is_doubted_by(LinkId::new(2)));
        assert_eq!(distrust.expire(&config, at(700)), [link]);
        assert!(!distrust.is_doubted_by(link));
    }
}
