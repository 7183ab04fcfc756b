//! One page over a range of rows, for Query and Scan: it ends at Limit or before 1 MB of rows.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::{EngineError, Page, Selection, keys, only_if};
use crate::model::{Image, ImageError, KeyValue, MapRef, TableDef, limits, size};
use crate::store::{Direction, KeyRange, Read};

/// What a page is read by.
pub(super) struct Plan<'a> {
    pub(super) range: KeyRange,
    pub(super) direction: Direction,
    pub(super) limit: Option<usize>,
    /// The partition that every row must have (Query).
    pub(super) partition: Option<KeyValue<'a>>,
    /// What is kept of the rows.
    pub(super) selection: &'a Selection,
}

/// What the page has gathered so far.
#[derive(Default)]
struct Gathering {
    items: Vec<Image>,
    count: usize,
    scanned: usize,
    size: usize,
    /// The last row that was read.
    last: Vec<u8>,
    more: bool,
}

/// Reads a page.
pub(super) fn read(
    read: &dyn Read,
    table: Arc<TableDef>,
    plan: &Plan<'_>,
    now: Option<u64>,
) -> Result<Page, EngineError> {
    only_if::condition_of_table(&table, plan.selection.filter.as_ref())?;
    only_if::projection_of_table(&table, plan.selection.projection.as_ref())?;
    let mut so_far = Gathering::default();
    let mut failed = None;
    read.scan(&plan.range, plan.direction, &mut |_, row| match visit(
        &mut so_far,
        &table,
        plan,
        now,
        row.image,
    ) {
        Ok(next) => next,
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let Gathering { items, count, scanned, size, last, more } = so_far;
    let last = match more {
        true => Some(keys::key_map(&table.keys, MapRef::new(&last))?),
        false => None,
    };
    Ok(Page { table, items, count, scanned, last, size })
}

/// One row. Expired rows count toward the page's work, not toward Limit or Count; those that the filter leaves out count
/// toward Limit.
fn visit(
    so_far: &mut Gathering,
    table: &TableDef,
    plan: &Plan<'_>,
    now: Option<u64>,
    row: &[u8],
) -> Result<ControlFlow<()>, ImageError> {
    let map = MapRef::new(row);
    let row_size = size::image_size(map);
    if so_far.size > 0 && so_far.size + row_size > limits::PAGE {
        so_far.more = true;
        return Ok(ControlFlow::Break(()));
    }
    if let Some(partition) = plan.partition
        && !keys::has_key(map, &table.keys.partition.name, partition)?
    {
        return Ok(ControlFlow::Continue(()));
    }
    so_far.size += row_size;
    so_far.last.clear();
    so_far.last.extend_from_slice(row);
    if table.is_expired(map, now) {
        return Ok(ControlFlow::Continue(()));
    }
    so_far.scanned += 1;
    keep(so_far, plan.selection, row)?;
    if plan.limit.is_some_and(|limit| so_far.scanned >= limit) {
        so_far.more = true;
        return Ok(ControlFlow::Break(()));
    }
    Ok(ControlFlow::Continue(()))
}

/// Keeps what is wanted of a row that passes the filter.
fn keep(so_far: &mut Gathering, selection: &Selection, row: &[u8]) -> Result<(), ImageError> {
    let map = MapRef::new(row);
    if let Some(filter) = &selection.filter
        && !filter.holds(map)?
    {
        return Ok(());
    }
    so_far.count += 1;
    if selection.count_only {
        return Ok(());
    }
    so_far.items.push(match &selection.projection {
        Some(projection) => projection.apply(map)?,
        None => Image::from_trusted(Bytes::copy_from_slice(row)),
    });
    Ok(())
}
