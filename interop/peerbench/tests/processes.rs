//! Nodes as processes, driven through their lines.
#![allow(clippy::unwrap_used, reason = "a test helper that fails is a test that fails")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

#[test]
fn coded_messages_go_both_ways_over_quic() {
    exchange(&["--mode", "coded", "--transport", "quic", "--k", "auto", "--threshold", "0.005"]);
}

#[test]
fn whole_messages_go_both_ways_over_tcp() {
    exchange(&["--mode", "gossipsub", "--transport", "tcp"]);
}

#[test]
fn a_bad_line_is_named_and_costs_nothing() {
    let mut node = Node::start(1, &[]);
    for (line, said) in [
        ("PUB many 1", "size \"many\""),
        ("HELLO", "want DIAL <address>"),
        ("DIAL nowhere", "cannot dial nowhere"),
        ("PUB 99999999999 5", "limit is"),
    ] {
        node.say(line);
        let log = node.wait("LOG ");
        assert!(log.contains(said), "{line}: {log}");
    }
    assert_eq!(node.stat("peers"), 0);
    node.quit();
}

/// A line of three nodes: each end's message reaches the other two, whole.
fn exchange(flags: &[&str]) {
    let mut nodes = [1, 2, 3].map(|seed| Node::start(seed, flags));
    let middle = nodes[1].address.clone();
    for end in [0, 2] {
        nodes[end].say(&format!("DIAL {middle}"));
    }
    for (node, neighbours) in nodes.iter_mut().zip([1, 2, 1]) {
        node.meshed(neighbours);
    }
    for (publisher, id) in [(0, 11), (2, 12)] {
        nodes[publisher].say(&format!("PUB 100000 {id}"));
        let published = clock(&nodes[publisher].wait(&format!("PUBLISHED {id} ")));
        for (index, node) in nodes.iter_mut().enumerate().filter(|(index, _)| *index != publisher) {
            let delivered = clock(&node.wait(&format!("DELIVER {id} ")));
            assert!(delivered >= published, "node {index}: {delivered} before {published}");
        }
    }
    for node in &mut nodes {
        assert_eq!(node.stat("dropped"), 0);
        node.quit();
    }
}

/// The time at the end of a line.
fn clock(line: &str) -> u64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

struct Node {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    address: String,
}

impl Node {
    fn start(seed: u64, flags: &[&str]) -> Self {
        let seed = seed.to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_peerbench-node"))
            .args(["--listen", "127.0.0.1:0", "--topic", "t", "--seed", &seed])
            .args(flags)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        let mut node = Self { child, stdin, lines, address: String::new() };
        node.address = node.wait("READY ").split(' ').nth(1).unwrap().to_owned();
        node
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// The next line that begins so; others are passed over, but a corrupt message fails the test.
    fn wait(&mut self, start: &str) -> String {
        let until = Instant::now() + WAIT_MAX;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no line {start:?}"));
            assert!(!line.starts_with("CORRUPT"), "{line}");
            if line.starts_with(start) {
                return line;
            }
        }
    }

    fn stat(&mut self, name: &str) -> u64 {
        self.say("STATS");
        let line = self.wait("STATS ");
        let values: Value = serde_json::from_str(line.strip_prefix("STATS ").unwrap()).unwrap();
        values[name].as_u64().unwrap_or_else(|| panic!("no {name} in {line}"))
    }

    /// Asks until the mesh has so many members.
    fn meshed(&mut self, members: u64) {
        let until = Instant::now() + WAIT_MAX;
        while self.stat("mesh") < members {
            assert!(Instant::now() < until, "the mesh does not form");
            thread::yield_now();
        }
    }

    fn quit(&mut self) {
        self.say("QUIT");
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A test has failed if it still runs; nobody is left to be told of a failure here.
        let _ended_already = self.child.kill();
        let _reaped_already = self.child.wait();
    }
}

/// Much longer than anything takes.
const WAIT_MAX: Duration = Duration::from_secs(60);
