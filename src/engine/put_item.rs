//! PutItem: the whole item replaces what stands under its key.

use super::prepare::{self, PreparedPut, Preparing};
use super::{EngineError, OnlyIf, PutItem, Written, index_writes, keys, only_if};
use crate::store::{Batch, Read};

/// On the caller's task: size, table, key, image.
pub(super) fn prepare(
    preparing: &Preparing,
    request: PutItem,
) -> Result<(PreparedPut, Option<OnlyIf>), EngineError> {
    let put = preparing.put(&request.table, &request.item, request.origin)?;
    only_if::condition_of_table(&put.table, request.only_if.as_ref().map(|only_if| &only_if.condition))?;
    Ok((put, request.only_if))
}

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    (put, only_if): (PreparedPut, Option<OnlyIf>),
    now: Option<u64>,
) -> Result<Written, EngineError> {
    let PreparedPut { table, key, image, size, about } = put;
    keys::still_there(read.catalog(), &table)?;
    let old = prepare::visible(read, &table, &key, now)?;
    only_if::check(only_if.as_ref(), old.as_ref())?;
    let size = old.as_ref().map_or(0, prepare::image_size).max(size);
    let indexes = index_writes::of(&table, old.as_ref(), Some(&image));
    batch.put(table.id, key, image, about);
    Ok(Written { table, old, size, indexes })
}
