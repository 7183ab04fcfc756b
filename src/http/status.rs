//! `GET /v1/status`.

use axum::extract;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::{State, health};
use crate::clock::ClockStatus;
use crate::telemetry::status::{ClockFigures, IngestFigures, Status};

/// The state of everything. The store and the upstreams look at files and counters, which may wait for the card.
pub(super) async fn gather(state: State) -> Option<Status> {
    tokio::task::spawn_blocking(move || Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        gateway: state.gateway.clone(),
        configuration: state.configuration.get(),
        clock: clock(state.clock.status()),
        mqtt: state.mqtt.get().aged(),
        ingest: IngestFigures {
            accepted: state.ingest.accepted.get(),
            rejected: state.ingest.rejected.get(),
            skipped: state.ingest.skipped.get(),
        },
        store: state.store.status(),
        upstreams: state.upstreams.statuses(),
    })
    .await
    .ok()
}

fn clock(clock: ClockStatus) -> ClockFigures {
    let ClockStatus { trusted, doubt, jump_doubted, corrections } = clock;
    ClockFigures { trusted, doubt, jump_doubted, corrections }
}

pub(super) async fn show(extract::State(state): extract::State<State>) -> Response {
    let json = match gather(state).await {
        Some(status) => serde_json::to_vec(&status),
        None => return health::text(StatusCode::INTERNAL_SERVER_ERROR, "the status can't be read\n"),
    };
    match json {
        Ok(json) => ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], json).into_response(),
        Err(error) => health::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
