//! Why operations fail. Doors give these their wire form.

use super::throughput::Exceeded;
use crate::expression::UpdateError;
use crate::model::{Image, ImageError};
use crate::store::{CommitError, ReadError};

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// No such table.
    #[error("table {0} not found")]
    ResourceNotFound(String),
    /// No such index: `Index by-kind for table readings`.
    #[error("{0} not found")]
    IndexNotFound(String),
    /// The service has a limit for this.
    #[error("{0}")]
    LimitExceeded(String),
    /// The table is there already.
    #[error("table {0} exists already")]
    ResourceInUse(String),
    /// The request is wrong; the text is DynamoDB's.
    #[error("{0}")]
    Validation(String),
    /// What is written does not go with its table, or with the item that stands there; the text is DynamoDB's. A
    /// transaction is cancelled by it, where [`EngineError::Validation`] refuses the request.
    #[error("{0}")]
    Unfit(String),
    /// The condition of a write does not hold of the item that stands there, which comes along where it was asked for.
    #[error("The conditional request failed")]
    ConditionFailed(Option<Image>),
    /// A transaction was cancelled: a reason for each of its actions, in order.
    #[error("{}", cancelled(.0))]
    Cancelled(Vec<Reason>),
    /// The provisioned capacity of the table, or of a global index that the write changes, is used up; nothing was written;
    /// try again later.
    #[error("the provisioned capacity of the table, or of a global index of it, is used up; try again later")]
    ThroughputExceeded(Exceeded),
    /// A token that came with another transaction within the last ten minutes.
    #[error(
        "a request with other parameters came with the same token within the last ten minutes; use another token"
    )]
    TokenReused,
    /// The table has deletion protection.
    #[error("table {0} is protected from deletion")]
    DeletionProtected(String),
    /// A stream can't be read so.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// The store is full; nothing was written.
    #[error("the store is full: {0}")]
    Full(String),
    /// Too much is waiting; nothing was written; try again.
    #[error("too many writes are waiting; try again")]
    Busy,
    /// The write may or may not be durable.
    #[error("the outcome of the write is not known: {0}")]
    OutcomeUnknown(String),
    /// Reading failed.
    #[error("{0}")]
    Internal(String),
}

/// What became of one action of a transaction that was cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing speaks against it.
    None,
    /// Its condition does not hold of the item that stands there, which comes along where it was asked for.
    ConditionFailed(Option<Image>),
    /// It is wrong; the text is DynamoDB's.
    Validation(String),
    /// The provisioned capacity of its table, or of a global index that it changes, is used up.
    ThroughputExceeded(Exceeded),
}

impl Reason {
    /// DynamoDB's code for it.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::None => "None",
            Reason::ConditionFailed(_) => "ConditionalCheckFailed",
            Reason::Validation(_) => "ValidationError",
            Reason::ThroughputExceeded(_) => "ProvisionedThroughputExceeded",
        }
    }
}

/// DynamoDB's words.
fn cancelled(reasons: &[Reason]) -> String {
    let codes: Vec<_> = reasons.iter().map(Reason::code).collect();
    format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    )
}

/// Why a stream can't be read so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// No such stream, or it ended more than a day ago.
    #[error("the stream is not found")]
    NotFound,
    /// What is asked for is no longer there.
    #[error("the records are no longer there")]
    Trimmed,
    /// The shard iterator was given out more than 15 minutes ago.
    #[error("the iterator has expired")]
    ExpiredIterator,
}

impl From<CommitError> for EngineError {
    fn from(error: CommitError) -> EngineError {
        match error {
            CommitError::Full(what) => EngineError::Full(what),
            CommitError::Busy => EngineError::Busy,
            CommitError::OutcomeUnknown(why) => EngineError::OutcomeUnknown(why),
        }
    }
}

impl From<ReadError> for EngineError {
    fn from(error: ReadError) -> EngineError {
        EngineError::Internal(error.to_string())
    }
}

impl From<ImageError> for EngineError {
    fn from(error: ImageError) -> EngineError {
        EngineError::Internal(error.to_string())
    }
}

impl From<UpdateError> for EngineError {
    fn from(error: UpdateError) -> EngineError {
        match error {
            UpdateError::Image(error) => error.into(),
            other => EngineError::Unfit(other.to_string()),
        }
    }
}

/// A [`EngineError::Validation`] with DynamoDB's text.
pub(super) fn invalid(text: impl Into<String>) -> EngineError {
    EngineError::Validation(text.into())
}

/// An [`EngineError::Unfit`] with DynamoDB's text.
pub(super) fn unfit(text: impl Into<String>) -> EngineError {
    EngineError::Unfit(text.into())
}
