//! Counts requests by what they asked for and what they got.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::Method;

use super::dynamodb;
use crate::telemetry::{Door, Operation, RequestMetrics};

/// The layer's function.
pub(super) async fn count(
    State(requests): State<Arc<RequestMetrics>>,
    request: Request,
    next: Next,
) -> Response {
    let operation = operation(&request);
    let begun = Instant::now();
    let response = next.run(request).await;
    requests.answered(operation, response.status().as_u16(), begun.elapsed());
    response
}

/// Only what the daemon itself has names for, so that no client makes up new ones.
fn operation(request: &Request) -> Operation {
    let name = method(request.method());
    match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        Some("/") => match dynamodb::asked(request) {
            Some(name) => Operation { door: Door::Dynamodb, name, route: None },
            None => Operation { door: Door::Other, name, route: Some("/".into()) },
        },
        Some(route) => {
            let door = if route.starts_with("/v1/tables") { Door::Rest } else { Door::Other };
            Operation { door, name, route: Some(route.into()) }
        }
        None => Operation { door: Door::Other, name, route: Some("unmatched".into()) },
    }
}

fn method(method: &Method) -> &'static str {
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS]
        .iter()
        .zip(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
        .find(|(known, _)| *known == method)
        .map_or("other", |(_, name)| name)
}
