//! One page over a range of rows, for Query and Scan: it ends at Limit, or with the row that makes 1 MB full. As the service's
//! does, it does not look for a row behind that: the page after may be empty.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::target::Target;
use super::{EngineError, Page, Selection, only_if};
use crate::model::{Image, ImageError, KeyValue, MapRef, limits};
use crate::store::{Direction, KeyRange, Read};

/// What a page is read by.
pub(super) struct Plan<'a> {
    pub(super) range: KeyRange,
    pub(super) direction: Direction,
    pub(super) limit: Option<usize>,
    /// The partition that every row must have (Query).
    pub(super) partition: Option<&'a [KeyValue<'a>]>,
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
    fetched_units: usize,
    /// What the page ends by, in bytes: its rows, or the items that an index fetches from its table, whichever are larger.
    read: usize,
    /// The last row that was read.
    last: Vec<u8>,
    more: bool,
}

/// Reads a page.
pub(super) fn read(
    read: &dyn Read,
    target: &Target,
    plan: &Plan<'_>,
    now: Option<u64>,
) -> Result<Page, EngineError> {
    only_if::condition_of_table(&target.table, plan.selection.filter.as_ref())?;
    only_if::projection_of_table(&target.table, plan.selection.projection.as_ref())?;
    let mut so_far = Gathering::default();
    let mut failed = None;
    target.scan(read, &plan.range, plan.direction, &mut |_, row| {
        visit(&mut so_far, target, plan, now, row.image).unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        })
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let Gathering { items, count, scanned, size, fetched_units, last, more, .. } = so_far;
    let last = match more {
        true => Some(target.last(MapRef::new(&last))?),
        false => None,
    };
    let (table, index) = (Arc::clone(&target.table), target.index());
    let index = index.map(|index| (index.name.clone(), index.kind));
    Ok(Page { table, items, count, scanned, last, size, index, fetched_units })
}

/// One row. Expired rows count toward the page's work, not toward Limit or Count; those that the filter leaves out count
/// toward Limit.
fn visit(
    so_far: &mut Gathering,
    target: &Target,
    plan: &Plan<'_>,
    now: Option<u64>,
    row: &[u8],
) -> Result<ControlFlow<()>, ImageError> {
    let map = MapRef::new(row);
    if let Some(partition) = plan.partition
        && !target.is_of(map, partition)?
    {
        return Ok(ControlFlow::Continue(()));
    }
    let (row_size, beyond) = target.sizes(map);
    so_far.size += row_size;
    so_far.read += row_size.max(beyond);
    so_far.fetched_units += beyond.div_ceil(limits::READ_UNIT);
    so_far.last.clear();
    so_far.last.extend_from_slice(row);
    if !target.table.is_expired(map, now) {
        so_far.scanned += 1;
        match target.shown(map)? {
            Some(shown) => keep(so_far, plan.selection, shown.bytes())?,
            None => keep(so_far, plan.selection, row)?,
        }
    }
    if so_far.read >= limits::PAGE || plan.limit.is_some_and(|limit| so_far.scanned >= limit) {
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
