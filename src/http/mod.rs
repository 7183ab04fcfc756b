//! The HTTP door: the listener and its limits, DynamoDB's API, REST, status, health and metrics.
//!
//! Bodies are read within a bound on what all of them may hold together ([`memory`]), within a time ([`body`]), by
//! connections that are bounded in number, idle time and head size ([`listener`]).

pub mod accept_encoding;
pub mod body;
mod connection;
mod count;
pub mod dynamodb;
pub mod encoding;
mod health;
pub mod listener;
pub mod memory;
mod metrics;
mod rejected;
pub mod rest;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get};

pub use dynamodb::DynamodbSettings;
pub use health::Readiness;
pub use listener::{Server, ServerSettings};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::ingest::Accept;
use crate::operations::Upstreams;
use crate::store::Store;
use crate::telemetry::{
    BrokerMetrics, ConfigurationFigures, IngestMetrics, ListenerMetrics, MqttStatus, RequestMetrics, Watched,
};
use body::Pace;
use memory::Memory;

/// What all request bodies may hold at once, in bytes.
const REQUESTS: usize = 64 << 20;
/// What all answers may hold at once, in bytes.
const ANSWERS: usize = 64 << 20;

/// What the doors show and work with; `app` builds it.
#[derive(Clone)]
pub struct State(Arc<Whole>);

/// The parts, and what is counted while they work.
pub struct Whole {
    parts: Parts,
    requests: Arc<RequestMetrics>,
}

/// The parts of a [`State`].
pub struct Parts {
    /// The gateway's identity.
    pub gateway: String,
    /// What became of the configuration.
    pub configuration: Arc<Watched<ConfigurationFigures>>,
    /// The engine.
    pub engine: Engine,
    /// The way in for REST.
    pub accept: Accept,
    /// For its figures.
    pub store: Store,
    /// For its trust.
    pub clock: Clock,
    /// `[dynamodb]`.
    pub dynamodb: DynamodbSettings,
    /// Whether every configured door is bound, and if not, why.
    pub readiness: Arc<Readiness>,
    /// Items from MQTT and REST.
    pub ingest: Arc<IngestMetrics>,
    /// The MQTT doors.
    pub mqtt: Arc<Watched<MqttStatus>>,
    /// The broker client's figures.
    pub broker: Arc<BrokerMetrics>,
    /// The MQTT listener's figures, if there is one.
    pub listener: Option<Arc<ListenerMetrics>>,
    /// The upstreams.
    pub upstreams: Upstreams,
}

impl State {
    /// A state of these parts.
    pub fn new(parts: Parts) -> State {
        State(Arc::new(Whole { parts, requests: Arc::default() }))
    }
}

impl std::ops::Deref for State {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}

/// How bodies may come in.
const PACE: Pace = Pace { idle: Duration::from_secs(20), whole: Duration::from_secs(300) };

/// All paths.
pub fn router(state: State) -> Router {
    let (bodies, answers) = (Memory::new(REQUESTS), Memory::new(ANSWERS));
    let door = dynamodb::Door::new(
        state.engine.clone(),
        state.dynamodb.clone(),
        bodies.clone(),
        answers.clone(),
        PACE,
    );
    let rest = rest::Rest {
        engine: state.engine.clone(),
        accept: state.accept.clone(),
        metrics: Arc::clone(&state.ingest),
        bodies,
        answers,
        pace: PACE,
    };
    let upstreams = rest::upstreams::router(state.upstreams.clone());
    let root = move |request: Request| {
        let door = door.clone();
        async move { dynamodb::answer(&door, request).await }
    };
    let requests = Arc::clone(&state.0.requests);
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .route("/v1/status", get(status::show))
        .route("/v1/rejected", get(rejected::show))
        .with_state(state)
        .merge(rest::router(rest))
        .merge(upstreams)
        .route("/", any(root))
        .fallback(missing)
        .layer(from_fn_with_state(requests, count::count))
}

async fn missing() -> Response {
    health::text(hyper::StatusCode::NOT_FOUND, "there is nothing at this path\n")
}
