//! The answers, as text: scripts search them so.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use braidcast_http_api::{Info, StateSource, bind, router, serve};
use braidcast_runtime_tokio::{
    ContentId, Counters, Mode, NodeError, PeerId, PeerScore, PeerSnapshot, Protocol, Reputation, Score,
    ScoreParts, Snapshot, SystemUsage, Topic, TopicSnapshot,
};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

#[derive(Clone)]
struct Fixed(Arc<Result<Snapshot, NodeError>>);

impl StateSource for Fixed {
    async fn snapshot(&self) -> Result<Snapshot, NodeError> {
        self.0.as_ref().clone()
    }
}

fn peer(number: u8) -> PeerId {
    PeerId::from_bytes(&[&[0, 36, 8, 1, 18, 32][..], &[number; 32]].concat()).unwrap()
}

fn idle() -> Snapshot {
    Snapshot {
        peer_id: peer(1),
        mode: Mode::Optimum,
        listen: vec![],
        peers: vec![],
        topics: vec![],
        seen: vec![],
        undecoded: vec![],
        counters: Counters::default(),
    }
}

fn busy() -> Snapshot {
    let link = |number, coded, rtt| PeerSnapshot {
        peer: peer(number),
        address: format!("/ip4/10.0.0.{number}/tcp/7070"),
        protocol: Protocol::Meshsub12,
        coded,
        rtt,
        topics: vec![Topic::new("t")],
        score: coded.then(|| PeerScore {
            peer: peer(number),
            linked: true,
            score: Score::new(-18),
            parts: ScoreParts { mesh_time: Score::new(2), invalid: Score::new(-20), ..ScoreParts::default() },
            reputation: Reputation::from_permille(425),
            observed: true,
        }),
    };
    Snapshot {
        listen: vec!["/ip4/172.28.0.12/tcp/7070".to_owned()],
        peers: vec![link(2, true, Some(Duration::from_micros(1500))), link(3, false, None)],
        topics: vec![
            TopicSnapshot { topic: Topic::new("t"), mesh: vec![peer(2)], peers: vec![peer(2), peer(3)] },
            TopicSnapshot { topic: Topic::new("u"), mesh: vec![], peers: vec![] },
        ],
        seen: vec![ContentId::of(b"whole"), ContentId::of(b"part")],
        undecoded: vec![(ContentId::of(b"part"), 2048)],
        ..idle()
    }
}

fn api(snapshot: Result<Snapshot, NodeError>) -> Router {
    let info = Info { version: "v0.1.0".to_owned(), commit: "8f3057d0123".to_owned(), ..Info::default() };
    router(Fixed(Arc::new(snapshot)), SystemUsage::start(), info)
}

async fn get(api: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = api.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn ok(api: &Router, path: &str) -> String {
    let (status, body) = get(api, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

#[tokio::test]
async fn health_is_compact_and_its_percentages_are_text() {
    let api = api(Ok(idle()));
    for path in ["/api/v1/health", "/health"] {
        let body = ok(&api, path).await;
        assert!(body.ends_with(r#""mode":"optimum","status":"ok"}"#), "{body}");
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&body).unwrap();
        for key in ["cpu_used", "disk_used", "memory_used"] {
            let text = value[key].as_str().unwrap();
            assert_eq!(text.split_once('.').unwrap().1.len(), 2, "{key} {text}");
        }
        assert_eq!((&value["country"], &value["country_iso"]), (&"unknown".into(), &"unknown".into()));
    }
}

#[tokio::test]
async fn version_has_seven_characters_of_the_commit() {
    let body = ok(&api(Ok(idle())), "/api/v1/version").await;
    assert_eq!(body, r#"{"commit_hash":"8f3057d","version":"v0.1.0"}"#);
}

#[tokio::test]
async fn an_idle_node_has_empty_lists() {
    let api = api(Ok(idle()));
    let state = ok(&api, "/api/v1/node-state").await;
    assert!(state.starts_with(
        r#"{"addresses":[],"country":"unknown","country_iso":"unknown","peers":[],"pub_key":"12D3KooW"#
    ));
    assert!(state.ends_with(r#"","topics":[]}"#), "{state}");
    assert_eq!(
        ok(&api, "/api/v1/p2p-snapshot").await,
        concat!(
            r#"{"connected_peers":[],"full_message_node_count":0,"fully_decoded_message_hashes":[],"#,
            r#""partial_message_node_count":0,"seen_message_hashes":[],"total_peer_count":0,"#,
            r#""undecoded_shard_buffer_sizes":{}}"#
        )
    );
    assert_eq!(ok(&api, "/api/v1/topics").await, r#"{"count":0,"topics":[]}"#);
}

#[tokio::test]
async fn a_busy_node_tells_its_peers_topics_and_messages() {
    let api = api(Ok(busy()));
    let state: serde_json::Value = serde_json::from_str(&ok(&api, "/api/v1/node-state").await).unwrap();
    assert_eq!(state["addresses"][0], "/ip4/172.28.0.12/tcp/7070");
    assert_eq!(state["topics"], serde_json::json!(["t", "u"]));
    assert_eq!(state["peers"].as_array().unwrap().len(), 2);

    let snapshot: serde_json::Value = serde_json::from_str(&ok(&api, "/api/v1/p2p-snapshot").await).unwrap();
    let (whole, part) = (ContentId::of(b"whole").to_hex(), ContentId::of(b"part").to_hex());
    assert_eq!(snapshot["seen_message_hashes"], serde_json::json!([whole, part]));
    assert_eq!(snapshot["fully_decoded_message_hashes"], serde_json::json!([whole]));
    assert_eq!(snapshot["undecoded_shard_buffer_sizes"][part], 2048);
    assert_eq!(snapshot["total_peer_count"], 2);
    assert_eq!(snapshot["partial_message_node_count"], 1);
    assert_eq!(snapshot["connected_peers"][0]["rtt_ms"], 1.5);
    assert_eq!(snapshot["connected_peers"][1]["rtt_ms"], serde_json::Value::Null);
    let judged = serde_json::json!({
        "parts": { "invalid": -20.0, "mesh-time": 2.0 }, "points": -18.0, "reputation": 0.425
    });
    assert_eq!(snapshot["connected_peers"][0]["score"], judged);
    assert_eq!(snapshot["connected_peers"][1]["score"], serde_json::Value::Null);
}

#[tokio::test]
async fn topics_can_be_asked_for_one_by_one_and_with_their_nodes() {
    let api = api(Ok(busy()));
    assert_eq!(
        ok(&api, "/api/v1/topics").await,
        concat!(
            r#"{"count":2,"topics":[{"mesh_peer_count":1,"peer_count":2,"topic":"t"},"#,
            r#"{"mesh_peer_count":0,"peer_count":0,"topic":"u"}]}"#
        )
    );
    let one = ok(&api, "/api/v1/topics?topic=t&nodeinfo=true").await;
    let one: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!((&one["count"], &one["topics"][0]["topic"]), (&1.into(), &"t".into()));
    let nodes = one["topics"][0]["nodes"].as_array().unwrap();
    assert_eq!(nodes[0]["address"], "/ip4/10.0.0.2/tcp/7070");
    assert_eq!((&nodes[0]["in_mesh"], &nodes[1]["in_mesh"]), (&true.into(), &false.into()));
    assert_eq!(nodes[0]["connected"], true);
    assert_eq!(ok(&api, "/api/v1/topics?topic=none").await, r#"{"count":0,"topics":[]}"#);
}

#[tokio::test]
async fn a_stopped_node_is_not_healthy() {
    let api = api(Err(NodeError::Stopped));
    let (status, body) = get(&api, "/api/v1/health").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body, r#"{"error":"the node has stopped"}"#);
    ok(&api, "/").await;
    ok(&api, "/api/v1/version").await;
}

#[tokio::test]
async fn it_is_served_until_the_shutdown_and_a_taken_address_is_named() {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let error = bind(address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));

    let shutdown = CancellationToken::new();
    let node = Fixed(Arc::new(Ok(idle())));
    let serving =
        tokio::spawn(serve(listener, node, SystemUsage::start(), Info::default(), shutdown.clone()));
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: node\r\n\r\n").await.unwrap();
    let mut answer = [0; 15];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");
    // The connection stays open; the server goes nevertheless.
    shutdown.cancel();
    tokio::time::timeout(Duration::from_secs(30), serving).await.unwrap().unwrap().unwrap();
}
