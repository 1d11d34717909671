//! Settings and questions about scores.

use std::fmt::Write;

use braidcast_protocol::{Event, Reputation, Score, ScoreSettings};

use super::{World, duration, number, peer};

/// A setting of the command `config`; whether it is one of scoring.
pub(super) fn set(score: &mut ScoreSettings, key: &str, value: &str) -> bool {
    let points = || Score::new(number(value));
    match key {
        "score" => score.enabled = true,
        "topic-weight" => score.topic.weight = points(),
        "topics-cap" => score.topics_cap = points(),
        "p1" => score.topic.mesh_time.weight = points(),
        "p1-cap" => score.topic.mesh_time.cap = number(value),
        "p2-cap" => score.topic.first_deliveries.cap = number(value),
        "p3" => score.topic.mesh_deliveries.weight = points(),
        "p3-threshold" => score.topic.mesh_deliveries.threshold = number(value),
        "p3-window" => score.topic.mesh_deliveries.window = duration(value),
        "p3-activation" => score.topic.mesh_deliveries.activation = duration(value),
        "p3b" => score.topic.mesh_failures.weight = points(),
        "p5" => score.application_weight = points(),
        "p6-threshold" => score.colocation.threshold = number(value),
        "p6-allowed" => score.colocation.allowed.push(value.parse().unwrap()),
        "p7-threshold" => score.behaviour.threshold = number(value),
        "slow-threshold" => score.slow.threshold = number(value),
        "decay-interval" => score.decay_interval = duration(value),
        "retain" => score.retain = duration(value),
        "retained" => score.retained_max = number(value),
        "observations" => score.reputation.observations_min = number(value),
        "refuse" => score.reputation.refuse_for = duration(value),
        "drop-below" => score.reputation.drop_below = Reputation::from_permille(number(value)),
        _ => return false,
    }
    true
}

impl World {
    /// `rate PEER POINTS`: the application's opinion.
    pub(super) fn rate(words: &[&str]) -> Event {
        Event::Rated { peer: peer(words[1]), score: Score::new(number(words[2])) }
    }

    /// `score PEER`: the score and its parts.
    pub(super) fn render_score(&mut self, name: &str) -> String {
        let known = self.node().scores().find(|known| known.peer == peer(name));
        let Some(known) = known else { return format!("score {name} unknown\n") };
        let mut text = format!("score {name} = {:?}", known.score);
        if known.score != Score::ZERO {
            write!(text, " ({})", known.parts).unwrap();
        }
        text + "\n"
    }

    /// `reputation PEER`: whether it rests on enough observations.
    pub(super) fn render_reputation(&mut self, name: &str) -> String {
        let known = self.node().scores().find(|known| known.peer == peer(name));
        known.map_or(format!("reputation {name} unknown\n"), |known| {
            format!("reputation {name} = {:?} observed={}\n", known.reputation, known.observed)
        })
    }

    /// `preferred`: whom to dial first.
    pub(super) fn render_preferred(&mut self) -> String {
        let names: Vec<String> = self.node().preferred().iter().map(super::render::name).collect();
        format!("preferred = [{}]\n", names.join(" "))
    }
}
