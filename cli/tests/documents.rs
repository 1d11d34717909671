//! What the documents show, with real processes: two nodes, `p2p-client`, identities.

mod common;

use std::fs;

use common::node::NodeProcess;
use common::watched::{From, Watched};
use common::{called, free_port};

fn client(dir: &std::path::Path, args: &[&str]) -> Watched {
    Watched::spawn(called("p2p-client", dir, args))
}

#[test]
fn hello_world_as_the_documents_tell_it() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    fs::create_dir_all(&one).unwrap();
    fs::create_dir_all(&two).unwrap();
    let identity = one.join("identity");
    let output = called("p2pnode", &one, &["generate-key", "--output-peer-id"])
        .env("IDENTITY_DIR", &identity)
        .output()
        .unwrap();
    let peer_id = String::from_utf8(output.stdout).unwrap().trim_end().to_owned();

    // As in the documents, the first node is told to bootstrap from itself.
    let port = free_port().to_string();
    let bootstrap = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer_id}");
    let variables = [("BOOTSTRAP_PEERS", bootstrap.as_str())];
    let first = NodeProcess::start(&one, &[("OPTIMUM_PORT", port.as_str()), variables[0]]);
    assert_eq!(first.peer_id, peer_id);
    let mut second = NodeProcess::start(&two, &variables);
    assert_ne!(second.peer_id, peer_id);

    let addr = format!("--addr={}", first.sidecar);
    let mut subscriber = client(dir.path(), &["-mode=subscribe", "-topic=testtopic", &addr]);
    subscriber.wait_for("Subscribed to topic \"testtopic\", waiting for messages…");
    subscriber.wait_for("[TRACE] OptimumP2P type=JOIN ts=");

    let addr = format!("--addr={}", second.sidecar);
    let mut publisher = client(dir.path(), &["-mode=publish", "-topic=testtopic", "-msg=HelloWorld", &addr]);
    assert!(publisher.ended().success(), "{:#?}", publisher.seen);
    let published = publisher.lines_of(From::Stdout);
    assert!(published[0].starts_with("Published \"[") && published[0].ends_with("s)"), "{published:?}");
    assert!(published[0].contains(" 10] HelloWorld\" to \"testtopic\" (took "), "{published:?}");
    assert_eq!(publisher.lines_of(From::Stderr), [format!("Connecting to node at: {}…", second.sidecar)]);

    let received = subscriber.wait_for("Recv message: [1] [");
    assert!(received.ends_with(" 10] HelloWorld"), "{received}");
    assert_eq!(received.matches(" 35] [").count(), 1, "{received}");
    subscriber.signal("INT");
    assert!(subscriber.ended().success());
    let stderr = subscriber.lines_of(From::Stderr);
    assert_eq!(
        stderr[..2],
        [
            format!("Connecting to node at: {}…", first.sidecar),
            "Trying to subscribe to topic testtopic…".to_owned()
        ]
    );
    assert!(stderr[2].ends_with(" Context canceled. Total messages received: 1"), "{stderr:?}");
    assert_eq!(subscriber.lines_of(From::Stdout).last(), Some(&"shutting down…"));

    second.process.signal("TERM");
    assert!(second.process.ended().success(), "{:#?}", second.process.seen);
}

#[test]
fn a_series_is_numbered_and_arrives_whole() {
    let dir = tempfile::tempdir().unwrap();
    let node = NodeProcess::start(dir.path(), &[("NODE_MODE", "gossipsub"), ("GOSSIPSUB_PORT", "0")]);
    let mut subscriber = client(dir.path(), &["-topic", "many", "-addr", &node.sidecar]);
    subscriber.wait_for("Subscribed to topic");
    let args =
        ["-mode=publish", "-topic=many", "-msg=ignored", "-count=3", "-sleep=10ms", "-addr", &node.sidecar];
    let mut publisher = client(dir.path(), &args);
    assert!(publisher.ended().success(), "{:#?}", publisher.seen);
    assert_eq!(publisher.lines_of(From::Stdout).len(), 3);
    for number in 1..=3 {
        let line = subscriber.wait_for(&format!("Recv message: [{number}] ["));
        assert!(line.contains(&format!(" 8] {number} - ")) && line.ends_with(" XXX"), "{line}");
    }
    assert!(subscriber.lines_of(From::Stdout).iter().any(|line| line.starts_with("[TRACE] GossipSub type=")));
}

#[test]
fn the_clients_mistakes_end_as_those_of_a_go_program() {
    let dir = tempfile::tempdir().unwrap();
    for (args, line) in [
        (&["-nope"][..], "flag provided but not defined: -nope"),
        (&["-topic"], "flag needs an argument: -topic"),
        (&["-count=x"], "invalid value \"x\" for flag -count: parse error"),
    ] {
        let output = called("p2p-client", dir.path(), args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        let mut lines = stderr.lines();
        assert_eq!(lines.next(), Some(line));
        assert!(
            lines.next().is_some_and(|line| line.starts_with("Usage of ") && line.ends_with("p2p-client:"))
        );
    }
    for (args, line) in [
        (&[][..], "-topic is required"),
        (&["-topic=t", "-mode=publish"], "-msg is required in publish mode"),
        (&["-topic=t", "-mode=both"], "unknown mode \"both\""),
    ] {
        let output = called("p2p-client", dir.path(), args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        // 2006/01/02 15:04:05 and a space.
        assert_eq!(&stderr[20..], format!("{line}\n"));
        assert_eq!(stderr.as_bytes()[4], b'/');
    }
    assert_eq!(called("p2p-client", dir.path(), &["-h"]).output().unwrap().status.code(), Some(0));
}

#[test]
fn identities_are_made_once_and_told_alone() {
    let dir = tempfile::tempdir().unwrap();
    let identity = dir.path().join("identity");
    let node = |args: &[&str]| {
        let output = called("p2pnode", dir.path(), args).env("IDENTITY_DIR", &identity).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, stdout, stderr) = node(&["peer-id"]);
    assert_eq!((code, stdout.as_str(), stderr.lines().count()), (Some(1), "", 1), "{stderr}");
    let (code, id, stderr) = node(&["generate-key", "--output-peer-id"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(id.starts_with("12D3KooW") && id.ends_with('\n') && id.lines().count() == 1, "{id}");
    assert_eq!(node(&["peer-id"]), (Some(0), id.clone(), String::new()));
    assert_eq!(node(&["generate-key"]), (Some(0), format!("Peer ID: {id}"), String::new()));

    // The vendor's keygen is run in a folder beside `identity`.
    let beside = dir.path().join("keygen-dir");
    fs::create_dir(&beside).unwrap();
    let output = called("keygen", dir.path(), &[]).current_dir(&beside).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("Peer ID: {id}"));

    // A damaged file is neither used nor replaced.
    let file = identity.join("p2p.key");
    let mut bytes = fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    let (code, _, stderr) = node(&[]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("checksum mismatch"), "{stderr}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    for name in ["SIDECAR_PORT", "API_PORT"] {
        let mut command = called("p2pnode", dir.path(), &["--optimum-port=0", "-log-level=error"]);
        command
            .env("IDENTITY_DIR", dir.path())
            .envs([("SIDECAR_PORT", "127.0.0.1:0"), ("API_PORT", "127.0.0.1:0")]);
        let output = command.env(name, &port).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(name) && stderr.contains(&port), "{stderr}");
    }
}
