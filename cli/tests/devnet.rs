//! `devnet --once`: the numbers it prints and what it exits with.

mod common;

use common::braidcast;
use serde_json::Value;

#[test]
fn every_mode_and_transport_delivers_everything_bit_by_bit() {
    for (mode, transport) in
        [("optimum", "quic"), ("optimum", "tcp"), ("gossipsub", "quic"), ("gossipsub", "tcp")]
    {
        let args =
            ["--publish=64KiB", "--count=3", "--once", "--json", "--mode", mode, "--transport", transport];
        let output = braidcast(&["devnet"]).args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{mode} over {transport}: {stderr}");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(result["mode"], mode);
        for (key, value) in
            [("nodes", 4), ("messages", 3), ("expected", 12), ("delivered", 12), ("corrupt", 0)]
        {
            assert_eq!(result[key], value, "{key}: {result}");
        }
        let [p50, p99, max] = ["p50_ms", "p99_ms", "max_ms"].map(|key| result[key].as_f64().unwrap());
        assert!(0.0 < p50 && p50 <= p99 && p99 <= max, "{result}");
        // Three of four nodes have to be sent every message at least once.
        let bytes_sent = result["bytes_sent"].as_u64().unwrap();
        assert!(bytes_sent >= 3 * 3 * 65_536, "{result}");
        let overhead = bytes_sent as f64 / (4.0 * 3.0 * 65_536.0);
        assert!((result["overhead"].as_f64().unwrap() - overhead).abs() < 0.001, "{result}");
    }
}

#[test]
fn the_table_has_a_row_per_node() {
    let args = ["--nodes=3", "--publish=1000", "--count=4", "--rate=100", "--once", "--topic=t", "--seed=9"];
    let output = braidcast(&["devnet"]).args(args).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<_> = stdout.lines().collect();
    assert_eq!(rows.len(), 5, "{stdout}");
    for (node, row) in rows[1..4].iter().enumerate() {
        let cells: Vec<_> = row.split_whitespace().collect();
        assert_eq!(cells[..2], [node.to_string().as_str(), "4"], "{stdout}");
    }
    assert!(rows[4].starts_with("12 of 12 deliveries"), "{stdout}");
}
