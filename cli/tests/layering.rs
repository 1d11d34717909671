//! The architecture's arrows as a test: who may know whom, by `cargo metadata`.
#![allow(clippy::unwrap_used, reason = "a test helper that fails is a test that fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What one crate may and must not depend on.
struct Layer {
    /// Without the prefix `braidcast-`.
    name: &'static str,
    /// Crates of ours it may name in its manifest.
    may: &'static [&'static str],
    /// Packages it must not name in its manifest.
    never_direct: &'static [&'static str],
    /// Packages that must not be anywhere below it.
    never_at_all: &'static [&'static str],
}

const fn layer(name: &'static str, may: &'static [&'static str]) -> Layer {
    Layer { name, may, never_direct: &[], never_at_all: &[] }
}

/// `ARCHITECTURE.md`, "who may import what"; crates that are yet to come included.
const LAYERS: &[Layer] = &[
    Layer { never_at_all: PURE, ..layer("coding", &[]) },
    Layer { never_at_all: PURE, ..layer("protocol", &["coding"]) },
    Layer { never_at_all: &["tonic", "axum"], ..layer("transport", &[]) },
    Layer { never_at_all: &["tonic", "axum"], ..layer("runtime-tokio", &["protocol", "transport"]) },
    Layer { never_at_all: PURE, ..layer("runtime-sim", &["protocol"]) },
    Layer { never_at_all: WORLD, ..layer("sim-scenarios", &["runtime-sim", "protocol"]) },
    Layer { never_direct: LINKS, ..layer("sidecar", &["runtime-tokio"]) },
    Layer { never_direct: LINKS, never_at_all: &["tonic"], ..layer("http-api", &["runtime-tokio"]) },
    Layer { never_direct: LINKS, never_at_all: &["tonic", "axum"], ..layer("bus", &["runtime-tokio"]) },
    Layer { never_direct: LINKS, ..layer("gateway", &["sidecar"]) },
    layer("bench", &["coding", "runtime-tokio"]),
    layer("interop", &[]),
    Layer { never_direct: LINKS, never_at_all: &["tonic", "axum"], ..layer("peerbench", &["runtime-tokio"]) },
    layer(
        "cli",
        &[
            "bench",
            "coding",
            "protocol",
            "transport",
            "runtime-tokio",
            "runtime-sim",
            "sim-scenarios",
            "sidecar",
            "http-api",
            "bus",
            "gateway",
        ],
    ),
];

/// What touches the world: none of it belongs below the pure half.
const PURE: &[&str] = &["tokio", "async-std", "smol", "mio", "libp2p", "quinn", "tonic", "axum", "getrandom"];
/// The same for a crate that has files and threads, but no network. Its Parquet library seeds a hash map.
const WORLD: &[&str] = &["tokio", "async-std", "smol", "mio", "libp2p", "quinn", "tonic", "axum"];
/// What only the transport may speak.
const LINKS: &[&str] = &["libp2p", "quinn"];

#[test]
fn every_crate_knows_only_what_its_layer_may_know() {
    let graph = Graph::read();
    let mut broken = Vec::new();
    for package in &graph.ours {
        let name = graph.names[package].trim_start_matches(PREFIX);
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
            broken.push(format!("{name} is not in the table of layers"));
            continue;
        };
        let direct = graph.direct(package);
        for other in direct.iter().filter_map(|other| other.strip_prefix(PREFIX)) {
            if !layer.may.contains(&other) {
                broken.push(format!("{name} must not know {other}"));
            }
        }
        broken.extend(named(layer.never_direct, &direct).map(|it| format!("{name} must not name {it}")));
        let below = graph.below(package);
        broken.extend(named(layer.never_at_all, &below).map(|it| format!("{name} must not stand on {it}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_crate_has_a_description() {
    let metadata = metadata(&["--no-deps"]);
    for package in list(&metadata["packages"]) {
        let description = package["description"].as_str().unwrap_or_default();
        assert!(description.len() > 10, "{} has no description", package["name"]);
    }
}

/// Dependencies of the build, by package id; those of tests are free.
struct Graph {
    names: BTreeMap<String, String>,
    ours: Vec<String>,
    direct: BTreeMap<String, Vec<String>>,
}

impl Graph {
    fn read() -> Self {
        // One platform is enough, and needs no downloads for others.
        let metadata = metadata(&["--filter-platform", "x86_64-unknown-linux-gnu"]);
        let packages =
            list(&metadata["packages"]).map(|package| (text(&package["id"]), text(&package["name"])));
        let nodes = list(&metadata["resolve"]["nodes"]).map(|node| {
            let is_built = |kind: &Value| kind["kind"].is_null();
            let built = list(&node["deps"]).filter(|it| list(&it["dep_kinds"]).any(is_built));
            (text(&node["id"]), built.map(|it| text(&it["pkg"])).collect())
        });
        let ours = list(&metadata["workspace_members"]).map(text).collect();
        Self { names: packages.collect(), ours, direct: nodes.collect() }
    }

    /// Names of what a package's manifest names.
    fn direct(&self, id: &str) -> BTreeSet<String> {
        self.direct[id].iter().map(|other| self.names[other].clone()).collect()
    }

    /// Names of everything that a package stands on.
    fn below(&self, id: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            open.extend(
                self.direct[id].iter().filter(|other| found.insert(other.as_str())).map(String::as_str),
            );
        }
        found.into_iter().map(|id| self.names[id].clone()).collect()
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn named<'a>(never: &'a [&str], known: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    never.iter().copied().filter(|name| known.contains(*name))
}

fn metadata(args: &[&str]) -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--locked"]).args(args);
    let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const PREFIX: &str = "braidcast-";
