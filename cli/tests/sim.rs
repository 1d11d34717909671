//! The simulator's commands, as a user calls them.

#![allow(clippy::unwrap_used, reason = "a test helper that fails is a test that fails")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn sim(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_braidcast")).arg("sim").args(args).output().unwrap()
}

#[track_caller]
fn succeeds(args: &[&str]) -> String {
    let output = sim(args);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn run_prints_the_documented_fields() {
    let json: Value = serde_json::from_str(&succeeds(&["run", "seed-defaults", "--json"])).unwrap();
    let fields = [
        "scenario",
        "seed",
        "nodes",
        "messages",
        "delivery",
        "t50_ms",
        "t95_ms",
        "t99_ms",
        "t100_ms",
        "bound_ms",
        "ratio",
        "rx_x",
        "tx_x",
        "duplicates",
        "trace_hash",
        "events",
        "wall_s",
        "peak_rss_mib",
    ];
    for field in fields {
        assert!(!json[field].is_null(), "{field}: {json}");
    }
    assert_eq!((&json["scenario"], &json["nodes"]), (&"seed-defaults".into(), &36.into()));
    assert_eq!(json["delivery"], 1.0);
    assert!(json["ratio"].as_f64().unwrap() >= 1.0);
}

#[test]
fn bench_prints_a_row_for_each_case() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_braidcast"));
    let output = command.args(["bench", "sim", "--cases", "coded-100", "--json"]).output().unwrap();
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let [row] = json["rows"].as_array().unwrap().as_slice() else { panic!("{json}") };
    assert_eq!((&row["case"], &row["nodes"]), (&"coded-100".into(), &100.into()));
    for field in ["events", "events_per_s", "wall_s", "peak_rss_mib"] {
        assert!(row[field].as_f64().unwrap() > 0.0, "{field}: {row}");
    }
}

#[test]
fn a_run_is_the_same_again_in_another_process() {
    let hash = || {
        let json = succeeds(&["run", "seed-defaults", "--json", "--seed", "7", "--check-determinism"]);
        serde_json::from_str::<Value>(&json).unwrap()["trace_hash"].clone()
    };
    assert_eq!(hash(), hash());
    assert!(succeeds(&["run", "seed-defaults"]).contains("trace hash"));
    assert!(succeeds(&["list"]).lines().any(|line| line.starts_with("bound-1000 ")));
}

#[test]
fn mistakes_are_one_line_and_exit_code_2() {
    let cases: [(&[&str], &str); 5] = [
        (&["run", "nothing"], "error: nothing: no such file, and no scenario of that name"),
        (&["run", "seed-defaults", "--set", "network.loss=2"], "error: network.loss: 2, must be 0 to 0.99"),
        (&["run", "seed-defaults", "--set", "network.los=0"], "error: network.los: unknown key, known are "),
        (
            &["sweep", "seed-defaults", "--out", "x", "--shard", "2/2"],
            "error: invalid value '2/2' for '--shard",
        ),
        (&["report", "x"], "error: the following required arguments were not provided"),
    ];
    for (args, expected) in cases {
        let output = sim(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.starts_with(expected) && stderr.lines().count() == 1, "{args:?}: {stderr}");
    }
}

#[test]
fn a_sweep_becomes_a_report_and_its_runs_can_be_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let (out, html, svg) = (dir.path().join("out"), dir.path().join("r.html"), dir.path().join("svg"));
    let sweep = ["sweep", "threshold-quick", "--set", "seeds=2", "--parquet", "--log", "--out", text(&out)];
    let first = succeeds(&sweep);
    assert!(first.starts_with("16 runs in "), "{first}");
    assert_eq!(succeeds(&sweep), first);
    assert!(out.join("deliveries/p0007-s2.parquet").exists());

    succeeds(&["report", text(&out), "--html", text(&html), "--svg", text(&svg)]);
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.contains("<svg") && page.contains("id=\"spread\"") && page.ends_with("</html>\n"));
    let outside = ["src=\"", "href=\"", "url(http", "@import", "fetch("];
    assert!(outside.iter().all(|way| !page.contains(way)), "the report loads something");
    assert!(std::fs::read_to_string(svg.join("delivery-times.svg")).unwrap().starts_with("<svg xmlns"));

    let run = out.join("runs/p0003-s2.json");
    assert_eq!(succeeds(&["replay", text(&run)]), "");
    let mut stored: Value = serde_json::from_slice(&std::fs::read(&run).unwrap()).unwrap();
    stored["trace_hash"] = "0".into();
    for checkpoint in stored["checkpoints"].as_array_mut().unwrap().iter_mut().skip(60) {
        checkpoint["trace_hash"] = "0".into();
    }
    std::fs::write(&run, stored.to_string()).unwrap();
    let output = sim(&["replay", text(&run)]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("first difference after 6000 ms, by 6100 ms"), "{stderr}");

    let other = sim(&["sweep", "threshold-quick", "--set", "seeds=3", "--out", text(&out)]);
    let stderr = String::from_utf8(other.stderr).unwrap();
    assert!(stderr.contains("holds results of threshold-quick") && stderr.lines().count() == 1, "{stderr}");
}
