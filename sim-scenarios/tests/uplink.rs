//! How a node shares its uplink among its links.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use braidcast_sim_scenarios::{Extras, Scenario, Tree, run};

/// Sixteen nodes as on a shaped network of real ones, 1 MiB.
const FILE: &str = r#"name = "shaped"
[network]
nodes = 16
degree = 10
latency = "25 ms"
window = 1
uplink_sharing = "fair"
[protocol.coded]
threshold = 0.005
shard_factor = "auto"
[protocol.mesh]
target = 6
min = 4
max = 12
[workload]
message = "1 MiB"
"#;

/// How many times the bound it takes until all nodes have the message, the mean over three seeds.
fn ratio(uplink: &str, more: &str) -> f64 {
    let text = FILE.replace("[protocol.coded]", &format!("uplink = \"{uplink}\"\n{more}\n[protocol.coded]"));
    let scenario = Scenario::from_tree(&Tree::parse("shaped.toml", &text).unwrap()).unwrap();
    let one = |seed| {
        let result = run(&scenario, seed, Extras::default(), &mut |_share| {}).unwrap().result;
        assert_eq!(result.delivery, 1.0, "seed {seed}");
        result.ratio.unwrap()
    };
    (1..=3).map(one).sum::<f64>() / 3.0
}

#[test]
fn a_link_that_its_congestion_window_holds_up_does_not_leave_the_uplink_idle() {
    let (plain, held_up) = (ratio("50 Mbit/s", ""), ratio("50 Mbit/s", "[network.congestion]"));
    assert!(held_up < 1.7 * plain, "{held_up:.2} and {plain:.2} times the bound");
}

#[test]
fn on_a_slow_uplink_a_link_is_waited_for() {
    let (slow, quick) = (ratio("10 Mbit/s", ""), ratio("50 Mbit/s", ""));
    assert!(slow < 1.05 * quick, "{slow:.2} and {quick:.2} times the bound");
}
