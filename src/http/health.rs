//! Liveness and readiness.

use axum::extract;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;

use super::State;
use crate::telemetry::Watched;

/// Why the daemon is not ready; nothing once it is. Brokers, upstreams and the clock don't count.
#[derive(Debug)]
pub struct Readiness(Watched<Option<String>>);

impl Readiness {
    /// Not ready yet, for this reason.
    pub fn not_yet(reason: &str) -> Readiness {
        Readiness(Watched::new(Some(reason.to_owned())))
    }

    /// The store has replayed and every configured door is bound.
    pub fn ready(&self) {
        self.0.update(|reason| *reason = None);
    }

    /// No longer ready: draining.
    pub fn not(&self, why: &str) {
        self.0.update(|reason| *reason = Some(why.to_owned()));
    }

    /// Why not; `None` when ready.
    pub fn reason(&self) -> Option<String> {
        self.0.get()
    }
}

/// A text.
pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Response {
    (status, [(CONTENT_TYPE, "text/plain; charset=utf-8")], text.into()).into_response()
}

/// Answering is being alive.
pub(super) async fn live() -> Response {
    text(StatusCode::OK, "alive\n")
}

pub(super) async fn ready(extract::State(state): extract::State<State>) -> Response {
    match state.readiness.reason() {
        None => text(StatusCode::OK, "ready\n"),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")),
    }
}
