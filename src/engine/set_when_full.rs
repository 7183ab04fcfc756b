//! What a table does when the store is full: the configuration's word, never a client's.

use super::create_table::define;
use super::{EngineError, SetWhenFull, keys};
use crate::clock::Stamp;
use crate::model::TableDef;
use crate::store::{Batch, Read};

/// On the committer's thread; nothing is staged where nothing changes.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    request: &SetWhenFull,
    stamp: Stamp,
) -> Result<(), EngineError> {
    let table = keys::table(read.catalog(), request.table.as_str())?;
    if table.when_full == request.when_full {
        return Ok(());
    }
    let changed = TableDef { when_full: request.when_full, ..TableDef::clone(table) };
    define(batch, &changed, stamp)
}
