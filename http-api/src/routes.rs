//! Paths and what answers them.

use std::future::Future;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use braidcast_runtime_tokio::{Node, NodeError, Snapshot, SystemUsage};
use serde::Deserialize;

use crate::body;

/// What a node does not know about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Info {
    /// Its version; `dev` unless set.
    pub version: String,
    /// The commit it was built from, of which seven characters are shown; `unknown` unless set.
    pub commit: String,
    /// The country it is in; `unknown` unless set.
    pub country: String,
    /// That country's two-letter code; `unknown` unless set.
    pub country_iso: String,
}

impl Default for Info {
    fn default() -> Self {
        let unknown = || "unknown".to_owned();
        Self { version: "dev".to_owned(), commit: unknown(), country: unknown(), country_iso: unknown() }
    }
}

/// Where the state comes from: a [`Node`], or a stand-in in tests.
pub trait StateSource: Clone + Send + Sync + 'static {
    /// The state now.
    fn snapshot(&self) -> impl Future<Output = Result<Snapshot, NodeError>> + Send;
}

impl StateSource for Node {
    async fn snapshot(&self) -> Result<Snapshot, NodeError> {
        Self::snapshot(self).await
    }
}

struct Api<S> {
    source: S,
    usage: SystemUsage,
    info: Info,
}

type Shared<S> = State<Arc<Api<S>>>;

/// All paths, to be served or merged into a larger router.
pub fn router<S: StateSource>(source: S, usage: SystemUsage, info: Info) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/health", get(health::<S>))
        .route("/api/v1/health", get(health::<S>))
        .route("/api/v1/node-state", get(node_state::<S>))
        .route("/api/v1/version", get(version::<S>))
        .route("/api/v1/p2p-snapshot", get(p2p_snapshot::<S>))
        .route("/api/v1/topics", get(topics::<S>))
        .with_state(Arc::new(Api { source, usage, info }))
}

/// The node has stopped, or is about to.
struct Unavailable(NodeError);

impl From<NodeError> for Unavailable {
    fn from(error: NodeError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Unavailable {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "error": self.0.to_string() });
        (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
    }
}

async fn root() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "Braidcast node. See /api/v1/health.\n")
}

/// Asks the node for its state, so that a stopped node is not called healthy.
async fn health<S: StateSource>(State(api): Shared<S>) -> Result<Response, Unavailable> {
    let mode = api.source.snapshot().await?.mode;
    Ok(Json(body::health(mode, api.usage.now(), &api.info)).into_response())
}

async fn node_state<S: StateSource>(State(api): Shared<S>) -> Result<Response, Unavailable> {
    let snapshot = api.source.snapshot().await?;
    Ok(Json(body::node_state(&snapshot, &api.info)).into_response())
}

async fn version<S: StateSource>(State(api): Shared<S>) -> Response {
    Json(body::version(&api.info)).into_response()
}

async fn p2p_snapshot<S: StateSource>(State(api): Shared<S>) -> Result<Response, Unavailable> {
    let snapshot = api.source.snapshot().await?;
    Ok(Json(body::p2p_snapshot(&snapshot)).into_response())
}

#[derive(Deserialize)]
struct TopicsQuery {
    topic: Option<String>,
    #[serde(default)]
    nodeinfo: bool,
}

async fn topics<S: StateSource>(
    State(api): Shared<S>,
    Query(query): Query<TopicsQuery>,
) -> Result<Response, Unavailable> {
    let snapshot = api.source.snapshot().await?;
    Ok(Json(body::topics(&snapshot, query.topic.as_deref(), query.nodeinfo)).into_response())
}
