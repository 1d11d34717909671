//! Whatever a third of the nodes, the lines and crashes do: everything arrives, and who pollutes is shut out.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use braidcast_sim_scenarios::result::RunResult;
use braidcast_sim_scenarios::{Extras, Scenario, run};

fn play(name: &str, settings: &[String], seed: u64) -> RunResult {
    let (scenario, tree) = Scenario::open(name, settings).unwrap();
    let (point, _) = scenario.point(&tree, 0).unwrap();
    run(&point, seed, Extras::default(), &mut |_share| {}).unwrap().result
}

fn polluted(share: f64, integrity: &str, scored: bool, seed: u64) -> RunResult {
    let settings = [
        format!("adversaries.0.nodes={share}"),
        format!("protocol.coded.integrity={integrity}"),
        format!("protocol.score.enabled={scored}"),
    ];
    play("pollution", &settings, seed)
}

/// Mean time to all nodes over five seeds: one of them says little, as it is the first message that takes long.
fn mean_t100_ms(share: f64, integrity: &str) -> f64 {
    (1..=5).map(|seed| polluted(share, integrity, true, seed).t100_ms.unwrap()).sum::<f64>() / 5.0
}

/// Six messages, three seconds apart, from 5 s on: the fourth at 14 s. A heartbeat may go by before a member is out.
#[test]
fn polluters_are_shut_out() {
    for (share, seed) in [(0.1, 1), (0.33, 1), (0.33, 2), (0.33, 3)] {
        for (integrity, messages) in [("verified", 3.0), ("adaptive", 5.0), ("optimistic", 5.0)] {
            let result = polluted(share, integrity, true, seed);
            let defence = result.defence.unwrap();
            assert_eq!(result.delivery, 1.0, "{share} {integrity}");
            assert_eq!(defence.honest_score_min, 0.0, "{share} {integrity}: {defence:?}");
            let by = 5000.0 + messages * 3000.0 + 1000.0;
            let is_clear = defence.clear_ms.is_some_and(|clear| clear <= by);
            assert!(is_clear, "{share} {integrity} seed {seed}: {defence:?}");
        }
    }
}

#[test]
fn polluters_cost_little() {
    let limit = 1.3 * mean_t100_ms(0.0, "verified");
    for integrity in ["verified", "adaptive", "optimistic"] {
        let mean = mean_t100_ms(0.33, integrity);
        assert!(mean <= limit, "{integrity}: {mean} ms of {limit}");
    }
}

/// A proof needs no score.
#[test]
fn polluters_are_shut_out_without_scores() {
    let defence = polluted(0.33, "adaptive", false, 1).defence.unwrap();
    assert!(defence.mesh_share_max > 0.2 && defence.mesh_share < 0.01, "{defence:?}");
}

/// A thinned `delivery-matrix`.
#[test]
fn everything_arrives_at_every_threshold_size_and_loss() {
    for (nodes, losses) in [(2, &[0.0, 0.2][..]), (3, &[0.0, 0.2]), (36, &[0.0, 0.2]), (200, &[0.2])] {
        for (threshold, rule) in [(0.1, "at-least"), (0.7, "exceeds"), (1.0, "at-least"), (1.0, "exceeds")] {
            for (k, loss) in [1, 2, 8, 128].into_iter().flat_map(|k| losses.iter().map(move |loss| (k, loss)))
            {
                let settings = [
                    format!("network.nodes={nodes}"),
                    format!("network.loss={loss}"),
                    format!("protocol.coded.threshold={threshold}"),
                    format!("protocol.coded.threshold_rule={rule}"),
                    format!("protocol.coded.shard_factor={k}"),
                ];
                assert_eq!(play("delivery-matrix", &settings, 1).delivery, 1.0, "{settings:?}");
            }
        }
    }
}

#[test]
fn who_survives_crashes_during_the_spread_delivers() {
    for integrity in ["verified", "adaptive", "optimistic"] {
        for at in ["5.3 s", "5.6 s", "5.9 s"] {
            let settings = [format!("protocol.coded.integrity={integrity}"), format!("faults.0.at={at}")];
            for seed in 1..=3 {
                assert_eq!(play("crash-20", &settings, seed).delivery, 1.0, "{settings:?}, seed {seed}");
            }
        }
    }
}
