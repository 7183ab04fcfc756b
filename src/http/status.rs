//! `GET /v1/status`.

use axum::extract;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::{State, health};
use crate::clock::ClockStatus;
use crate::store::StoreStatus;
use crate::telemetry::status::{ClockFigures, IngestFigures, Status, StoreFigures};

/// The state of everything. The store and the upstreams look at files and counters, which may wait for the card.
pub(super) async fn gather(state: State) -> Option<Status> {
    tokio::task::spawn_blocking(move || Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        gateway: state.gateway.clone(),
        clock: clock(state.clock.status()),
        mqtt: state.mqtt.get().aged(),
        ingest: IngestFigures {
            accepted: state.ingest.accepted.get(),
            rejected: state.ingest.rejected.get(),
            skipped: state.ingest.skipped.get(),
        },
        store: figures(state.store.status()),
        upstreams: state.upstreams.statuses(),
    })
    .await
    .ok()
}

fn clock(clock: ClockStatus) -> ClockFigures {
    let ClockStatus { trusted, doubt, jump_doubted, corrections } = clock;
    ClockFigures { trusted, doubt, jump_doubted, corrections }
}

fn figures(store: StoreStatus) -> StoreFigures {
    StoreFigures {
        items: store.items,
        bytes_on_disk: store.bytes_on_disk,
        bytes_written: store.bytes_written,
        bytes_written_journal: store.bytes_written_journal,
        bytes_written_tree: store.bytes_written_tree,
        commits: store.commits,
        changes: store.changes,
        folds: store.folds,
        segments: store.segments,
        overlay_bytes: store.overlay_bytes,
        published: store.published.0,
        folded_to: store.folded_to.0,
        expired: store.expired,
        dropped_items: store.dropped_items,
        marked: store.marked,
        full: store.full,
        damage: store.damage,
    }
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
