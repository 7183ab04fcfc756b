//! `GET /v1/upstreams` and `GET /v1/upstreams/{name}`: how they are.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Serialize;

use super::super::list_tables::json;
use super::{Parts, Problem, blocking};
use crate::operations::Upstreams;
use crate::telemetry::UpstreamStatus;

#[derive(Serialize)]
struct List {
    upstreams: Vec<UpstreamStatus>,
}

pub(super) async fn all(State(upstreams): State<Upstreams>) -> Result<Response, Problem> {
    json(&List { upstreams: blocking(move || Ok(upstreams.statuses())).await? })
}

pub(super) async fn one(
    State(upstreams): State<Upstreams>,
    parts: Parts<String>,
) -> Result<Response, Problem> {
    let Path(name) = parts?;
    let upstream = upstreams.named(&name)?;
    json(&blocking(move || Ok(upstream.status())).await?)
}
