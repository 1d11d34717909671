//! A sweep comes to the same whatever way it is run.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::path::Path;

use braidcast_sim_scenarios::sweep::{self, Build, Options, Shard, Summary, Sweep};
use braidcast_sim_scenarios::{Scenario, Tree};

const FILE: &str = r#"
name = "small"
seeds = 2

[network]
nodes = 12
latency = "10 ms"

[workload]
message = "64 KiB"

[sweep]
network.loss = [0.0, 0.1]
protocol.coded.shard_factor = [2, 8]
"#;

fn plan(text: &str) -> Sweep {
    let tree = Tree::parse("small.toml", text).unwrap();
    let scenario = Scenario::from_tree(&tree).unwrap();
    Sweep::plan(&scenario, &tree, Build::default()).unwrap()
}

fn execute(plan: &Sweep, dir: &Path, jobs: usize, shard: Shard) -> Option<Summary> {
    sweep::execute(plan, dir, &Options { jobs, shard, log: false, parquet: false }, &mut |_progress| {})
        .unwrap()
}

#[test]
fn jobs_shards_and_interruptions_do_not_change_the_digest() {
    let plan = plan(FILE);
    let dirs: Vec<_> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
    let serial = execute(&plan, dirs[0].path(), 1, Shard::WHOLE).unwrap();
    assert_eq!(serial.runs, 8);
    let parallel = execute(&plan, dirs[1].path(), 4, Shard::WHOLE).unwrap();
    assert_eq!(serial, parallel);

    // Two shards, joined in either order.
    for index in 0..2 {
        assert_eq!(execute(&plan, dirs[2 + index].path(), 1, Shard { index, of: 2 }), None);
    }
    let merged = sweep::merge(&[dirs[3].path(), dirs[2].path()], dirs[4].path()).unwrap();
    assert_eq!(serial, merged);

    // An interrupted sweep leaves some results, and perhaps half of one.
    let runs = dirs[0].path().join("runs");
    std::fs::remove_file(runs.join("p0001-s2.json")).unwrap();
    std::fs::write(runs.join("p0002-s1.json"), b"{\"schema\":1,").unwrap();
    let mut first = None;
    let options = Options { jobs: 1, shard: Shard::WHOLE, log: false, parquet: false };
    let resumed = sweep::execute(&plan, dirs[0].path(), &options, &mut |progress| {
        first.get_or_insert(progress.done);
    });
    assert_eq!((resumed.unwrap().unwrap(), first), (serial, Some(6)));
}

#[test]
fn results_of_another_configuration_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    execute(&plan(FILE), dir.path(), 2, Shard::WHOLE).unwrap();
    let other = plan(&FILE.replace("64 KiB", "32 KiB"));
    let options = Options { jobs: 1, shard: Shard::WHOLE, log: false, parquet: false };
    let error = sweep::execute(&other, dir.path(), &options, &mut |_progress| {}).unwrap_err().to_string();
    assert!(error.contains("holds results of small") && !error.contains('\n'), "{error}");
}

#[test]
fn missing_runs_are_named() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(execute(&plan(FILE), dir.path(), 2, Shard { index: 1, of: 2 }), None);
    let error = sweep::merge(&[dir.path()], dir.path()).unwrap_err().to_string();
    assert!(error.ends_with("4 of 8 runs are missing, the first is p0000-s1"), "{error}");
}

#[test]
fn points_share_their_seeds_and_differences_are_paired() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(FILE);
    execute(&plan, dir.path(), 2, Shard::WHOLE).unwrap();
    let results = sweep::results(dir.path(), plan.manifest()).unwrap();
    let pairs = sweep::paired(plan.manifest(), &results, "t100_ms");
    assert_eq!(
        pairs.iter().map(|it| (it.baseline, it.point, it.axis)).collect::<Vec<_>>(),
        [(0, 1, 1), (0, 2, 0), (1, 3, 0), (2, 3, 1)]
    );
    let of = |run: usize| results[run].t100_ms.unwrap();
    let mean = ((of(4) - of(0)) + (of(5) - of(1))) / 2.0;
    assert!((pairs[1].difference.mean - mean).abs() < 1e-9);
    let csv = std::fs::read_to_string(dir.path().join("pairs.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 4 * 11, "{csv}");
}
