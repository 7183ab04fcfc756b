//! Scan: all rows of a table or an index, or of one segment of a parallel scan. Segments divide the space of partition hashes.

use std::ops::Bound;
use std::sync::Arc;

use super::error::invalid;
use super::page::{self, Plan};
use super::target::Target;
use super::{EngineError, Page, Scan, keys, start_key};
use crate::model::{KeyCodec, TableId};
use crate::store::{Direction, KeyRange, Read};

/// Reads a page.
pub(super) fn read(
    read: &dyn Read,
    codec: KeyCodec,
    request: &Scan,
    now: Option<u64>,
) -> Result<Page, EngineError> {
    let table = Arc::clone(keys::table(read.catalog(), request.table.as_str())?);
    let index = request.index.as_ref();
    let target = Target::find(table, index)?;
    if let Some(start) = request.start.as_ref().filter(|_| index.is_some()) {
        start_key::check_partition(&target, start)?;
        start_key::check_sort(&target, start)?;
    }
    let target = target.select(read, index, &request.selection)?;
    let (segment, total) = request.segment.unwrap_or((0, 1));
    let mut range = KeyRange {
        start: Bound::Included(edge(target.id(), segment, total)),
        end: end(target.id(), segment, total),
    };
    if let Some(start) = &request.start {
        let key = start_key::row(&target, codec, start)?;
        if !range.contains(&key) {
            return Err(invalid(format!(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: {total} Segment: {segment}"
            )));
        }
        range.start = Bound::Excluded(key);
    }
    let plan = Plan {
        range,
        direction: Direction::Forward,
        limit: request.limit,
        partition: None,
        selection: &request.selection,
    };
    page::read(read, &target, &plan, now)
}

/// Where a segment begins: the table's id and the first 64 bits of the hash.
fn edge(table: TableId, segment: u32, total: u32) -> Vec<u8> {
    let mut key = table.0.to_be_bytes().to_vec();
    let hash = (u128::from(segment) << 64).div_ceil(u128::from(total.max(1)));
    key.extend_from_slice(&u64::try_from(hash).unwrap_or(u64::MAX).to_be_bytes());
    key
}

fn end(table: TableId, segment: u32, total: u32) -> Bound<Vec<u8>> {
    if segment + 1 >= total {
        return Bound::Excluded((table.0 + 1).to_be_bytes().to_vec());
    }
    Bound::Excluded(edge(table, segment + 1, total))
}
