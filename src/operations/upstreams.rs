//! The upstreams of a running daemon, as others see and steer them: `app` changes the set, `sync` does what it is told,
//! `http` asks.

use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::store::{CommitError, ReadError, Seq};
use crate::telemetry::{UpstreamSource, UpstreamStatus};

/// What comes of an order, later.
pub type Answer<T> = Pin<Box<dyn Future<Output = Result<T, OrderError>> + Send>>;

/// One upstream, as others hold it.
pub type Handle = Arc<dyn Upstream>;

/// One upstream, to be steered.
pub trait Upstream: UpstreamSource {
    /// Its name in the configuration.
    fn name(&self) -> &str;

    /// Does what its owner says; done once that is durable. What is the case already is no error.
    fn order(&self, order: Order) -> Answer<()>;

    /// Its dead letters behind one of them (or from the first), oldest first, so many at most. Reads rows: not for a
    /// runtime's thread.
    fn letters(&self, after: Option<LetterId>, limit: usize) -> Result<Vec<Letter>, OrderError>;

    /// One dead letter with its item. Reads rows: not for a runtime's thread.
    fn letter(&self, id: LetterId) -> Result<Letter, OrderError>;

    /// Sends letters again, which is remembered across restarts; says how many. A letter stays until the upstream has taken its
    /// change, or a later one of the same item.
    fn replay(&self, which: Which) -> Answer<u64>;

    /// Throws letters away; says how many.
    fn discard(&self, which: Which) -> Answer<u64>;
}

/// What an owner says to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send nothing until resumed, restarts included. What comes in waits in the journal.
    Pause,
    /// Go on.
    Resume,
    /// Forget waits and troubles, and try at once.
    Retry,
}

/// Which letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(LetterId),
    /// All there are.
    All,
}

/// A dead letter's number: the place of its change in the journal, written `epoch-counter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LetterId(pub Seq);

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counter = self.0.0 - Seq::start_of(self.0.epoch()).0;
        write!(f, "{}-{counter}", self.0.epoch())
    }
}

/// Not a letter's number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no dead letter's id; write it like 1-4711, as the list shows it")]
pub struct NotAnId(String);

impl FromStr for LetterId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<LetterId, NotAnId> {
        let read = || {
            let (epoch, counter) = text.split_once('-')?;
            let counter: u64 = counter.parse().ok().filter(|counter| counter >> Seq::COUNTER_BITS == 0)?;
            Some(LetterId(Seq(Seq::start_of(epoch.parse().ok()?).0 + counter)))
        };
        read().ok_or_else(|| NotAnId(text.chars().take(64).collect()))
    }
}

impl From<LetterId> for String {
    fn from(id: LetterId) -> String {
        id.to_string()
    }
}

impl TryFrom<String> for LetterId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<LetterId, NotAnId> {
        text.parse()
    }
}

/// A dead letter, as its owner sees it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Letter {
    /// The upstream's name.
    pub upstream: String,
    /// Its number.
    pub id: LetterId,
    /// The local table; missing where that is gone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub table: Option<String>,
    /// The upstream table.
    pub upstream_table: String,
    /// `"put"` or `"delete"`.
    pub operation: String,
    /// The item's key, as plain JSON.
    pub key: Box<RawValue>,
    /// The item, as plain JSON, where it was put and is asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub item: Option<Box<RawValue>>,
    /// The error's name, such as `ValidationException`, where the reason begins with one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The upstream's word.
    pub reason: String,
    /// When the change was made (RFC 3339).
    pub time: String,
    /// When it was refused last (RFC 3339).
    pub refused: String,
    /// How often it was sent.
    pub attempts: u32,
    /// Whether it is to go again.
    pub replaying: bool,
}

/// Why an order was not followed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// There is no such upstream, or no such letter.
    #[error("{0}")]
    NotFound(String),
    /// As things are, it makes no sense; the text says what does.
    #[error("{0}")]
    Conflict(String),
    /// It could not be made durable.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The rows can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// The upstreams as they are now, in the order of the configuration; cheap to clone, and each clone sees the same set.
#[derive(Clone, Default)]
pub struct Upstreams(Arc<Mutex<Vec<Handle>>>);

impl Upstreams {
    /// All of them.
    pub fn all(&self) -> Vec<Handle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Result<Handle, OrderError> {
        let all = self.all();
        if let Some(found) = all.iter().find(|upstream| upstream.name() == name) {
            return Ok(found.clone());
        }
        let names: Vec<&str> = all.iter().map(|upstream| upstream.name()).collect();
        Err(OrderError::NotFound(match names.as_slice() {
            [] => format!("there is no upstream {name:?}: the configuration has none"),
            names => format!("there is no upstream {name:?}; there is {}", names.join(", ")),
        }))
    }

    /// How each is. It looks at files and counters: not for a runtime's thread.
    pub fn statuses(&self) -> Vec<UpstreamStatus> {
        self.all().iter().map(|upstream| upstream.status()).collect()
    }

    /// Replaces the set.
    pub fn set(&self, upstreams: Vec<Handle>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = upstreams;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_as_they_are_written() {
        for (seq, text) in [
            (Seq(7), "0-7"),
            (Seq(Seq::start_of(3).0 + 4711), "3-4711"),
            (Seq(u64::MAX), "65535-281474976710655"),
        ] {
            assert_eq!(LetterId(seq).to_string(), text);
            assert_eq!(text.parse(), Ok(LetterId(seq)));
        }
        for wrong in ["", "1", "1-", "-1", "1-x", "65536-1", "1-281474976710656", "1-2-3"] {
            assert!(wrong.parse::<LetterId>().is_err(), "{wrong}");
        }
    }
}
