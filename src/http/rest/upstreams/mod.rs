//! The way out, under `/v1/upstreams`: how each upstream is, what its owner says to it, and its dead letters.

mod drop_letters;
mod get_letter;
mod list;
mod list_letters;
mod order;
mod replay_letters;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use super::problem::{Kind, Problem, method_not_allowed};
use crate::operations::Upstreams;
use crate::operations::upstreams::{LetterId, OrderError, Which};

/// A path's parts, percent-decoded.
type Parts<T> = Result<Path<T>, PathRejection>;

/// The paths of `/v1/upstreams`.
pub(in crate::http) fn router(upstreams: Upstreams) -> Router {
    let letters = || format!("{ONE}/dead-letters");
    Router::new()
        .route("/v1/upstreams", only(get(list::all)))
        .route(ONE, only(get(list::one)))
        .route(&format!("{ONE}/pause"), only(post(order::pause)))
        .route(&format!("{ONE}/resume"), only(post(order::resume)))
        .route(&format!("{ONE}/retry"), only(post(order::retry)))
        .route(&letters(), only(get(list_letters::answer).delete(drop_letters::all)))
        .route(&format!("{}/replay", letters()), only(post(replay_letters::all)))
        .route(&format!("{}/{{id}}", letters()), only(get(get_letter::answer).delete(drop_letters::one)))
        .route(&format!("{}/{{id}}/replay", letters()), only(post(replay_letters::one)))
        .layer(from_fn(refuse_pages_from_elsewhere))
        .with_state(upstreams)
}

const ONE: &str = "/v1/upstreams/{name}";

/// Other methods get a problem as well.
fn only(methods: MethodRouter<Upstreams>) -> MethodRouter<Upstreams> {
    methods.fallback(method_not_allowed)
}

/// An order has no body whose type would keep a page on some other site from sending it with a visitor's browser.
async fn refuse_pages_from_elsewhere(request: Request, next: Next) -> Response {
    if request.method() != Method::GET && is_from_elsewhere(request.headers()) {
        let detail = "the request comes from a page of another site";
        return Problem::new(Kind::Forbidden, detail).into_response();
    }
    next.run(request).await
}

fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(ORIGIN).is_some_and(|origin| origin.split_once("://").map(|(_, host)| host) != text(HOST))
}

/// Does what reads rows where that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OrderError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => Err(Problem::new(Kind::Internal, error.to_string())),
    }
}

/// The letter that a path names.
fn letter_id(text: &str) -> Result<LetterId, Problem> {
    text.parse()
        .map_err(|error: crate::operations::upstreams::NotAnId| Problem::bad_request(error.to_string()))
}

/// The one letter that a path names.
fn one(text: &str) -> Result<Which, Problem> {
    letter_id(text).map(Which::One)
}
