//! Which settings make sense together.

use super::{ScoreSettings, TopicScoreSettings};
use crate::{ConfigError, Score};

/// Rewards must not punish, penalties must not reward, thresholds must be in order.
pub(in crate::config) fn check(score: &ScoreSettings) -> Result<(), ConfigError> {
    let thresholds = &score.thresholds;
    let at_most = [
        ("thresholds.gossip", thresholds.gossip, Score::ZERO),
        ("thresholds.publish", thresholds.publish, thresholds.gossip),
        ("thresholds.graylist", thresholds.graylist, thresholds.publish),
        ("colocation.weight", score.colocation.weight, Score::ZERO),
        ("behaviour.weight", score.behaviour.weight, Score::ZERO),
        ("slow.weight", score.slow.weight, Score::ZERO),
    ];
    let at_least = [
        ("thresholds.accept_px", thresholds.accept_px, Score::ZERO),
        ("thresholds.opportunistic_graft", thresholds.opportunistic_graft, Score::ZERO),
        ("topics_cap", score.topics_cap, Score::ZERO),
        ("application_weight", score.application_weight, Score::ZERO),
        ("reputation.weight", score.reputation.weight, Score::ZERO),
    ];
    check_sides(&at_most, &at_least)?;
    core::iter::once(&score.topic).chain(score.topics.values()).try_for_each(check_topic)?;
    let reputation = &score.reputation;
    let zeros = [
        ("score.decay_interval", score.decay_interval.is_zero()),
        ("score.reputation.rtt_half", reputation.rtt_half.is_zero()),
        ("score.reputation.history_full", reputation.history_full.is_zero()),
    ];
    if let Some((name, _)) = zeros.into_iter().find(|(_, zero)| *zero) {
        return Err(ConfigError::Zero { name });
    }
    let shares = [reputation.latency_share, reputation.reliability_share, reputation.history_share];
    let sum = shares.into_iter().map(u32::from).sum();
    if sum != 1000 { Err(ConfigError::ReputationShares { sum }) } else { Ok(()) }
}

fn check_topic(topic: &TopicScoreSettings) -> Result<(), ConfigError> {
    let at_most = [
        ("mesh_deliveries.weight", topic.mesh_deliveries.weight, Score::ZERO),
        ("mesh_failures.weight", topic.mesh_failures.weight, Score::ZERO),
        ("invalid.weight", topic.invalid.weight, Score::ZERO),
    ];
    let at_least = [
        ("weight", topic.weight, Score::ZERO),
        ("mesh_time.weight", topic.mesh_time.weight, Score::ZERO),
        ("first_deliveries.weight", topic.first_deliveries.weight, Score::ZERO),
    ];
    check_sides(&at_most, &at_least)?;
    if topic.mesh_time.quantum.is_zero() {
        return Err(ConfigError::Zero { name: "mesh_time.quantum" });
    }
    let (threshold, cap) = (topic.mesh_deliveries.threshold, topic.mesh_deliveries.cap);
    match threshold > cap {
        true => Err(ConfigError::MeshDeliveries { threshold, cap }),
        false => Ok(()),
    }
}

/// Name, value and limit.
type Limited = (&'static str, Score, Score);

fn check_sides(at_most: &[Limited], at_least: &[Limited]) -> Result<(), ConfigError> {
    let above = at_most.iter().find(|(_, value, limit)| value > limit);
    let below = at_least.iter().find(|(_, value, limit)| value < limit);
    match (above, below) {
        (Some(&(name, value, limit)), _) => Err(ConfigError::ScoreAbove { name, value, limit }),
        (None, Some(&(name, value, limit))) => Err(ConfigError::ScoreBelow { name, value, limit }),
        (None, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Settings};
    use alloc::string::ToString;

    #[test]
    fn what_would_reward_attackers_or_punish_good_peers_is_refused() {
        let refuse = |change: fn(&mut ScoreSettings)| {
            let mut settings = Settings::default();
            change(&mut settings.score);
            Config::new(settings).unwrap_err().to_string()
        };
        assert_eq!(
            refuse(|s| s.topic.invalid.weight = Score::new(3)),
            "score: invalid.weight is 3.000000, must be at most 0.000000"
        );
        assert_eq!(
            refuse(|s| s.thresholds.graylist = Score::new(-20)),
            "score: thresholds.graylist is -20.000000, must be at most -50.000000"
        );
        assert_eq!(
            refuse(|s| s.topic.first_deliveries.weight = Score::new(-1)),
            "score: first_deliveries.weight is -1.000000, must be at least 0.000000"
        );
        assert_eq!(
            refuse(|s| s.topic.mesh_deliveries.threshold = 101),
            "score: mesh_deliveries.threshold is 101, must be at most the cap, 100"
        );
        assert_eq!(
            refuse(|s| s.reputation.history_share = 300),
            "score: the reputation's shares make 1100 thousandths, must make 1000"
        );
    }
}
