//! ListStreams: by table and label.

use super::streams::{self, StreamName, StreamOf};
use crate::model::TableName;
use crate::store::Catalog;

/// ListStreams.
#[derive(Clone, Debug)]
pub struct ListStreams {
    /// Of this table only.
    pub table: Option<TableName>,
    /// Begin after this one.
    pub start: Option<StreamName>,
    /// The most streams, 1 to 100.
    pub limit: usize,
}

/// ListStreams' answer.
#[derive(Clone, Debug)]
pub struct StreamNames {
    /// The streams, in order.
    pub streams: Vec<StreamOf>,
    /// There are more after the last one.
    pub more: bool,
}

/// A page of streams.
pub(super) fn read(catalog: &Catalog, request: &ListStreams, now_us: u64) -> StreamNames {
    let of_table = |stream: &StreamOf| request.table.as_ref().is_none_or(|table| stream.table.name == *table);
    let behind = |stream: &StreamOf| request.start.as_ref().is_none_or(|start| stream.name() > *start);
    let all = streams::all(catalog, now_us).into_iter();
    let mut after = all.filter(|stream| of_table(stream) && behind(stream));
    let streams: Vec<_> = after.by_ref().take(request.limit).collect();
    StreamNames { streams, more: after.next().is_some() }
}
