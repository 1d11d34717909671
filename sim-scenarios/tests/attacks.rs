//! What scoring must do about attackers, and must not do to honest nodes.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use braidcast_sim_scenarios::result::{Defence, RunResult};
use braidcast_sim_scenarios::{Extras, Scenario, run};

/// The first seed of a shipped scenario.
fn play(name: &str, scored: bool) -> (RunResult, Defence) {
    let settings = [format!("protocol.score.enabled={scored}")];
    let (scenario, _) = Scenario::open(name, &settings).unwrap();
    let result = run(&scenario, 1, Extras::default(), &mut |_share| {}).unwrap().result;
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

#[test]
fn who_stops_delivering_is_thrown_out_where_deliveries_are_expected() {
    assert_thrown_out("attack-covert-flash", 60_000.0, 100.0);
}

#[test]
fn crowds_at_one_address_do_not_get_in() {
    for name in ["attack-sybil", "attack-eclipse"] {
        let ((lost, off), (result, on)) = (play(name, false), play(name, true));
        assert!(off.mesh_share > 0.5 && lost.delivery < 1.0, "{name}: harmless anyway: {off:?}");
        // Ten of them may share an address with a clean slate.
        assert!(on.mesh_share < 0.05, "{name}: {on:?}");
        assert_eq!(result.delivery, 1.0, "{name}");
    }
}

#[test]
fn polluters_do_less_harm() {
    let ((off, _), (on, _)) = (play("attack-pollution", false), play("attack-pollution", true));
    assert_eq!(on.delivery, 1.0);
    assert!(on.t100_ms.unwrap() < off.t100_ms.unwrap());
    assert!(on.traffic.invalid_shards < off.traffic.invalid_shards);
}

#[test]
fn a_cold_boot_among_attackers_ends_without_them() {
    let ((off, before), (on, after)) = (play("attack-cold-boot", false), play("attack-cold-boot", true));
    assert!(before.mesh_share > 0.3 && after.mesh_share < 0.1, "{before:?}, then {after:?}");
    assert!(on.delivery >= off.delivery);
}

/// Floods that cost no score are bounded all the same.
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
