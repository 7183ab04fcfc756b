//! GetShardIterator: where reading begins.

use super::error::invalid;
use super::streams::{self, StreamName};
use super::{EngineError, StreamError, StreamPosition};
use crate::store::{Seq, Store};

/// Where in a shard to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamStart {
    /// With the oldest record that is there when it is read.
    TrimHorizon,
    /// With what comes from now on.
    Latest,
    /// With this record.
    At(Seq),
    /// Behind this record.
    After(Seq),
}

/// GetShardIterator.
#[derive(Clone, Debug)]
pub struct GetShardIterator {
    /// The stream.
    pub stream: StreamName,
    /// Where to begin.
    pub start: StreamStart,
}

/// The position to read from.
pub(super) fn read(
    store: &Store,
    request: &GetShardIterator,
    now_us: u64,
) -> Result<StreamPosition, EngineError> {
    let of = streams::find(&store.catalog(), &request.stream, now_us)?;
    let begins_after = streams::horizon(store, &of.stream);
    let published = *store.published().borrow();
    let last = of.stream.end.map_or(published, |end| Seq(end.last));
    let known = |seq: Seq| {
        if seq <= begins_after {
            Err(StreamError::Trimmed.into())
        } else if seq > last.max(begins_after.next()) {
            Err(invalid("One or more parameter values were invalid: Invalid SequenceNumber"))
        } else {
            Ok(seq)
        }
    };
    let after = match request.start {
        StreamStart::TrimHorizon => None,
        StreamStart::Latest => Some(last.max(begins_after)),
        StreamStart::At(seq) => Some(Seq(known(seq)?.0 - 1)),
        StreamStart::After(seq) => Some(known(seq)?),
    };
    Ok(StreamPosition { after, issued_us: now_us, bookmark: None })
}
