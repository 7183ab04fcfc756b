//! `POST /v1/upstreams/{name}/dead-letters/{id}/replay`, and `…/dead-letters/replay` for all: they go again. 202, since that
//! takes until the upstream answers.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::super::list_tables::json;
use super::{Parts, Problem};
use crate::operations::Upstreams;
use crate::operations::upstreams::Which;

#[derive(Serialize)]
struct Replaying {
    replaying: u64,
}

pub(super) async fn one(
    State(upstreams): State<Upstreams>,
    parts: Parts<(String, String)>,
) -> Result<Response, Problem> {
    let Path((name, id)) = parts?;
    replay(&upstreams, &name, super::one(&id)?).await
}

pub(super) async fn all(
    State(upstreams): State<Upstreams>,
    parts: Parts<String>,
) -> Result<Response, Problem> {
    let Path(name) = parts?;
    replay(&upstreams, &name, Which::All).await
}

async fn replay(upstreams: &Upstreams, name: &str, which: Which) -> Result<Response, Problem> {
    let replaying = upstreams.named(name)?.replay(which).await?;
    Ok((StatusCode::ACCEPTED, json(&Replaying { replaying })?).into_response())
}
