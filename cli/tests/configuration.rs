//! Wrong configuration: exit code 2 and one line that names the option, the value and what is allowed.

mod common;

use std::fs;

use common::braidcast;

/// Option, value, what the line must also say.
const WRONG: &[(&str, &str, &str)] = &[
    ("NODE_MODE", "turbo", "optimum or gossipsub"),
    ("NODE_MODE", "Optimum", "optimum or gossipsub"),
    ("SIDECAR_PORT", "65536", "0 to 65535"),
    ("SIDECAR_PORT", "http", ":33212"),
    ("API_PORT", "-1", "0 to 65535"),
    ("OPTIMUM_PORT", "7070x", ":7070"),
    ("GOSSIPSUB_PORT", "::1", ":7070"),
    ("OPTIMUM_MAX_MSG_SIZE", "0", "1 to 1073741824 bytes"),
    ("OPTIMUM_MAX_MSG_SIZE", "2GiB", "1 to 1073741824 bytes"),
    ("OPTIMUM_MAX_MSG_SIZE", "big", "1048576"),
    ("GOSSIPSUB_MAX_MSG_SIZE", "-5", "bytes"),
    ("OPTIMUM_RANDOM_MSG_SIZE", "0", "1 to 1048576"),
    ("OPTIMUM_MESH_TARGET", "0", "1 to 1000"),
    ("OPTIMUM_MESH_MIN", "7", "at most 6 (OPTIMUM_MESH_TARGET)"),
    ("OPTIMUM_MESH_TARGET", "13", "at most 12 (OPTIMUM_MESH_MAX)"),
    ("OPTIMUM_MESH_MAX", "many", "whole number"),
    ("GOSSIPSUB_MESH_MIN", "7", "at most 6 (GOSSIPSUB_MESH_TARGET)"),
    ("GOSSIPSUB_MESH_TARGET", "13", "at most 12 (GOSSIPSUB_MESH_MAX)"),
    ("OPTIMUM_SHARD_FACTOR", "0", "1 to 128, or auto"),
    ("OPTIMUM_SHARD_FACTOR", "129", "1 to 128, or auto"),
    ("OPTIMUM_SHARD_MULT", "0", "above 0"),
    ("OPTIMUM_SHARD_MULT", "NaN", "above 0"),
    ("OPTIMUM_THRESHOLD", "0", "above 0, at most 1"),
    ("OPTIMUM_THRESHOLD", "1.01", "above 0, at most 1"),
    ("OPTIMUM_THRESHOLD", "75%", "above 0, at most 1"),
    ("OPTIMUM_THRESHOLD_RULE", "more", "at-least or exceeds"),
    ("OPTIMUM_INTEGRITY", "none", "adaptive or verified or optimistic"),
    ("OPTIMUM_DEDUP", "yes", "content or origin"),
    ("GOSSIPSUB_HEARTBEAT_INTERVAL", "0s", "a duration"),
    ("GOSSIPSUB_HEARTBEAT_INTERVAL", "fast", "700ms"),
    ("GOSSIPSUB_MESH_DEGREE", "0", "1 to 1000"),
    ("GOSSIPSUB_MESH_DEGREE_LOW", "7", "at most 6"),
    ("GOSSIPSUB_MESH_DEGREE_HIGH", "few", "whole number"),
    ("GOSSIPSUB_MESH_DEGREE_OUT", "4", "0 to 3"),
    ("GOSSIPSUB_MESH_DEGREE_SCORE", "7", "0 to 6"),
    ("GOSSIPSUB_MESH_DEGREE_LAZY", "-1", "0 to 1000"),
    ("GOSSIPSUB_GOSSIP_FACTOR", "25", "0 to 1"),
    ("GOSSIPSUB_FLOOD_PUBLISH", "true", "on or off"),
    ("GOSSIPSUB_PEER_EXCHANGE", "1", "on or off"),
    ("GOSSIPSUB_SIGNATURES", "lax", "strict-sign or strict-no-sign"),
    ("GOSSIPSUB_SIGNATURES", "strict-no-sign", "GOSSIPSUB_MESSAGE_ID is content"),
    ("GOSSIPSUB_MESSAGE_ID", "hash", "origin or content"),
    ("GOSSIPSUB_DIRECT_PEERS", "/ip4/127.0.0.1/tcp/7070", "/p2p/PEER-ID"),
    ("GOSSIPSUB_TOPICS", "a,b*", "one prefix that ends in *"),
    ("GOSSIPSUB_TOPICS_MAX", "0", "1 to 65536"),
    ("GOSSIPSUB_IDONTWANT_MIN_SIZE", "small", "bytes"),
    ("BRAIDCAST_REPUTATION_MIN", "1.5", "0 to 1"),
    ("BRAIDCAST_REPUTATION_SHARES", "0.5,0.5,0.5", "make 1"),
    ("BRAIDCAST_SCORING", "yes", "on or off"),
    ("BRAIDCAST_CONGESTION", "reno", "bbr or cubic or newreno"),
    ("P2P_LISTEN_ADDR", "0.0.0.0:7070", "/quic-v1"),
    ("BOOTSTRAP_PEERS", "172.28.0.12:7070", "/p2p/PEER-ID"),
    ("LOG_LEVEL", "loud", "debug or info or warn or error"),
    ("LOG_FORMAT", "xml", "text or json"),
];

#[test]
fn each_wrong_value_is_refused_in_one_line() {
    for (name, value, allowed) in WRONG {
        // In the mode that does not use them, too.
        for mode in ["optimum", "gossipsub"] {
            let output = braidcast(&["node"]).env("NODE_MODE", mode).env(name, value).output().unwrap();
            let stderr = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{name}={value}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{name}={value}: {stderr}");
            for part in [name, &format!("{value:?}").as_str(), allowed] {
                assert!(stderr.contains(*part), "{name}={value}: {stderr:?} lacks {part:?}");
            }
            assert!(output.stdout.is_empty());
        }
    }
}

#[test]
fn a_flag_goes_before_the_environment_and_that_before_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("braidcast.toml");
    fs::write(&file, "optimum_threshold = 3\n").unwrap();
    let refused = |flag: Option<&str>, variable: Option<&str>| {
        let mut command = braidcast(&["node"]);
        command.env("BRAIDCAST_CONFIG", &file).envs(variable.map(|value| ("OPTIMUM_THRESHOLD", value)));
        command.args(flag.map(|value| format!("--optimum-threshold={value}")));
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    assert!(refused(Some("5"), Some("4")).contains("is \"5\""));
    assert!(refused(None, Some("4")).contains("is \"4\""));
    assert!(refused(None, None).contains("is \"3\""));
    // An empty variable is how compose files say "unset".
    assert!(refused(None, Some("")).contains("is \"3\""));
}

#[test]
fn a_file_with_unknown_keys_is_refused_by_the_keys_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("braidcast.toml");
    for (text, part) in [
        ("optimum_treshold = 0.75", "optimum_treshold"),
        ("[devnet]\nnods = 4", "nods"),
        ("[nodes]\noptimum_threshold = 0.75", "nodes"),
        ("config = \"other\"", "config"),
        ("node_mode = [[1979-05-27]]", "node_mode"),
        ("node_mode = ", "line 1"),
    ] {
        fs::write(&file, text).unwrap();
        let output = braidcast(&["node", "--config"]).arg(&file).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{text}: {stderr}");
        assert!(stderr.contains(part), "{text}: {stderr}");
    }
    let output = braidcast(&["node", "--config", "/nowhere/braidcast.toml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn tables_of_the_file_reach_their_commands() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("braidcast.toml");
    fs::write(&file, "bootstrap_peers = [\"one\", \"two\"]\n[devnet]\nnodes = 0\n").unwrap();
    let stderr = |command: &str| {
        let output = braidcast(&[command]).env("BRAIDCAST_CONFIG", &file).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(stderr("node").contains("BOOTSTRAP_PEERS (--bootstrap-peers) is \"one\""));
    assert!(stderr("devnet").contains("BRAIDCAST_DEVNET_NODES (--nodes) is \"0\""));
}

#[test]
fn wrong_usage_is_one_line_too() {
    for (args, part) in [
        (&["node", "--no-such-flag"][..], "--no-such-flag"),
        (&["devnet", "--nodes=0"], "1 to 256"),
        (&["devnet", "--once"], "--publish"),
        (&["devnet", "--publish=1TB"], "64KiB"),
        (&["devnet", "--publish=1000", "--rate=0"], "above 0"),
        (&["client", "publish", "--topic=t"], "--msg"),
        (&["client", "subscribe"], "--topic"),
        (&["node", "--optimum-threshold"], "--optimum-threshold"),
    ] {
        let output = braidcast(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{args:?}: {stderr}");
        assert!(stderr.contains(part), "{args:?}: {stderr}");
    }
}

#[test]
fn a_kernel_that_does_not_exist_is_refused_in_one_line_by_every_command() {
    for args in [&["node"][..], &["--version"]] {
        let output = braidcast(args).env("BRAIDCAST_KERNEL", "abacus").output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
        for part in ["BRAIDCAST_KERNEL", "\"abacus\"", "portable, neon, avx2"] {
            assert!(stderr.contains(part), "{stderr:?} lacks {part:?}");
        }
    }
    let unset = braidcast(&["--version"]).env("BRAIDCAST_KERNEL", "").output().unwrap();
    assert_eq!(unset.status.code(), Some(0));
}

#[test]
fn help_shows_every_option_with_variable_and_default() {
    let output = braidcast(&["node", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    // However it is wrapped.
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(0));
    for (name, ..) in WRONG {
        assert!(help.contains(&format!("[env: {name}")), "{name}");
    }
    for default in ["33212", "9090", "7070", "6060", "0.75", "1.5", "/identity", "bbr"] {
        assert!(help.contains(&format!("[default: {default}]")), "{default}");
    }
    let version = braidcast(&["--version"]).output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    assert!(version.starts_with(concat!("braidcast ", env!("CARGO_PKG_VERSION"), " (")), "{version}");
}
