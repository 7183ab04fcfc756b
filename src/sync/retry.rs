//! What an answer means, as data; and how long to wait after a failure. Pure: randomness is an argument.

use std::time::Duration;

use serde::Deserialize;

use super::batch::Picked;
use super::wire;

#[cfg(test)]
mod tests;

/// What came back from the upstream.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// `x-amzn-errortype`.
    pub error_type: Option<&'a str>,
    /// `x-amz-crc32`.
    pub crc: Option<u32>,
    /// The body.
    pub body: &'a [u8],
}

/// What to do about a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The upstream took all but these (places in the batch), which go again.
    Taken {
        /// `UnprocessedItems`.
        back: Vec<usize>,
    },
    /// It asks for less: all go again, slower.
    Throttled(String),
    /// Whatever answered, if anything did, was not the upstream: all go again, later.
    Unreachable(String),
    /// The upstream failed: all go again, later; when that repeats, something in the batch may be the cause.
    Faulty(String),
    /// The upstream refuses something in the batch for itself: find out what.
    Refused(String),
    /// A table is not there (yet), or not for us: all go again once it is.
    Table(String),
    /// The signature's time is off: sign again by the upstream's `Date`.
    Skewed(String),
    /// Somebody must put a thing right first (credentials, permissions): all go again, later.
    Blocked(String),
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "__type")]
    kind: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// Judges the answer to a BatchWriteItem.
pub fn judge(answer: &Answer<'_>, batch: &[Picked]) -> Verdict {
    sort(answer, || match wire::unprocessed(answer.body, batch) {
        Ok(back) => Verdict::Taken { back },
        Err(what) => Verdict::Unreachable(format!("not DynamoDB's answer (a captive portal?): {what}")),
    })
}

/// Judges the answer to a DescribeTable or ListTables.
pub fn judge_description(answer: &Answer<'_>) -> Verdict {
    sort(answer, || {
        let body: Option<serde_json::Value> = serde_json::from_slice(answer.body).ok();
        let table = body.as_ref().and_then(|body| body.get("Table"));
        match table.and_then(|table| table.get("TableStatus")).and_then(serde_json::Value::as_str) {
            Some(status @ ("CREATING" | "DELETING" | "ARCHIVING" | "ARCHIVED")) => {
                Verdict::Table(format!("the table is {status}"))
            }
            _ if table.is_some() => Verdict::Taken { back: Vec::new() },
            _ if body.as_ref().is_some_and(|body| body.get("TableNames").is_some()) => {
                Verdict::Taken { back: Vec::new() }
            }
            _ => Verdict::Unreachable("not DynamoDB's answer (a captive portal?)".to_owned()),
        }
    })
}

fn sort(answer: &Answer<'_>, success: impl FnOnce() -> Verdict) -> Verdict {
    if answer.crc.is_some_and(|crc| crc != crc32fast::hash(answer.body)) {
        return Verdict::Unreachable("the answer was damaged on its way (x-amz-crc32)".to_owned());
    }
    if answer.status == 200 {
        return success();
    }
    let Some((kind, message)) = error_of(answer) else {
        return Verdict::Unreachable(format!("HTTP {} without a DynamoDB error", answer.status));
    };
    let text = if message.is_empty() { kind.clone() } else { format!("{kind}: {message}") };
    by_kind(answer.status, &kind, &message, text)
}

/// The error's name and message, where the answer is DynamoDB's.
fn error_of(answer: &Answer<'_>) -> Option<(String, String)> {
    let body: Option<ErrorBody> = serde_json::from_slice(answer.body).ok();
    let (kind, message) = match body {
        Some(body) => (body.kind, body.message.unwrap_or_default()),
        None => (None, String::new()),
    };
    let kind = kind.or_else(|| answer.error_type.map(str::to_owned))?;
    let kind = kind.rsplit('#').next().unwrap_or(&kind);
    let kind = kind.split(':').next().unwrap_or(kind);
    let message = message.chars().take(1000).collect();
    Some((kind.to_owned(), message))
}

/// The one table of errors. Names: API reference, "Common Errors", and BatchWriteItem.
fn by_kind(status: u16, kind: &str, message: &str, text: String) -> Verdict {
    match kind {
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TooManyRequestsException"
        | "SlowDown"
        | "TransactionInProgressException"
        | "TransactionConflictException"
        | "ReplicatedWriteConflictException" => Verdict::Throttled(text),
        "ResourceNotFoundException" | "TableNotFoundException" | "ResourceInUseException" => {
            Verdict::Table(text)
        }
        "AccessDeniedException" => Verdict::Table(text),
        "ValidationException"
        | "SerializationException"
        | "ItemCollectionSizeLimitExceededException"
        | "RequestEntityTooLargeException"
        | "RequestTooLarge"
        | "ContentLengthExceeded" => Verdict::Refused(text),
        "RequestTimeTooSkewed" | "RequestExpired" => Verdict::Skewed(text),
        "InvalidSignatureException" | "SignatureDoesNotMatch" if is_skew(message) => Verdict::Skewed(text),
        _ if status == 413 => Verdict::Refused(text),
        _ if status == 429 => Verdict::Throttled(text),
        _ if status >= 500 => Verdict::Faulty(text),
        _ => Verdict::Blocked(text),
    }
}

/// `Signature expired: 2015… is now earlier than 2026…`, `Signature not yet current: …`.
fn is_skew(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("signature expired") || message.contains("not yet current")
}

/// How long to wait after failures in a row: full jitter below a ceiling that doubles up to a cap.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// Ceilings from `first` to `cap`.
    pub fn new(first: Duration, cap: Duration) -> Backoff {
        Backoff { first, cap: cap.max(first), failures: 0 }
    }

    /// Another failure: how long to wait. `random` is anything uniform.
    pub fn fail(&mut self, random: u64) -> Duration {
        let ceiling = self.first.saturating_mul(1 << self.failures.min(20)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        let millis = u64::try_from(ceiling.as_millis()).unwrap_or(u64::MAX - 1);
        Duration::from_millis(random % (millis + 1))
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}
