//! What one peer did.
//!
//! Spec: gossipsub v1.1 "The Score Function", P5 to P7; *RetainScore*. Deviation: of merits nothing is retained.

use alloc::collections::BTreeMap;
use core::net::IpAddr;

use super::counter::{Counter, ONE};
use super::parts::{PeerScore, ScoreParts};
use super::reputation::{self, Conduct};
use super::topic::TopicRecord;
use super::{Reputation, Score};
use crate::{Misdeed, PeerId, ScoreSettings, Time, Topic};

/// What one peer did, and what follows from it.
#[derive(Clone, Hash, Debug)]
pub(super) struct Record {
    /// When it is forgotten; `None` while there is a link.
    pub(super) forget_at: Option<Time>,
    /// The address that P6 counts; `None` for one that may hold any number.
    pub(super) address: Option<IpAddr>,
    pub(super) topics: BTreeMap<Topic, TopicRecord>,
    pub(super) conduct: Conduct,
    pub(super) application: Score,
    behaviour: Counter,
    slow: Counter,
    /// How many others at its address are too many.
    crowd: Counter,
    parts: ScoreParts,
    score: Score,
    reputation: Reputation,
}

impl Record {
    pub(super) fn new(now: Time) -> Self {
        Self {
            forget_at: None,
            address: None,
            topics: BTreeMap::new(),
            conduct: Conduct::new(now),
            application: Score::ZERO,
            behaviour: Counter::default(),
            slow: Counter::default(),
            crowd: Counter::default(),
            parts: ScoreParts::default(),
            score: Score::ZERO,
            reputation: Reputation::default(),
        }
    }

    pub(super) const fn is_linked(&self) -> bool {
        self.forget_at.is_none()
    }

    pub(super) const fn score(&self) -> Score {
        self.score
    }

    pub(super) const fn reputation(&self) -> Reputation {
        self.reputation
    }

    /// The record of a topic; `None` when there are too many.
    pub(super) fn topic_mut(&mut self, topic: &Topic, topics_max: usize) -> Option<&mut TopicRecord> {
        if !self.topics.contains_key(topic) {
            if self.topics.len() >= topics_max {
                return None;
            }
            self.topics.insert(topic.clone(), TopicRecord::default());
        }
        self.topics.get_mut(topic)
    }

    /// How many peers are at its address, itself included.
    pub(super) fn set_crowd(&mut self, settings: &ScoreSettings, peers: u32) {
        self.crowd = Counter::default();
        self.crowd.add(u64::from(peers.saturating_sub(settings.colocation.threshold)) * ONE);
    }

    /// A misdeed about data counts as P4 of its topic, all others as P7.
    pub(super) fn on_misdeed(
        &mut self,
        now: Time,
        misdeed: Misdeed,
        topic: Option<&Topic>,
        topics_max: usize,
    ) {
        self.conduct.on_bad(now);
        let topic = topic.filter(|_| misdeed.is_about_data());
        match topic.and_then(|topic| self.topic_mut(topic, topics_max)) {
            Some(record) => record.on_invalid(),
            None => self.behaviour.add(ONE),
        }
    }

    pub(super) const fn on_slow(&mut self) {
        self.slow.add(ONE);
    }

    pub(super) fn fade(&mut self, settings: &ScoreSettings) {
        let floor = settings.decay_to_zero;
        self.behaviour.fade(settings.behaviour.decay, floor);
        self.slow.fade(settings.slow.decay, floor);
        self.conduct.fade(&settings.reputation, floor);
        for (topic, record) in &mut self.topics {
            record.fade(settings, settings.of_topic(topic));
        }
    }

    /// The link is gone: what speaks for the peer goes, what speaks against it stays.
    pub(super) fn on_link_down(&mut self, settings: &ScoreSettings, now: Time) {
        for (topic, record) in &mut self.topics {
            if record.is_member() {
                record.leave_mesh(settings.of_topic(topic), now);
            }
            record.forget_merits();
        }
        self.topics.retain(|_, record| !record.is_blank());
        self.crowd = Counter::default();
        self.forget_at = Some(now + settings.retain);
        self.refresh(settings, now);
    }

    /// Whether there is anything to remember.
    pub(super) fn is_blemished(&self) -> bool {
        !self.topics.is_empty() || !self.behaviour.is_zero() || !self.slow.is_zero()
    }

    /// Makes the score of the counts.
    pub(super) fn refresh(&mut self, settings: &ScoreSettings, now: Time) {
        self.reputation = self.conduct.reputation(&settings.reputation, now);
        let mut parts = ScoreParts {
            application: self.application.times(settings.application_weight),
            colocation: self.crowd.squared().times(settings.colocation.weight),
            behaviour: self.behaviour.penalty_squared(&settings.behaviour),
            slow: self.slow.penalty(&settings.slow),
            ..ScoreParts::default()
        };
        if self.conduct.is_observed(&settings.reputation) {
            parts.reputation = reputation::points(&settings.reputation, self.reputation);
        }
        for (topic, record) in &self.topics {
            parts += record.parts(settings.of_topic(topic), now);
        }
        self.score = parts.total(settings.topics_cap);
        self.parts = parts;
    }

    /// After something that speaks against the peer: the score may only fall.
    pub(super) fn blame(&mut self, settings: &ScoreSettings, now: Time) {
        let before = self.score;
        self.refresh(settings, now);
        self.score = self.score.min(before);
    }

    pub(super) fn describe(&self, settings: &ScoreSettings, peer: PeerId) -> PeerScore {
        PeerScore {
            peer,
            linked: self.is_linked(),
            score: self.score,
            parts: self.parts,
            reputation: self.reputation,
            observed: self.conduct.is_observed(&settings.reputation),
        }
    }
}
