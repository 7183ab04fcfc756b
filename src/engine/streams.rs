//! What the operations on streams have in common: finding a stream, and what can still be read of it.
//!
//! A stream is a view of the journal: the changes of its table between two sequences. It has one shard, so that all its
//! records are in order. Records are kept for a day, as far as the journal is (see [`crate::store`]).

use std::sync::Arc;

use super::{EngineError, StreamError};
use crate::model::limits::STREAM_SECONDS;
use crate::model::{Stream, TableDef};
use crate::store::{Catalog, Seq, Store};

/// A stream, as its ARN names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamName {
    /// The table.
    pub table: String,
    /// The stream's label.
    pub label: String,
}

/// A stream and what it is of.
#[derive(Clone, Debug)]
pub struct StreamOf {
    /// The table; it may have been deleted.
    pub table: Arc<TableDef>,
    /// The stream.
    pub stream: Stream,
}

impl StreamOf {
    /// Its name.
    pub fn name(&self) -> StreamName {
        StreamName { table: self.table.name.as_str().to_owned(), label: self.stream.label.clone() }
    }
}

/// DescribeStream's answer.
#[derive(Clone, Debug)]
pub struct StreamDescribed {
    /// The stream.
    pub of: StreamOf,
    /// The first sequence that its shard can still have.
    pub first: Seq,
    /// The last one, once the stream has ended.
    pub last: Option<Seq>,
}

/// All streams that can be read, by name.
pub(super) fn all(catalog: &Catalog, now_us: u64) -> Vec<StreamOf> {
    let mut streams: Vec<StreamOf> = catalog
        .all()
        .flat_map(|table| {
            let kept = table.options.streams.iter().filter(|stream| stream.is_kept(now_us));
            kept.map(|stream| StreamOf { table: Arc::clone(table), stream: stream.clone() })
        })
        .collect();
    streams.sort_by_cached_key(StreamOf::name);
    streams
}

/// One of them.
pub(super) fn find(catalog: &Catalog, name: &StreamName, now_us: u64) -> Result<StreamOf, EngineError> {
    let of_name = |table: &&Arc<TableDef>| table.name.as_str() == name.table;
    for table in catalog.all().filter(of_name) {
        let found = table.options.streams.iter().find(|stream| stream.label == name.label);
        if let Some(stream) = found.filter(|stream| stream.is_kept(now_us)) {
            return Ok(StreamOf { table: Arc::clone(table), stream: stream.clone() });
        }
    }
    Err(StreamError::NotFound.into())
}

/// The sequence after which everything of a stream can be read.
pub(super) fn horizon(store: &Store, stream: &Stream) -> Seq {
    Seq(stream.after).max(store.journal_begins_after())
}

/// Whether a record of this time is a day old.
pub(super) fn is_trimmed(time_us: u64, now_us: u64) -> bool {
    now_us.saturating_sub(time_us) >= STREAM_SECONDS * 1_000_000
}

/// DescribeStream.
pub(super) fn describe(
    store: &Store,
    name: &StreamName,
    now_us: u64,
) -> Result<StreamDescribed, EngineError> {
    let of = find(&store.catalog(), name, now_us)?;
    let first = horizon(store, &of.stream).next();
    let last = of.stream.end.map(|end| Seq(end.last).max(first));
    Ok(StreamDescribed { of, first, last })
}
