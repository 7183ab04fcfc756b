//! `GET /v1/upstreams/{name}/dead-letters/{id}`: one letter with its item.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::list_tables::json;
use super::{Parts, Problem, blocking, letter_id};
use crate::operations::Upstreams;

pub(super) async fn answer(
    State(upstreams): State<Upstreams>,
    parts: Parts<(String, String)>,
) -> Result<Response, Problem> {
    let Path((name, id)) = parts?;
    let (upstream, id) = (upstreams.named(&name)?, letter_id(&id)?);
    json(&blocking(move || upstream.letter(id)).await?)
}
