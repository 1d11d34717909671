//! What scoring must do about attackers, and must not do to honest nodes.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use braidcast_sim_scenarios::result::{Defence, RunResult};
use braidcast_sim_scenarios::{Extras, Scenario, run};

/// The first seed of a shipped scenario.
fn play(name: &str, scored: bool) -> (RunResult, Defence) {
    play_seed(name, scored, 1)
}

fn play_seed(name: &str, scored: bool, seed: u64) -> (RunResult, Defence) {
    let settings = [format!("protocol.score.enabled={scored}")];
    let (scenario, _) = Scenario::open(name, &settings).unwrap();
    let result = run(&scenario, seed, Extras::default(), &mut |_share| {}).unwrap().result;
    let defence = result.defence.clone().unwrap();
    (result, defence)
}

/// Heartbeats of a second from the attack on after which no honest node has an attacker in its mesh.
fn assert_thrown_out(name: &str, attack_ms: f64, heartbeats: f64) {
    let ((free, off), (result, on)) = (play(name, false), play(name, true));
    assert!(off.mesh_share > 0.1, "{name}: harmless anyway: {off:?}");
    let clear = on.clear_ms.is_some_and(|clear| clear <= attack_ms + heartbeats * 1000.0);
    assert!(clear, "{name}: {on:?}");
    assert_eq!(result.delivery, 1.0, "{name}");
    assert!(result.tx_x <= free.tx_x, "{name}: {} copies sent, {} without scores", result.tx_x, free.tx_x);
    assert!(result.traffic.held_bytes_max <= HELD_MAX, "{name}: {} held", result.traffic.held_bytes_max);
}

#[test]
fn who_grafts_without_end_is_thrown_out_before_the_first_message() {
    assert_thrown_out("attack-graft-flood", 0.0, 10.0);
    assert_thrown_out("attack-backoff", 0.0, 10.0);
}

#[test]
fn who_forges_is_thrown_out() {
    assert_thrown_out("attack-forged", 0.0, 20.0);
}

/// Who withholds data can only be told by what does not come, and comes back when its backoff is over. So nearly all
/// places are free after so many heartbeats from the attack on, and never a message is lost.
fn assert_crowded_out(name: &str, attack_ms: f64, heartbeats: f64) {
    let (_, off) = play(name, false);
    assert!(off.mesh_share > 0.3, "{name}: harmless anyway: {off:?}");
    for seed in 1..=4 {
        let (result, on) = play_seed(name, true, seed);
        let limit = attack_ms + heartbeats * 1000.0;
        assert!(on.nearly_clear_ms.is_some_and(|at| at <= limit), "{name}, seed {seed}: {on:?}");
        assert_eq!(result.delivery, 1.0, "{name}, seed {seed}");
        assert!(result.traffic.held_bytes_max <= HELD_MAX, "{name}: {} held", result.traffic.held_bytes_max);
        // Whoever is misjudged loses a place in a mesh, but hears of all messages.
        assert!(on.honest_score_min > -10.0, "{name}, seed {seed}: {on:?}");
    }
}

#[test]
fn who_stops_delivering_is_crowded_out_where_deliveries_are_expected() {
    assert_crowded_out("attack-covert-flash", 60_000.0, 75.0);
}

#[test]
fn a_cold_boot_among_as_many_attackers_loses_nothing_and_ends_without_them() {
    assert_crowded_out("attack-cold-boot", 0.0, 90.0);
}

#[test]
fn crowds_at_one_address_do_not_get_in() {
    for name in ["attack-sybil", "attack-sybil-net", "attack-eclipse"] {
        let ((lost, off), (result, on)) = (play(name, false), play(name, true));
        let all = result.t100_ms.unwrap();
        let late = lost.t100_ms.is_none_or(|late| late > 2.0 * all);
        assert!(off.mesh_share > 0.5 && late, "{name}: harmless anyway: {off:?}");
        // Ten of them may share an address with a clean slate.
        assert!(on.mesh_share < 0.05, "{name}: {on:?}");
        assert_eq!(result.delivery, 1.0, "{name}");
    }
}

/// A proof needs no score: `integrity.rs` has more.
#[test]
fn polluters_are_thrown_out_with_scores_or_without() {
    for scored in [false, true] {
        let (result, defence) = play("attack-pollution", scored);
        assert_eq!(result.delivery, 1.0);
        assert!(defence.mesh_share_max > 0.1 && defence.mesh_share == 0.0, "{scored}: {defence:?}");
    }
}

/// Valid messages are limited by publisher; who says too much is, if scored, nearly out of the meshes within 16
/// heartbeats: only its own neighbours can tell who says it, and it goes from one to the next.
#[test]
fn who_publishes_without_end_is_heard_as_far_as_it_may_be() {
    let ((free, off), (result, on)) = (play("attack-spam", false), play("attack-spam", true));
    assert!(off.mesh_share > 0.05, "harmless anyway: {off:?}");
    assert!(on.nearly_clear_ms.is_some_and(|at| at <= 26_000.0), "{on:?}");
    assert!(result.tx_x < free.tx_x, "{} copies sent, {} without scores", result.tx_x, free.tx_x);
    for (result, defence) in [(free, off), (result, on)] {
        assert_eq!(result.delivery, 1.0);
        assert_eq!(defence.honest_score_min, 0.0);
        // Each of six spammers is granted two messages of 1000 bytes in each of the five heartbeats of the cache, and
        // all that it sends is undecoded for a while.
        assert!(result.traffic.held_bytes_max <= 1 << 20, "{} held", result.traffic.held_bytes_max);
    }
}

#[test]
fn who_promises_what_is_not_or_asks_without_end_is_thrown_out() {
    assert_thrown_out("attack-ihave-flood", 10_000.0, 25.0);
    assert_thrown_out("attack-iwant-flood", 10_000.0, 10.0);
}

/// Floods are bounded, whether they cost a score or not.
#[test]
fn floods_take_no_memory_and_no_message() {
    for name in ["attack-ihave-flood", "attack-iwant-flood", "attack-replay"] {
        let (result, defence) = play(name, true);
        assert_eq!(result.delivery, 1.0, "{name}");
        assert!(result.traffic.held_bytes_max <= HELD_MAX, "{name}: {} held", result.traffic.held_bytes_max);
        assert_eq!(defence.honest_score_min, 0.0, "{name}");
    }
}

#[test]
fn honest_nodes_never_fall_below_zero_whatever_their_lines_and_lives() {
    for name in ["seed-defaults", "slow-peers", "loss-5", "churn-20", "partition", "nat", "saturation"] {
        let (_, defence) = play(name, true);
        assert_eq!(defence.honest_score_min, 0.0, "{name}");
    }
}

/// Payload bytes, at their real size of 1 KiB and less for a message: five heartbeats of a message a second, whole
/// and as shards.
const HELD_MAX: u64 = 16 * 1024;
