//! Coded beside whole messages, small: what `docs/experiments/05-gossipsub.md` measures, with room to either side.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use braidcast_sim_scenarios::result::RunResult;
use braidcast_sim_scenarios::{Extras, Scenario, run};

fn play(name: &str, mode: &str, message: &str) -> RunResult {
    let mode = format!("protocol.mode={mode}");
    let settings = [mode, format!("workload.message={message}"), "network.nodes=100".to_owned()];
    let (scenario, _) = Scenario::open(name, &settings).unwrap();
    let result = run(&scenario, 1, Extras::default(), &mut |_share| {}).unwrap().result;
    assert_eq!(result.delivery, 1.0, "{name}, {message}");
    result
}

/// How many times as long whole messages take as coded ones, and what share of their bytes these take.
fn compared(coded: &RunResult, whole: &RunResult) -> (f64, f64) {
    (whole.t100_ms.unwrap() / coded.t100_ms.unwrap(), coded.tx_x / whole.tx_x)
}

#[test]
fn a_mebibyte_is_several_times_sooner_coded_and_takes_fewer_bytes() {
    let coded = play("versus-gossip", "coded", "1 MiB");
    let (times, share) = compared(&coded, &play("versus-gossip", "gossipsub", "1 MiB"));
    assert!(times > 3.5 && share < 0.65, "ours: {times:.2} times sooner, {share:.2} of the bytes");
    let (times, share) = compared(&coded, &play("versus-plain", "gossipsub", "1 MiB"));
    assert!(times > 4.0 && share < 0.35, "1.2 of others: {times:.2} times sooner, {share:.2} of the bytes");
}

#[test]
fn small_messages_are_no_later_coded() {
    let at = |message| {
        compared(&play("versus-gossip", "coded", message), &play("versus-gossip", "gossipsub", message)).0
    };
    // Below 4 KiB both are whole messages; a frame's worth of control is all the difference.
    let (small, middle) = (at("1 KiB"), at("32 KiB"));
    assert!(small > 0.99 && middle > 1.0, "1 KiB {small:.3}, 32 KiB {middle:.3} times sooner");
}
