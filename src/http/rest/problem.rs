//! The one table of errors: what goes wrong, and what a client gets (`application/problem+json`, RFC 9457).

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::engine::EngineError;
use crate::http::body::BodyError;
use crate::http::memory::Crowded;
use crate::ingest::payload::CborError;
use crate::model::ImageError;
use crate::model::dynamodb_json::write_string;
use crate::model::plain_json::PlainError;
use crate::operations::upstreams::OrderError;
use crate::store::CommitError;

/// A kind of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A path or a query parameter is wrong.
    BadRequest,
    /// Not from there.
    Forbidden,
    /// No such table, no such item.
    NotFound,
    /// The path does not know this method.
    MethodNotAllowed,
    /// The body did not come in time.
    Timeout,
    /// A table, or an upstream, is in a state that does not allow it.
    Conflict,
    /// The body, or a line of it, is too large.
    TooLarge,
    /// The body is of no type that is read here.
    MediaType,
    /// The body is not an item (or items).
    NotAnItem,
    /// The write may or may not be durable.
    OutcomeUnknown,
    /// A fault here.
    Internal,
    /// Too much at once; nothing was written; trying again helps.
    Busy,
    /// The store is full; nothing was written.
    Full,
}

impl Kind {
    /// The table: status, the last part of the type, title.
    fn form(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Kind::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request is wrong"),
            Kind::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "Not allowed"),
            Kind::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Kind::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed")
            }
            Kind::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "The body did not come in time"),
            Kind::Conflict => (StatusCode::CONFLICT, "conflict", "As things are, that can't be done"),
            Kind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
            Kind::MediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type")
            }
            Kind::NotAnItem => (StatusCode::UNPROCESSABLE_ENTITY, "not-an-item", "This can't be an item"),
            Kind::OutcomeUnknown => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "outcome-unknown",
                "It is not known whether the write is durable",
            ),
            Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
            Kind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Too much at once"),
            Kind::Full => (StatusCode::INSUFFICIENT_STORAGE, "store-full", "The store is full"),
        }
    }
}

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(super) kind: Kind,
    detail: String,
    /// Where in a stream of lines, and how many items were written before.
    stream: Option<(u64, u64)>,
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem { kind, detail: detail.into(), stream: None }
    }

    pub(super) fn not_an_item(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::NotAnItem, detail)
    }

    pub(super) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(Kind::BadRequest, detail)
    }

    /// What went wrong at this line of a stream, after so many items were written.
    pub(super) fn at_line(mut self, line: u64, written: u64) -> Problem {
        self.stream = Some((line, written));
        self
    }

    /// The same, with the detail told otherwise.
    pub(super) fn told(mut self, detail: impl FnOnce(String) -> String) -> Problem {
        self.detail = detail(self.detail);
        self
    }

    fn body(&self) -> Vec<u8> {
        let (status, kind, title) = self.kind.form();
        let mut out = Vec::with_capacity(128 + self.detail.len());
        out.extend_from_slice(b"{\"type\":");
        write_string(&format!("urn:forebay:problem:{kind}"), &mut out);
        out.extend_from_slice(b",\"title\":");
        write_string(title, &mut out);
        out.extend_from_slice(format!(",\"status\":{},\"detail\":", status.as_u16()).as_bytes());
        write_string(&self.detail, &mut out);
        if let Some((line, written)) = self.stream {
            out.extend_from_slice(format!(",\"line\":{line},\"written\":{written}").as_bytes());
        }
        out.push(b'}');
        out
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.kind.form().0, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.kind == Kind::Busy {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// The answer to a method that a path does not know; the router adds `Allow`.
pub(super) async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "this path does not know the method; Allow names those it does")
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Problem {
        let text = error.to_string();
        match error {
            EngineError::ResourceNotFound(table) => {
                Problem::new(Kind::NotFound, format!("there is no table {table}"))
            }
            EngineError::IndexNotFound(_) => Problem::new(Kind::NotFound, text),
            EngineError::ResourceInUse(_)
            | EngineError::LimitExceeded(_)
            | EngineError::DeletionProtected(_)
            | EngineError::Cancelled(_)
            | EngineError::TokenReused
            | EngineError::ConditionFailed(_) => Problem::new(Kind::Conflict, text),
            EngineError::Validation(_) | EngineError::Unfit(_) => Problem::not_an_item(text),
            EngineError::Full(_) => Problem::new(Kind::Full, text),
            EngineError::ThroughputExceeded(_) | EngineError::Busy => Problem::new(Kind::Busy, text),
            EngineError::OutcomeUnknown(_) => Problem::new(Kind::OutcomeUnknown, text),
            EngineError::Internal(_) | EngineError::Stream(_) => Problem::new(Kind::Internal, text),
        }
    }
}

impl From<OrderError> for Problem {
    fn from(error: OrderError) -> Problem {
        let kind = match &error {
            OrderError::NotFound(_) => Kind::NotFound,
            OrderError::Conflict(_) => Kind::Conflict,
            OrderError::Commit(CommitError::Full(_)) => Kind::Full,
            OrderError::Commit(CommitError::Busy) => Kind::Busy,
            OrderError::Commit(CommitError::OutcomeUnknown(_)) => Kind::OutcomeUnknown,
            OrderError::Read(_) => Kind::Internal,
        };
        Problem::new(kind, error.to_string())
    }
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Problem {
        let kind = match error {
            BodyError::TooLarge => Kind::TooLarge,
            BodyError::Slow => Kind::Timeout,
            BodyError::Broken => Kind::BadRequest,
            BodyError::Encoding(_) => Kind::MediaType,
            BodyError::Crowded(_) => Kind::Busy,
        };
        Problem::new(kind, error.to_string())
    }
}

impl From<Crowded> for Problem {
    fn from(error: Crowded) -> Problem {
        Problem::new(Kind::Busy, error.to_string())
    }
}

impl From<PlainError> for Problem {
    fn from(error: PlainError) -> Problem {
        Problem::not_an_item(error.to_string())
    }
}

impl From<CborError> for Problem {
    fn from(error: CborError) -> Problem {
        Problem::not_an_item(error.to_string())
    }
}

impl From<ImageError> for Problem {
    fn from(error: ImageError) -> Problem {
        Problem::new(Kind::Internal, error.to_string())
    }
}

impl From<axum::extract::rejection::PathRejection> for Problem {
    fn from(_: axum::extract::rejection::PathRejection) -> Problem {
        Problem::bad_request("a part of the path is not UTF-8 once percent-decoded")
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn the_engines_errors() {
        let text = || "why".to_owned();
        for (error, status, kind) in [
            (EngineError::ResourceNotFound(text()), 404, "not-found"),
            (EngineError::ResourceInUse(text()), 409, "conflict"),
            (EngineError::DeletionProtected(text()), 409, "conflict"),
            (EngineError::ConditionFailed(None), 409, "conflict"),
            (EngineError::Validation(text()), 422, "not-an-item"),
            (EngineError::Unfit(text()), 422, "not-an-item"),
            (EngineError::Full(text()), 507, "store-full"),
            (EngineError::Busy, 503, "busy"),
            (EngineError::OutcomeUnknown(text()), 500, "outcome-unknown"),
            (EngineError::Internal(text()), 500, "internal"),
        ] {
            let response = Problem::from(error).at_line(3, 2).into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(json["type"], format!("urn:forebay:problem:{kind}"));
            assert_eq!(
                (&json["status"], &json["line"], &json["written"]),
                (&status.into(), &3.into(), &2.into())
            );
        }
    }
}
