//! The JSON of each answer. Fields stand in alphabetical order, as they are written.

use std::collections::BTreeMap;

use braidcast_runtime_tokio::{
    ContentId, Mode, PeerId, PeerScore, PeerSnapshot, Snapshot, Topic, TopicSnapshot, Usage, peer_id_text,
};
use serde::Serialize;

use crate::routes::Info;

#[derive(Serialize)]
pub(crate) struct Health<'a> {
    country: &'a str,
    country_iso: &'a str,
    cpu_used: String,
    disk_used: String,
    memory_used: String,
    mode: &'static str,
    status: &'static str,
}

#[derive(Serialize)]
pub(crate) struct NodeState<'a> {
    addresses: &'a [String],
    country: &'a str,
    country_iso: &'a str,
    peers: Vec<String>,
    pub_key: String,
    topics: Vec<&'a str>,
}

#[derive(Serialize)]
pub(crate) struct Version<'a> {
    commit_hash: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
pub(crate) struct P2pSnapshot<'a> {
    connected_peers: Vec<Peer<'a>>,
    full_message_node_count: usize,
    fully_decoded_message_hashes: Vec<String>,
    partial_message_node_count: usize,
    seen_message_hashes: Vec<String>,
    total_peer_count: usize,
    undecoded_shard_buffer_sizes: BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct Peer<'a> {
    address: &'a str,
    coded: bool,
    peer_id: String,
    protocol: &'static str,
    /// `null` until measured.
    rtt_ms: Option<f64>,
    /// `null` when peers are not scored.
    score: Option<Score>,
    topics: Vec<&'a str>,
}

/// What the node thinks of a peer.
#[derive(Serialize)]
struct Score {
    /// Those that are not zero, in points.
    parts: BTreeMap<&'static str, f64>,
    points: f64,
    /// 0 to 1.
    reputation: f64,
}

#[derive(Serialize)]
pub(crate) struct Topics<'a> {
    count: usize,
    topics: Vec<TopicEntry<'a>>,
}

#[derive(Serialize)]
struct TopicEntry<'a> {
    mesh_peer_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<Vec<TopicNode<'a>>>,
    peer_count: usize,
    topic: &'a str,
}

/// A peer of a topic, told when `nodeinfo=true`.
#[derive(Serialize)]
struct TopicNode<'a> {
    address: Option<&'a str>,
    connected: bool,
    in_mesh: bool,
    peer_id: String,
}

pub(crate) fn health<'a>(mode: Mode, usage: Usage, info: &'a Info) -> Health<'a> {
    Health {
        country: &info.country,
        country_iso: &info.country_iso,
        cpu_used: percent(usage.cpu),
        disk_used: percent(usage.disk),
        memory_used: percent(usage.memory),
        mode: match mode {
            Mode::Optimum => "optimum",
            Mode::Gossipsub => "gossipsub",
        },
        status: "ok",
    }
}

pub(crate) fn node_state<'a>(snapshot: &'a Snapshot, info: &'a Info) -> NodeState<'a> {
    NodeState {
        addresses: &snapshot.listen,
        country: &info.country,
        country_iso: &info.country_iso,
        peers: snapshot.peers.iter().map(|link| peer_id_text(&link.peer)).collect(),
        pub_key: peer_id_text(&snapshot.peer_id),
        topics: snapshot.topics.iter().map(|joined| joined.topic.as_str()).collect(),
    }
}

pub(crate) fn version(info: &Info) -> Version<'_> {
    // Seven characters, as git shortens; a commit is hexadecimal, so any cut is at a character.
    Version { commit_hash: info.commit.get(..7).unwrap_or(&info.commit), version: &info.version }
}

pub(crate) fn p2p_snapshot(snapshot: &Snapshot) -> P2pSnapshot<'_> {
    let undecoded = &snapshot.undecoded;
    let complete = |content: &&ContentId| !undecoded.iter().any(|(id, _)| id == *content);
    P2pSnapshot {
        connected_peers: snapshot.peers.iter().map(peer).collect(),
        full_message_node_count: snapshot.peers.iter().filter(|link| !link.coded).count(),
        fully_decoded_message_hashes: snapshot.seen.iter().filter(complete).map(|id| id.to_hex()).collect(),
        partial_message_node_count: snapshot.peers.iter().filter(|link| link.coded).count(),
        seen_message_hashes: snapshot.seen.iter().map(|id| id.to_hex()).collect(),
        total_peer_count: snapshot.peers.len(),
        undecoded_shard_buffer_sizes: undecoded.iter().map(|(id, bytes)| (id.to_hex(), *bytes)).collect(),
    }
}

pub(crate) fn topics<'a>(snapshot: &'a Snapshot, only: Option<&str>, nodes: bool) -> Topics<'a> {
    let asked = |joined: &&TopicSnapshot| only.is_none_or(|topic| joined.topic.as_str() == topic);
    let topics: Vec<_> =
        snapshot.topics.iter().filter(asked).map(|joined| topic(snapshot, joined, nodes)).collect();
    Topics { count: topics.len(), topics }
}

fn topic<'a>(snapshot: &'a Snapshot, joined: &'a TopicSnapshot, nodes: bool) -> TopicEntry<'a> {
    let node = |peer: &PeerId| {
        let link = snapshot.peers.iter().find(|link| link.peer == *peer);
        TopicNode {
            address: link.map(|link| link.address.as_str()),
            connected: link.is_some(),
            in_mesh: joined.mesh.contains(peer),
            peer_id: peer_id_text(peer),
        }
    };
    TopicEntry {
        mesh_peer_count: joined.mesh.len(),
        nodes: nodes.then(|| joined.peers.iter().map(node).collect()),
        peer_count: joined.peers.len(),
        topic: joined.topic.as_str(),
    }
}

fn peer(link: &PeerSnapshot) -> Peer<'_> {
    Peer {
        address: &link.address,
        coded: link.coded,
        peer_id: peer_id_text(&link.peer),
        protocol: link.protocol.id(),
        rtt_ms: link.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
        score: link.score.as_ref().map(score),
        topics: link.topics.iter().map(Topic::as_str).collect(),
    }
}

fn score(known: &PeerScore) -> Score {
    let parts = known.parts.named().into_iter().map(|(name, part)| (name, part.millionths() as f64 / 1e6));
    Score {
        parts: parts.filter(|(_, points)| *points != 0.0).collect(),
        points: known.score.millionths() as f64 / 1e6,
        reputation: f64::from(known.reputation.permille()) / 1000.0,
    }
}

fn percent(value: f32) -> String {
    format!("{value:.2}")
}
