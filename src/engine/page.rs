//! One page over a range of rows, for Query and Scan: it ends at Limit or before 1 MB of rows.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;

use super::{EngineError, Page, keys};
use crate::model::{Image, KeyValue, MapRef, TableDef, limits, size};
use crate::store::{Direction, KeyRange, Read};

/// What a page is read by.
pub(super) struct Plan<'a> {
    pub(super) range: KeyRange,
    pub(super) direction: Direction,
    pub(super) limit: Option<usize>,
    /// The partition that every row must have (Query).
    pub(super) partition: Option<KeyValue<'a>>,
}

/// What the page has gathered so far.
struct Gathering {
    items: Vec<Image>,
    size: usize,
    last: Option<Bytes>,
    more: bool,
    failed: Option<EngineError>,
}

/// Reads a page.
pub(super) fn read(
    read: &dyn Read,
    table: Arc<TableDef>,
    plan: &Plan<'_>,
    now: Option<u64>,
) -> Result<Page, EngineError> {
    let mut so_far = Gathering { items: Vec::new(), size: 0, last: None, more: false, failed: None };
    read.scan(&plan.range, plan.direction, &mut |_, row| visit(&mut so_far, &table, plan, now, row.image))?;
    if let Some(error) = so_far.failed {
        return Err(error);
    }
    let last = match so_far.last.filter(|_| so_far.more) {
        Some(image) => Some(keys::key_map(&table.keys, MapRef::new(&image))?),
        None => None,
    };
    Ok(Page { table, items: so_far.items, last, size: so_far.size })
}

/// One row. Expired rows count toward the page's work, not toward Limit or Count.
fn visit(
    so_far: &mut Gathering,
    table: &TableDef,
    plan: &Plan<'_>,
    now: Option<u64>,
    row: &[u8],
) -> ControlFlow<()> {
    let map = MapRef::new(row);
    let row_size = size::image_size(map);
    if so_far.size > 0 && so_far.size + row_size > limits::PAGE {
        so_far.more = true;
        return ControlFlow::Break(());
    }
    if let Some(partition) = plan.partition {
        match keys::has_key(map, &table.keys.partition.name, partition) {
            Ok(true) => {}
            Ok(false) => return ControlFlow::Continue(()),
            Err(error) => {
                so_far.failed = Some(error.into());
                return ControlFlow::Break(());
            }
        }
    }
    so_far.size += row_size;
    let image = Bytes::copy_from_slice(row);
    so_far.last = Some(image.clone());
    if table.is_expired(map, now) {
        return ControlFlow::Continue(());
    }
    so_far.items.push(Image::from_trusted(image));
    if plan.limit.is_some_and(|limit| so_far.items.len() >= limit) {
        so_far.more = true;
        return ControlFlow::Break(());
    }
    ControlFlow::Continue(())
}
