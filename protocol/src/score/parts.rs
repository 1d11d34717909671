//! A score taken apart, for people.
//!
//! Spec: gossipsub v1.1 "The Score Function", *TopicScoreCap*.

use core::fmt;
use core::ops::AddAssign;

use super::{Reputation, Score};
use crate::PeerId;

/// What a score is made of, in points.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct ScoreParts {
    /// P1 of all topics.
    pub mesh_time: Score,
    /// P2 of all topics.
    pub first_deliveries: Score,
    /// P3 of all topics.
    pub mesh_deliveries: Score,
    /// P3b of all topics.
    pub mesh_failures: Score,
    /// P4 of all topics.
    pub invalid: Score,
    /// P5.
    pub application: Score,
    /// What the reputation adds.
    pub reputation: Score,
    /// P6.
    pub colocation: Score,
    /// P7.
    pub behaviour: Score,
    /// Messages that it did not read.
    pub slow: Score,
}

impl ScoreParts {
    /// The score: the topics' part has a cap.
    pub fn total(&self, topics_cap: Score) -> Score {
        let topics =
            self.mesh_time + self.first_deliveries + self.mesh_deliveries + self.mesh_failures + self.invalid;
        topics.min(topics_cap)
            + self.application
            + self.reputation
            + self.colocation
            + self.behaviour
            + self.slow
    }

    /// The parts by their names.
    pub fn named(&self) -> [(&'static str, Score); 10] {
        [
            ("mesh-time", self.mesh_time),
            ("first-deliveries", self.first_deliveries),
            ("mesh-deliveries", self.mesh_deliveries),
            ("mesh-failures", self.mesh_failures),
            ("invalid", self.invalid),
            ("application", self.application),
            ("reputation", self.reputation),
            ("colocation", self.colocation),
            ("behaviour", self.behaviour),
            ("slow", self.slow),
        ]
    }
}

impl AddAssign for ScoreParts {
    fn add_assign(&mut self, other: Self) {
        self.mesh_time += other.mesh_time;
        self.first_deliveries += other.first_deliveries;
        self.mesh_deliveries += other.mesh_deliveries;
        self.mesh_failures += other.mesh_failures;
        self.invalid += other.invalid;
        self.application += other.application;
        self.reputation += other.reputation;
        self.colocation += other.colocation;
        self.behaviour += other.behaviour;
        self.slow += other.slow;
    }
}

/// `-20.000000 (invalid -20.000000)`: the parts that are not zero.
impl fmt::Display for ScoreParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.named().into_iter().filter(|(_, points)| *points != Score::ZERO);
        for (number, (name, points)) in parts.enumerate() {
            write!(f, "{}{name} {points:?}", if number == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// What a node thinks of one peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerScore {
    /// Who.
    pub peer: PeerId,
    /// Whether there is a link to it now; if not, it is remembered.
    pub linked: bool,
    /// What decisions look at.
    pub score: Score,
    /// What it is made of, as of the last heartbeat or misdeed.
    pub parts: ScoreParts,
    /// 0 to 1.
    pub reputation: Reputation,
    /// Whether there are enough observations for anything to follow from the reputation.
    pub observed: bool,
}
