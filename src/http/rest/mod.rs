//! REST: items and tables as plain JSON under `/v1/tables`.
//!
//! Items come in as one object, an array (one commit), lines (NDJSON, streamed) or CBOR, and go out as JSON; with
//! `?format=dynamodb` JSON is DynamoDB's in both directions, and so lossless. Errors are `application/problem+json`
//! (RFC 9457); `problem` has the table. What is in a body and can't be an item is 422, broken JSON included; a query
//! parameter that is wrong is 400.

mod content;
mod cursor;
mod delete_item;
mod describe_table;
mod get_items;
mod list_tables;
mod parameter;
mod post_items;
mod problem;
mod put_item;
mod stream_items;
mod table;
#[cfg(test)]
mod tests;
pub(super) mod upstreams;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::routing::{get, post};

pub use problem::Problem;

use super::body::Pace;
use super::memory::Memory;
use crate::engine::Engine;
use crate::ingest::Accept;
use crate::model::TableDef;
use crate::security::{Authorized, Principal, authorize};
use crate::telemetry::IngestMetrics;

/// What the REST door works with; cheap to clone.
#[derive(Clone)]
pub struct Rest {
    /// Where requests go.
    pub engine: Engine,
    /// Where items come in.
    pub accept: Accept,
    /// What can't be an item is counted here.
    pub metrics: Arc<IngestMetrics>,
    /// The memory of bodies.
    pub bodies: Memory,
    /// The memory of answers.
    pub answers: Memory,
    /// How long bodies may take.
    pub pace: Pace,
}

/// A path's parts, percent-decoded.
type Parts<T> = Result<Path<T>, PathRejection>;

/// The paths of `/v1/tables`.
pub fn router(rest: Rest) -> Router {
    let item = || {
        get(get_items::of_partition)
            .put(put_item::by_partition)
            .delete(delete_item::by_partition)
            .fallback(problem::method_not_allowed)
    };
    let sorted_item = || {
        get(get_items::one)
            .put(put_item::by_key)
            .delete(delete_item::by_key)
            .fallback(problem::method_not_allowed)
    };
    Router::new()
        .route("/v1/tables", get(list_tables::answer).fallback(problem::method_not_allowed))
        .route("/v1/tables/{table}", get(describe_table::answer).fallback(problem::method_not_allowed))
        .route("/v1/tables/{table}/items", post(post_items::answer).fallback(problem::method_not_allowed))
        .route("/v1/tables/{table}/items/{partition}", item())
        .route("/v1/tables/{table}/items/{partition}/{sort}", sorted_item())
        .with_state(rest)
}

impl Rest {
    /// A live table.
    fn table(&self, name: &str) -> Result<Arc<TableDef>, Problem> {
        Ok(self.engine.table(name)?)
    }
}

/// Who asks: with `auth = "off"` every caller is the local one.
const CALLER: Principal = Principal::Local;

/// A request of whoever asks.
fn allowed<T>(request: T) -> Authorized<T> {
    authorize(CALLER, request)
}
