//! What counts in one topic: P1 to P4.

use core::time::Duration;

use super::Decay;
use crate::Score;

/// What counts in one topic. Source: gossipsub v1.1 "Topic Parameter Calculation and Decay".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TopicScoreSettings {
    /// *TopicWeight*: what the topic's points are multiplied with; default 1.
    pub weight: Score,
    /// P1, *TimeInMesh*.
    pub mesh_time: MeshTimeSettings,
    /// P2, *FirstMessageDeliveries*.
    pub first_deliveries: FirstDeliverySettings,
    /// P3, *MeshMessageDeliveries*; off by default.
    pub mesh_deliveries: MeshDeliverySettings,
    /// P3b, *MeshFailurePenalty*: squares of deficits with which the peer left the mesh; off by default (weight 0,
    /// decay 0.97).
    pub mesh_failures: PenaltySettings,
    /// P4, *InvalidMessageDeliveries*: invalid messages and shards, squared; default -20, 0.99, 0.
    pub invalid: PenaltySettings,
}

/// P1: time in the mesh, to favour peers that stay.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeshTimeSettings {
    /// Points for a quantum; default 0.02.
    pub weight: Score,
    /// *TimeInMeshQuantum*; default 1 s.
    pub quantum: Duration,
    /// The most quanta that count; default 150.
    pub cap: u32,
}

/// P2: messages of which the peer was the first to bring what was needed.
///
/// Of a coded message each neighbour is credited the share of the *k* shards, among those that decoded it, that it
/// sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FirstDeliverySettings {
    /// Points for a message; default 1.
    pub weight: Score,
    /// Default 0.97.
    pub decay: Decay,
    /// The most messages that count; default 20.
    pub cap: u32,
}

/// P3: the expected deliveries of a mesh member, new or soon after the first.
///
/// Needs a known rate of messages: a quiet topic looks as if every member withheld them. So it is off by default.
/// It does not suit topics whose messages are coded, since neighbours stop sending shards once they are not needed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeshDeliverySettings {
    /// Points for the square of what is missing to the threshold; default 0, which is off.
    pub weight: Score,
    /// Default 0.97.
    pub decay: Decay,
    /// The most deliveries that count; default 100.
    pub cap: u32,
    /// Deliveries below which something is missing; default 20.
    pub threshold: u32,
    /// How long after the first a copy counts; default 10 ms.
    pub window: Duration,
    /// Time in the mesh before anything can be missing; default 30 s.
    pub activation: Duration,
}

/// A count that costs points.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PenaltySettings {
    /// Points for one above the threshold, or for its square; zero is off.
    pub weight: Score,
    /// How the count fades.
    pub decay: Decay,
    /// What costs nothing.
    pub threshold: u32,
}

impl TopicScoreSettings {
    /// Whether deliveries of mesh members are counted at all.
    pub(crate) fn expects_deliveries(&self) -> bool {
        self.mesh_deliveries.weight != Score::ZERO || self.mesh_failures.weight != Score::ZERO
    }
}

impl Default for TopicScoreSettings {
    fn default() -> Self {
        let slow_decay = Decay::from_ppm(970_000);
        Self {
            weight: Score::new(1),
            mesh_time: MeshTimeSettings {
                weight: Score::from_millionths(20_000),
                quantum: Duration::from_secs(1),
                cap: 150,
            },
            first_deliveries: FirstDeliverySettings { weight: Score::new(1), decay: slow_decay, cap: 20 },
            mesh_deliveries: MeshDeliverySettings {
                weight: Score::ZERO,
                decay: slow_decay,
                cap: 100,
                threshold: 20,
                window: Duration::from_millis(10),
                activation: Duration::from_secs(30),
            },
            mesh_failures: PenaltySettings { weight: Score::ZERO, decay: slow_decay, threshold: 0 },
            invalid: PenaltySettings {
                weight: Score::new(-20),
                decay: Decay::from_ppm(990_000),
                threshold: 0,
            },
        }
    }
}
