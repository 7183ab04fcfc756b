//! PutItem: the whole item replaces what stands under its key.

use super::prepare::{self, PreparedPut, Preparing};
use super::{EngineError, OnlyIf, PutItem, Written, index_writes, keys, only_if};
use crate::store::{Batch, Read};

/// On the caller's task: size, table, key, image.
pub(super) fn prepare(
    preparing: &Preparing,
    request: PutItem,
) -> Result<(PreparedPut, Option<OnlyIf>, bool), EngineError> {
    let put = preparing.put(&request.table, &request.item, request.origin)?;
    only_if::condition_of_table(&put.table, request.only_if.as_ref().map(|only_if| &only_if.condition))?;
    let old_matters = request.old_matters || request.only_if.is_some();
    Ok((put, request.only_if, old_matters))
}

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    (put, only_if, old_matters): (PreparedPut, Option<OnlyIf>, bool),
    now: Option<u64>,
) -> Result<Written, EngineError> {
    keys::still_there(read.catalog(), &put.table)?;
    let old = prepare::replaced(read, &put, old_matters, now)?;
    let PreparedPut { table, key, image, size, about } = put;
    only_if::check(only_if.as_ref(), old.as_ref())?;
    let size = old.as_ref().map_or(0, prepare::image_size).max(size);
    let indexes = index_writes::of(&table, old.as_ref(), Some(&image));
    batch.put(table.id, key, image, about);
    Ok(Written { table, old, size, indexes })
}
