//! `GET /metrics`: the figures as Prometheus' text format, a file per subject. `docs/metrics.md` lists them all, and a test
//! holds it against the code.

mod broker;
mod daemon;
mod doors;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod upstreams;

use axum::extract;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;

use super::{State, health, status};
use crate::telemetry::process::{self, ProcessFigures};
use crate::telemetry::status::Status;
use crate::telemetry::{BrokerMetrics, HistogramFigures, ListenerMetrics, RequestMetrics};
use text::Text;

pub(super) async fn show(extract::State(state): extract::State<State>) -> Response {
    let Some(status) = status::gather(state.clone()).await else {
        return health::text(StatusCode::INTERNAL_SERVER_ERROR, "the status can't be read\n");
    };
    let (commit_us, commit_changes) = state.store.commits();
    let figures = Figures {
        status: &status,
        ready: state.readiness.reason().is_none(),
        process: process::read(),
        commit_us,
        commit_changes,
        listener: state.listener.as_deref(),
        broker: &state.broker,
        requests: &state.0.requests,
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], render(&figures)).into_response()
}

/// Everything that is shown.
struct Figures<'a> {
    status: &'a Status,
    ready: bool,
    process: ProcessFigures,
    commit_us: HistogramFigures,
    commit_changes: HistogramFigures,
    listener: Option<&'a ListenerMetrics>,
    broker: &'a BrokerMetrics,
    requests: &'a RequestMetrics,
}

/// All metrics.
fn render(figures: &Figures<'_>) -> String {
    let mut text = Text::new();
    daemon::render(&mut text, figures);
    doors::ingest(&mut text, &figures.status.ingest);
    if let Some(metrics) = figures.listener {
        doors::listener(&mut text, metrics);
    }
    broker::render(&mut text, &figures.status.mqtt, figures.broker);
    doors::requests(&mut text, figures.requests);
    store::render(&mut text, figures);
    upstreams::render(&mut text, &figures.status.upstreams);
    text.end()
}
