//! DeleteItem: idempotent; deleting what is not there changes nothing and is not sent upstream.

use super::prepare::{self, PreparedDelete, Preparing};
use super::{DeleteItem, EngineError, Written, keys};
use crate::store::{Batch, Read};

/// On the caller's task: table, key.
pub(super) fn prepare(preparing: &Preparing, request: DeleteItem) -> Result<PreparedDelete, EngineError> {
    preparing.delete(&request.table, &request.key, request.origin)
}

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    delete: PreparedDelete,
    now: Option<u64>,
) -> Result<Written, EngineError> {
    keys::still_there(read.catalog(), &delete.table)?;
    let old = stage(read, batch, &delete, now)?;
    let size = old.as_ref().map_or(0, prepare::image_size);
    Ok(Written { table: delete.table, old, size })
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
