//! DeleteItem: idempotent; deleting what is not there changes nothing and is not sent upstream.

use super::prepare::{self, PreparedDelete, Preparing};
use super::{DeleteItem, EngineError, OnlyIf, Written, index_writes, keys, only_if};
use crate::store::{Batch, Read};

/// On the caller's task: table, key.
pub(super) fn prepare(
    preparing: &Preparing,
    request: DeleteItem,
) -> Result<(PreparedDelete, Option<OnlyIf>), EngineError> {
    let delete = preparing.delete(&request.table, &request.key, request.origin)?;
    only_if::condition_of_table(&delete.table, request.only_if.as_ref().map(|only_if| &only_if.condition))?;
    Ok((delete, request.only_if))
}

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    (delete, only_if): (PreparedDelete, Option<OnlyIf>),
    now: Option<u64>,
) -> Result<Written, EngineError> {
    keys::still_there(read.catalog(), &delete.table)?;
    if only_if.is_some() {
        let old = prepare::visible(read, &delete.table, &delete.key, now)?;
        only_if::check(only_if.as_ref(), old.as_ref())?;
    }
    let old = stage(read, batch, &delete, now)?;
    let size = old.as_ref().map_or(0, prepare::image_size);
    let indexes = index_writes::of(&delete.table, old.as_ref(), None);
    Ok(Written { table: delete.table, old, size, indexes })
}

/// Stages the removal, if there is a row, and returns the visible item. An expired row is removed as well: upstream may
/// still have it.
pub(super) fn stage(
    read: &dyn Read,
    batch: &mut Batch,
    delete: &PreparedDelete,
    now: Option<u64>,
) -> Result<Option<crate::model::Image>, EngineError> {
    let Some(row) = read.get(&delete.key)? else { return Ok(None) };
    let image = row.item();
    batch.delete(delete.table.id, delete.key.clone(), delete.key_image.clone(), delete.about.clone());
    Ok((!prepare::expired(&delete.table, &image, now)).then_some(image))
}
