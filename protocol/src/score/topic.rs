//! What one peer did in one topic.

use super::counter::Counter;
use super::parts::ScoreParts;
use crate::{ScoreSettings, Time, TopicScoreSettings};

/// What one peer did in one topic: P1 to P4.
#[derive(Clone, Hash, Default, Debug)]
pub(super) struct TopicRecord {
    /// Since when it has been in the mesh, as heartbeats saw it.
    mesh_since: Option<Time>,
    /// It sent a GRAFT for this membership.
    grafted: bool,
    first_deliveries: Counter,
    mesh_deliveries: Counter,
    mesh_failures: Counter,
    invalid: Counter,
}

impl TopicRecord {
    /// A heartbeat's look at the mesh.
    pub(super) fn set_in_mesh(&mut self, settings: &TopicScoreSettings, now: Time, member: bool) {
        match (self.mesh_since, member) {
            (None, true) => {
                self.mesh_since = Some(now);
                self.mesh_deliveries = Counter::default();
            }
            (Some(_), false) => self.leave_mesh(settings, now),
            (Some(_), true) | (None, false) => {}
        }
        self.grafted &= member;
    }

    /// P3b: a deficit does not end with the membership (gossipsub v1.1 "Mesh Message Delivery Rate").
    pub(super) fn leave_mesh(&mut self, settings: &TopicScoreSettings, now: Time) {
        let deficit = self.deficit(settings, now);
        self.mesh_failures.add(deficit.squared().millionths());
        self.mesh_since = None;
    }

    /// A GRAFT came from a member, or made it one; whether it is the first for this membership.
    pub(super) const fn on_graft(&mut self) -> bool {
        !core::mem::replace(&mut self.grafted, true)
    }

    pub(super) fn is_member(&self) -> bool {
        self.mesh_since.is_some()
    }

    /// We left the topic: whoever was in the mesh is not to blame.
    pub(super) const fn topic_left(&mut self) {
        self.mesh_since = None;
        self.grafted = false;
    }

    /// The first to bring a message, or its share of one.
    pub(super) fn on_first(&mut self, settings: &TopicScoreSettings, millionths: u64) {
        self.first_deliveries.add_up_to(millionths, settings.first_deliveries.cap);
        self.on_mesh_delivery(settings, millionths);
    }

    /// A member brought a message in time.
    pub(super) fn on_mesh_delivery(&mut self, settings: &TopicScoreSettings, millionths: u64) {
        if self.mesh_since.is_some() && settings.expects_deliveries() {
            self.mesh_deliveries.add_up_to(millionths, settings.mesh_deliveries.cap);
        }
    }

    pub(super) const fn on_invalid(&mut self) {
        self.invalid.add(super::counter::ONE);
    }

    pub(super) fn fade(&mut self, score: &ScoreSettings, settings: &TopicScoreSettings) {
        let floor = score.decay_to_zero;
        self.first_deliveries.fade(settings.first_deliveries.decay, floor);
        self.mesh_deliveries.fade(settings.mesh_deliveries.decay, floor);
        self.mesh_failures.fade(settings.mesh_failures.decay, floor);
        self.invalid.fade(settings.invalid.decay, floor);
    }

    /// Only what speaks against the peer is kept when it leaves, so that it cannot rest on old merits.
    pub(super) fn forget_merits(&mut self) {
        self.grafted = false;
        self.first_deliveries = Counter::default();
        self.mesh_deliveries = Counter::default();
    }

    pub(super) const fn is_blank(&self) -> bool {
        self.mesh_since.is_none()
            && !self.grafted
            && self.first_deliveries.is_zero()
            && self.mesh_deliveries.is_zero()
            && self.mesh_failures.is_zero()
            && self.invalid.is_zero()
    }

    /// P1 to P4, weighted.
    pub(super) fn parts(&self, settings: &TopicScoreSettings, now: Time) -> ScoreParts {
        let weigh = |points: crate::Score| points.times(settings.weight);
        let quanta = self.mesh_since.map_or(0, |since| {
            let quanta = now.since(since).as_nanos() / settings.mesh_time.quantum.as_nanos();
            quanta.min(u128::from(settings.mesh_time.cap)) as u64
        });
        let mut mesh_time = Counter::default();
        mesh_time.add(quanta * super::counter::ONE);
        ScoreParts {
            mesh_time: weigh(mesh_time.times(settings.mesh_time.weight)),
            first_deliveries: weigh(self.first_deliveries.times(settings.first_deliveries.weight)),
            mesh_deliveries: weigh(
                self.deficit(settings, now).squared().times(settings.mesh_deliveries.weight),
            ),
            mesh_failures: weigh(self.mesh_failures.penalty(&settings.mesh_failures)),
            invalid: weigh(self.invalid.penalty_squared(&settings.invalid)),
            ..ScoreParts::default()
        }
    }

    /// What is missing of the deliveries that a member should have made by now.
    fn deficit(&self, settings: &TopicScoreSettings, now: Time) -> Counter {
        let rules = &settings.mesh_deliveries;
        let due = self.mesh_since.is_some_and(|since| now.since(since) >= rules.activation);
        match due && settings.expects_deliveries() {
            true => self.mesh_deliveries.deficit(rules.threshold),
            false => Counter::default(),
        }
    }
}
