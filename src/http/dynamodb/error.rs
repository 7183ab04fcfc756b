//! The one table of errors: what goes wrong, and the type, status and words a client gets.
//!
//! SDKs act on the name behind `#` and on the status: 5xx and throttling are tried again, everything else is not.

use hyper::StatusCode;

use super::{cancellation, throttle};
use crate::engine::{EngineError, Reason, StreamError};
use crate::http::body::BodyError;
use crate::http::memory::Crowded;
use crate::model::dynamodb_json::{self, DecodeError, InvalidValue};
use crate::model::{Image, ImageError};

/// A kind of error, as the service tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// JSON that does not parse, or a member of the wrong type.
    Serialization,
    /// The operation is not there.
    UnknownOperation,
    /// The request is understood, and wrong.
    Validation,
    /// The condition of a write does not hold.
    ConditionalCheckFailed,
    /// A transaction was cancelled.
    TransactionCanceled,
    /// A token that came with another request.
    IdempotentParameterMismatch,
    /// No such table.
    ResourceNotFound,
    /// No such table, in the words of the operations on backups.
    TableNotFound,
    /// The table has no policy.
    PolicyNotFound,
    /// The table exists already.
    ResourceInUse,
    /// The table's provisioned capacity is used up: trying again later helps.
    ThroughputExceeded,
    /// What a shard iterator points to is no longer there.
    Trimmed,
    /// A shard iterator of more than 15 minutes ago.
    ExpiredIterator,
    /// Full: nothing was written, and trying again soon does not help.
    LimitExceeded,
    /// Too much at once: nothing was written, and trying again helps.
    Throttling,
    /// The body is too large; the service answers this without a body.
    TooLarge,
    /// The body did not come in time.
    RequestTimeout,
    /// A fault here, or an outcome that is not known.
    InternalServerError,
}

/// What a kind looks like on the wire.
pub(super) struct Form {
    /// The HTTP status.
    pub(super) status: StatusCode,
    /// The value of `__type`.
    pub(super) kind: &'static str,
    /// The member that holds the text: the service writes it in two ways.
    pub(super) member: &'static str,
}

impl Kind {
    /// The table.
    pub(super) fn form(self) -> Form {
        let (status, kind, member) = match self {
            Kind::Serialization => (400, "com.amazon.coral.service#SerializationException", "Message"),
            Kind::UnknownOperation => (400, "com.amazon.coral.service#UnknownOperationException", "message"),
            Kind::Validation => (400, "com.amazon.coral.validate#ValidationException", "message"),
            Kind::ConditionalCheckFailed => {
                (400, "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message")
            }
            Kind::TransactionCanceled => {
                (400, "com.amazonaws.dynamodb.v20120810#TransactionCanceledException", "Message")
            }
            Kind::IdempotentParameterMismatch => {
                (400, "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException", "Message")
            }
            Kind::ResourceNotFound => {
                (400, "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message")
            }
            Kind::TableNotFound => {
                (400, "com.amazonaws.dynamodb.v20120810#TableNotFoundException", "message")
            }
            Kind::PolicyNotFound => {
                (400, "com.amazonaws.dynamodb.v20120810#PolicyNotFoundException", "message")
            }
            Kind::ResourceInUse => {
                (400, "com.amazonaws.dynamodb.v20120810#ResourceInUseException", "message")
            }
            Kind::ThroughputExceeded => {
                (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message")
            }
            Kind::Trimmed => (400, "com.amazonaws.dynamodb.v20120810#TrimmedDataAccessException", "message"),
            Kind::ExpiredIterator => {
                (400, "com.amazonaws.dynamodb.v20120810#ExpiredIteratorException", "message")
            }
            Kind::LimitExceeded => {
                (400, "com.amazonaws.dynamodb.v20120810#LimitExceededException", "message")
            }
            Kind::Throttling => (400, "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message"),
            Kind::TooLarge => (413, "com.amazon.coral.service#RequestEntityTooLargeException", "message"),
            Kind::RequestTimeout => (408, "com.amazon.coral.service#RequestTimeoutException", "message"),
            Kind::InternalServerError => {
                (500, "com.amazonaws.dynamodb.v20120810#InternalServerError", "message")
            }
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Form { status, kind, member }
    }
}

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WireError {
    pub(super) kind: Kind,
    pub(super) message: Option<String>,
    /// The item that a condition was refused for, where it was asked for.
    pub(super) item: Option<Image>,
    /// Why a transaction was cancelled, by action.
    pub(super) reasons: Vec<Reason>,
}

impl WireError {
    /// An error of a kind, with its words.
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> WireError {
        WireError { message: Some(message.into()), ..WireError::wordless(kind) }
    }

    /// An error of a kind, without words.
    pub(super) fn wordless(kind: Kind) -> WireError {
        WireError { kind, message: None, item: None, reasons: Vec::new() }
    }

    /// ValidationException.
    pub(super) fn validation(message: impl Into<String>) -> WireError {
        WireError::new(Kind::Validation, message)
    }

    /// What the operations that write one item say of a request's own faults: as if of one violated constraint.
    pub(super) fn of_write(text: impl std::fmt::Display) -> WireError {
        WireError::validation(format!("1 validation error detected: {text}"))
    }

    /// The same for a refusal that is made already; one that has its envelope keeps it.
    pub(super) fn in_envelope(self) -> WireError {
        const ENVELOPE: &str = "1 validation error detected: ";
        match &self.message {
            Some(text) if self.kind == Kind::Validation && !text.starts_with(ENVELOPE) => {
                WireError::of_write(text)
            }
            _ => self,
        }
    }

    /// ValidationException, in the words with which the service begins most of them.
    pub(super) fn invalid(what: impl std::fmt::Display) -> WireError {
        WireError::validation(format!("One or more parameter values were invalid: {what}"))
    }

    /// A parameter that would change the result, and that is not there yet.
    pub(super) fn unsupported(parameter: &str) -> WireError {
        WireError::validation(format!(
            "The parameter {parameter} is not supported by this version of Forebay"
        ))
    }

    /// What the operations on tables themselves say; those on items do not name the table.
    pub(super) fn of_table(error: EngineError) -> WireError {
        match error {
            EngineError::ResourceNotFound(table) => WireError::new(
                Kind::ResourceNotFound,
                format!("Requested resource not found: Table: {table} not found"),
            ),
            other => other.into(),
        }
    }

    /// What the operations on streams say.
    pub(super) fn of_stream(error: EngineError, arn: &str) -> WireError {
        match error {
            EngineError::Stream(StreamError::NotFound) => WireError::new(
                Kind::ResourceNotFound,
                format!("Requested resource not found: Stream: {arn} not found"),
            ),
            other => other.into(),
        }
    }

    /// The body.
    pub(super) fn body(&self) -> Vec<u8> {
        let form = self.kind.form();
        let mut body = Vec::with_capacity(128);
        body.extend_from_slice(b"{\"__type\":\"");
        body.extend_from_slice(form.kind.as_bytes());
        body.push(b'"');
        if let Some(item) = &self.item {
            body.extend_from_slice(b",\"Item\":");
            if dynamodb_json::write_image(item.as_map(), &mut body).is_err() {
                body.extend_from_slice(b"null");
            }
        }
        if !self.reasons.is_empty() {
            body.extend_from_slice(b",\"CancellationReasons\":");
            cancellation::write(&self.reasons, &mut body);
        }
        if let Some(message) = &self.message {
            body.extend_from_slice(b",\"");
            body.extend_from_slice(form.member.as_bytes());
            body.extend_from_slice(b"\":");
            dynamodb_json::write_string(message, &mut body);
        }
        body.push(b'}');
        body
    }
}

impl From<EngineError> for WireError {
    fn from(error: EngineError) -> WireError {
        match error {
            EngineError::ResourceNotFound(_) => {
                WireError::new(Kind::ResourceNotFound, "Requested resource not found")
            }
            EngineError::ResourceInUse(table) => {
                WireError::new(Kind::ResourceInUse, format!("Table already exists: {table}"))
            }
            EngineError::IndexNotFound(index) => {
                WireError::new(Kind::ResourceNotFound, format!("Requested resource not found: {index}"))
            }
            EngineError::LimitExceeded(text) => WireError::new(Kind::LimitExceeded, text),
            EngineError::Validation(text) | EngineError::Unfit(text) => WireError::validation(text),
            EngineError::ConditionFailed(item) => {
                let text = "The conditional request failed";
                WireError { item, ..WireError::new(Kind::ConditionalCheckFailed, text) }
            }
            EngineError::Cancelled(ref reasons) => {
                let reasons = reasons.clone();
                WireError { reasons, ..WireError::new(Kind::TransactionCanceled, error.to_string()) }
            }
            EngineError::ThroughputExceeded(whose) => throttle::exceeded(whose),
            EngineError::TokenReused => WireError::new(Kind::IdempotentParameterMismatch, error.to_string()),
            EngineError::DeletionProtected(_) => WireError::validation(
                "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
            ),
            EngineError::Stream(StreamError::NotFound) => {
                WireError::new(Kind::ResourceNotFound, "Requested resource not found: Stream not found")
            }
            EngineError::Stream(StreamError::Trimmed) => WireError::new(
                Kind::Trimmed,
                "The operation attempted to read past the oldest stream record in a shard: it has been trimmed.",
            ),
            EngineError::Stream(StreamError::ExpiredIterator) => WireError::new(
                Kind::ExpiredIterator,
                "Shard iterator has expired. Shard iterators are valid for 15 minutes.",
            ),
            EngineError::Full(_) => WireError::new(Kind::LimitExceeded, error.to_string()),
            EngineError::Busy => WireError::new(Kind::Throttling, error.to_string()),
            EngineError::OutcomeUnknown(_) | EngineError::Internal(_) => internal(&error.to_string()),
        }
    }
}

fn internal(cause: &str) -> WireError {
    tracing::error!(cause, "a DynamoDB request failed");
    WireError::new(Kind::InternalServerError, cause)
}

impl From<DecodeError> for WireError {
    fn from(error: DecodeError) -> WireError {
        match error {
            DecodeError::Serialization(text) => WireError::new(Kind::Serialization, text),
            DecodeError::Validation(fault) => fault.into(),
        }
    }
}

impl From<InvalidValue> for WireError {
    fn from(fault: InvalidValue) -> WireError {
        WireError::validation(fault.to_string())
    }
}

impl From<ImageError> for WireError {
    fn from(error: ImageError) -> WireError {
        internal(&error.to_string())
    }
}

impl From<Crowded> for WireError {
    fn from(error: Crowded) -> WireError {
        WireError::new(Kind::Throttling, error.to_string())
    }
}

impl From<BodyError> for WireError {
    fn from(error: BodyError) -> WireError {
        let kind = match error {
            BodyError::TooLarge => Kind::TooLarge,
            BodyError::Slow => Kind::RequestTimeout,
            BodyError::Broken => Kind::Serialization,
            // The service's way to refuse these.
            BodyError::Encoding(_) => Kind::InternalServerError,
            BodyError::Crowded(_) => Kind::Throttling,
        };
        WireError::new(kind, error.to_string())
    }
}
