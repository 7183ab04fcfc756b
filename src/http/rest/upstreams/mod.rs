//! The way out, under `/v1/upstreams`: how each upstream is, what its owner says to it, and its dead letters.

mod drop_letters;
mod get_letter;
mod list;
mod list_letters;
mod order;
mod replay_letters;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
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
        .with_state(upstreams)
}

const ONE: &str = "/v1/upstreams/{name}";

/// Other methods get a problem as well.
fn only(methods: MethodRouter<Upstreams>) -> MethodRouter<Upstreams> {
    methods.fallback(method_not_allowed)
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
