//! `POST /v1/upstreams/{name}/pause`, `…/resume` and `…/retry`; answers with how the upstream is then.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::list_tables::json;
use super::{Parts, Problem, blocking};
use crate::operations::Upstreams;
use crate::operations::upstreams::Order;

pub(super) async fn pause(upstreams: State<Upstreams>, parts: Parts<String>) -> Result<Response, Problem> {
    follow(upstreams, parts, Order::Pause).await
}

pub(super) async fn resume(upstreams: State<Upstreams>, parts: Parts<String>) -> Result<Response, Problem> {
    follow(upstreams, parts, Order::Resume).await
}

pub(super) async fn retry(upstreams: State<Upstreams>, parts: Parts<String>) -> Result<Response, Problem> {
    follow(upstreams, parts, Order::Retry).await
}

async fn follow(
    State(upstreams): State<Upstreams>,
    parts: Parts<String>,
    order: Order,
) -> Result<Response, Problem> {
    let Path(name) = parts?;
    let upstream = upstreams.named(&name)?;
    upstream.order(order).await?;
    json(&blocking(move || Ok(upstream.status())).await?)
}
