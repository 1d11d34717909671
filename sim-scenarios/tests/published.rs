//! What others published of whole-message gossip, in this model: within the tolerance that the pages state.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use braidcast_sim_scenarios::result::RunResult;
use braidcast_sim_scenarios::{Extras, Scenario, run};

fn play(name: &str, settings: &[&str]) -> RunResult {
    let settings: Vec<String> = settings.iter().map(|it| (*it).to_owned()).collect();
    let (scenario, tree) = Scenario::open(name, &settings).unwrap();
    let (point, _) = scenario.point(&tree, 0).unwrap();
    run(&point, 1, Extras::default(), &mut |_share| {}).unwrap().result
}

fn is_near(value: f64, published: f64, percent: f64, what: &str) {
    let off = (value / published - 1.0) * 100.0;
    assert!(off.abs() <= percent, "{what}: {value:.0} ms, published {published:.0} ms, {off:+.1} %");
}

/// Median and 95th percentile of all deliveries but those of the first message, less the publisher's 150 ms.
/// Source: `rln-delay-simulations/raw/latency_{10,100,500}kb.txt` in `waku-org/research`.
const WAKU: [(&str, f64, f64); 3] =
    [("10 kB", 368.0, 477.0), ("100 kB", 685.0, 880.0), ("500 kB", 1640.0, 2071.0)];

#[test]
fn fifo_uplinks_give_the_times_of_the_waku_study() {
    for (message, median, late) in WAKU {
        let set = [&*format!("workload.message={message}"), "workload.count=2"];
        let result = play("published-waku", &set);
        assert_eq!(result.delivery, 1.0);
        is_near(result.delivery_ms[50].unwrap(), median, 10.0, &format!("{message}, median"));
        is_near(result.delivery_ms[95].unwrap(), late, 10.0, &format!("{message}, 95 %"));
    }
}

/// `(D S / R + L) h`, `h = ceil(log N / log D)`, with the degree that the meshes have: the copies that a node gets.
/// Source: Vac, "Scaling libp2p GossipSub for Large Messages", 2025, "Message Transfer Time and Duplicates".
fn closed_form_ms(result: &RunResult) -> f64 {
    let degree = result.duplicates + 1.0;
    let hops = ((result.nodes as f64).ln() / degree.ln()).ceil();
    (degree * result.message_bytes as f64 * 8.0 / 50e6 * 1e3 + 100.0) * hops
}

#[test]
fn shared_uplinks_give_the_closed_form_of_the_vac_studies_and_fifo_ones_less() {
    for message in ["10 kB", "100 kB", "1 MB"] {
        let at = |sharing: &str| {
            let sharing = format!("network.uplink_sharing={sharing}");
            play("published-vac", &[&format!("workload.message={message}"), "workload.count=1", &sharing])
        };
        let (fair, fifo) = (at("fair"), at("fifo"));
        is_near(fair.delivery_ms[95].unwrap(), closed_form_ms(&fair), 10.0, &format!("{message}, 95 %"));
        assert!(fifo.t95_ms.unwrap() < fair.t95_ms.unwrap(), "{message}");
    }
}
