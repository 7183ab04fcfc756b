//! PutItem: the whole item replaces what stands under its key.

use super::prepare::{self, PreparedPut, Preparing};
use super::{EngineError, PutItem, Written, keys};
use crate::store::{Batch, Read};

/// On the caller's task: size, table, key, image.
pub(super) fn prepare(preparing: &Preparing, request: PutItem) -> Result<PreparedPut, EngineError> {
    preparing.put(&request.table, &request.item, request.origin)
}

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    put: PreparedPut,
    now: Option<u64>,
) -> Result<Written, EngineError> {
    let PreparedPut { table, key, image, size, about } = put;
    keys::still_there(read.catalog(), &table)?;
    let old = prepare::visible(read, &table, &key, now)?;
    let size = old.as_ref().map_or(0, prepare::image_size).max(size);
    batch.put(table.id, key, image, about);
    Ok(Written { table, old, size })
}
