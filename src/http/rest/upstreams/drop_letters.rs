//! `DELETE /v1/upstreams/{name}/dead-letters/{id}` (204), and `…/dead-letters` for all: they are thrown away.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

use super::super::list_tables::json;
use super::{Parts, Problem};
use crate::operations::Upstreams;
use crate::operations::upstreams::Which;

#[derive(Serialize)]
struct Dropped {
    dropped: u64,
}

pub(super) async fn one(
    State(upstreams): State<Upstreams>,
    parts: Parts<(String, String)>,
) -> Result<StatusCode, Problem> {
    let Path((name, id)) = parts?;
    upstreams.named(&name)?.discard(super::one(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn all(
    State(upstreams): State<Upstreams>,
    parts: Parts<String>,
) -> Result<Response, Problem> {
    let Path(name) = parts?;
    let dropped = upstreams.named(&name)?.discard(Which::All).await?;
    json(&Dropped { dropped })
}
