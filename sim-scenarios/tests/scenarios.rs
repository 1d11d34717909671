//! The shipped scenarios, and what is said about files that are wrong.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use braidcast_sim_scenarios::replay::{Comparison, compare};
use braidcast_sim_scenarios::{Extras, PRESETS, Scenario, Tree, golden, run};

#[test]
fn every_shipped_scenario_is_valid_and_named_as_its_file() {
    for preset in PRESETS {
        let tree = preset.tree().unwrap();
        let scenario = Scenario::from_tree(&tree).unwrap();
        assert_eq!(scenario.name, preset.name);
        assert!(scenario.description.len() > 20 && !scenario.description.contains('\n'), "{}", preset.name);
        for point in 0..scenario.sweep.points() {
            let at = scenario.point(&tree, point);
            assert!(at.is_ok(), "{}: {:?}", preset.name, at.err());
        }
    }
}

#[test]
fn shipped_scenarios_have_their_golden_hashes() {
    let golden = golden::parse("golden.toml", include_str!("../golden.toml")).unwrap();
    let mut changed = Vec::new();
    for preset in golden::presets() {
        let now = golden::measure(preset).unwrap();
        match golden.get(preset.name).map(|earlier| now.changes(earlier)) {
            None => changed.push(format!("{} is new", preset.name)),
            Some(changes) if changes.is_empty() => {}
            Some(changes) => changed.push(format!("{}: {}", preset.name, changes.join(", "))),
        }
    }
    assert!(changed.is_empty(), "if this is meant, run `braidcast sim bless`:\n{}", changed.join("\n"));
}

/// A file of which each case changes a line.
const FILE: &str = r#"name = "t"
[network]
nodes = 10
loss = 0.0
latency = "20 ms"
[protocol.coded]
threshold = 0.5
[workload]
message = "64 KiB"
publishers = [0, 9]
"#;

#[test]
fn mistakes_are_one_line_with_path_value_limit_and_place() {
    let cases = [
        ("loss = 0.0", "loss = 1.5", "network.loss: 1.5, must be 0 to 0.99 (t.toml:4)"),
        ("nodes = 10", "nodes = 0", "network.nodes: 0, must be a whole number from 1 to 1048576 (t.toml:3)"),
        ("\"20 ms\"", "20", "network.latency: 20, must be \"aws\", \"ethereum\", a duration, as \"50 ms\", "),
        (
            "threshold = 0.5",
            "threshold = 0.0",
            "protocol.coded.threshold: 0.0, must be above 0 and at most 1 ",
        ),
        ("threshold = 0.5", "treshold = 0.5", "protocol.coded.treshold: unknown key, known are integrity, "),
        (
            "[0, 9]",
            "[0, 10]",
            "workload.publishers: [0,10], must be 1 to 10 nodes, or a list of indices below 10 ",
        ),
        ("\"64 KiB\"", "\"64 KB/s\"", "workload.message: \"64 KB/s\", must be 1 to 1073741824 bytes"),
        ("name = \"t\"", "nam = \"t\"", "name: is missing (t.toml)"),
        (
            "nodes = 10",
            "nodes = 10\ndegree = 10",
            "network.degree: 10, 10 nodes cannot have 10 links each (t.toml:4)",
        ),
        ("name = \"t\"", "name = \"t\"\nseeds = [1, 1]", "seeds: [1,1], must be 1 to 10000 seeds"),
        ("name = \"t\"", "name = \"t\"\nsweep.x = 1", "sweep: {\"x\":1}, must be a table of lists"),
        ("[network]", "network = 1\n[network]", "duplicate key"),
    ];
    for (from, to, expected) in cases {
        let text = FILE.replacen(from, to, 1);
        let error = Tree::parse("t.toml", &text).and_then(|tree| Scenario::from_tree(&tree)).unwrap_err();
        let line = error.to_string();
        assert!(line.starts_with(expected) && !line.contains('\n'), "{to}: {line}");
    }
    assert!(Scenario::from_tree(&Tree::parse("t.toml", FILE).unwrap()).is_ok());
}

#[test]
fn a_missing_file_is_one_line() {
    let line = Scenario::open("no/such.toml", &[]).unwrap_err().to_string();
    assert_eq!(line, "no/such.toml: no such file, and no scenario of that name (see sim list)");
}

#[test]
fn settings_change_the_run_and_seeds_too() {
    let hash = |settings: &[&str], seed| {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let (scenario, _) = Scenario::open("seed-defaults", &settings).unwrap();
        run(&scenario, seed, Extras::default(), &mut |_share| {}).unwrap().result.trace_hash
    };
    let plain = hash(&[], 1);
    assert_eq!(plain, hash(&[], 1));
    let others = [
        hash(&[], 2),
        hash(&["network.latency=26 ms"], 1),
        hash(&["network.loss=0.01"], 1),
        hash(&["network.uplink=unlimited"], 1),
        hash(&["network.topology=full"], 1),
        hash(&["protocol.mode=gossipsub"], 1),
        hash(&["protocol.mesh.target=8"], 1),
        hash(&["protocol.coded.threshold_rule=exceeds"], 1),
        hash(&["workload.message=1 MB"], 1),
        hash(&["workload.publishers=[1]"], 1),
        hash(&["limits.drain=3 s"], 1),
    ];
    for (index, other) in others.iter().enumerate() {
        assert_ne!(*other, plain, "case {index}");
    }
}

#[test]
fn no_run_beats_its_bound_and_the_log_changes_nothing() {
    for name in ["seed-defaults", "bound-36-4m", "loss-5"] {
        let (scenario, _) = Scenario::open(name, &[]).unwrap();
        for seed in 1..=3 {
            let plain = run(&scenario, seed, Extras::default(), &mut |_share| {}).unwrap();
            let logged = run(&scenario, seed, Extras { spread: true }, &mut |_share| {}).unwrap();
            assert_eq!(compare(&plain.result, &logged.result), Comparison::Identical);
            let result = plain.result;
            assert_eq!(result.delivery, 1.0, "{name}, seed {seed}");
            assert!(result.ratio.unwrap() >= 1.0, "{name}, seed {seed}: {:?}", result.ratio);
            for (time, bound) in result.delivery_ms.iter().zip(&result.bounds.postal_curve_ms).skip(1) {
                assert!(time.unwrap() >= *bound, "{name}, seed {seed}: {time:?} beats {bound}");
            }
            let spread = logged.spread.unwrap();
            let useful = spread
                .arrivals
                .iter()
                .filter(|(_, _, to, useful)| *useful && *to as usize != spread.publisher);
            assert_eq!(
                useful.count() as u64,
                (result.nodes as u64 - 1) * result.chunks,
                "{name}, seed {seed}"
            );
        }
    }
}

#[test]
fn the_documented_file_is_a_scenario_that_runs() {
    let document = include_str!("../../docs/scenarios.md");
    let text = document.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let tree = Tree::parse("docs/scenarios.md", text).unwrap();
    let scenario = Scenario::from_tree(&tree).unwrap();
    let (point, _) = scenario.point(&tree, 3).unwrap();
    let result = run(&point, 1, Extras::default(), &mut |_share| {}).unwrap().result;
    assert_eq!(result.messages, 3);
}

#[test]
fn a_topology_can_be_a_file_beside_the_scenario() {
    let dir = tempfile::tempdir().unwrap();
    let (file, links) = (dir.path().join("ring.toml"), dir.path().join("ring.txt"));
    std::fs::write(&file, "name = \"ring\"\n[network]\nnodes = 4\nedges = \"ring.txt\"\n").unwrap();
    let open = |text: &str| {
        std::fs::write(&links, text).unwrap();
        Scenario::open(file.to_str().unwrap(), &[]).map_err(|error| error.to_string())
    };
    let (scenario, tree) = open("# a ring\n0 1\n1 2\n\n2 3 # and back\n3 0\n").unwrap();
    assert_eq!(tree.to_json()["network"]["edges"], serde_json::json!([[0, 1], [1, 2], [2, 3], [3, 0]]));
    let result = run(&scenario, 1, Extras::default(), &mut |_share| {}).unwrap().result;
    assert_eq!((result.delivery, result.hops_max), (1.0, 2));
    let wrong = [("0 1\n1 x\n", "\"1 x\" is not two nodes, as 0 1 ("), ("0 1 2\n", "\"0 1 2\" is not two")];
    for (text, expected) in wrong {
        let line = open(text).unwrap_err();
        assert!(line.starts_with(&format!("network.edges: {expected}")) && !line.contains('\n'), "{line}");
    }
    std::fs::remove_file(&links).unwrap();
    let line = Scenario::open(file.to_str().unwrap(), &[]).unwrap_err().to_string();
    assert!(line.contains("ring.txt: No such file"), "{line}");
}

#[test]
fn a_key_that_is_set_is_no_longer_swept() {
    let settings = ["protocol.coded.threshold=0.3".to_owned()];
    let (scenario, tree) = Scenario::open("threshold-quick", &settings).unwrap();
    assert_eq!(scenario.sweep.points(), 2);
    let (point, _) = scenario.point(&tree, 0).unwrap();
    assert_eq!(point.settings.coded.threshold, braidcast_protocol::Threshold::new(0.3).unwrap());
}

#[test]
fn a_scenario_has_no_difference_from_itself() {
    let (scenario, _) = Scenario::open("partition", &[]).unwrap();
    assert_eq!(braidcast_sim_scenarios::replay::first_difference(&scenario, 3).unwrap(), None);
}
