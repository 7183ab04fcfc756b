//! TagResource and UntagResource (developer guide, "Tagging restrictions").

use super::create_table::define;
use super::error::invalid;
use super::{EngineError, TagTable, keys};
use crate::clock::Stamp;
use crate::model::{TableDef, limits};
use crate::store::{Batch, Read};

/// On the committer's thread: tags are set first, then removed.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    request: TagTable,
    stamp: Stamp,
) -> Result<(), EngineError> {
    let table = keys::table(read.catalog(), request.table.as_str())?;
    let mut changed = TableDef::clone(table);
    let tags = &mut changed.options.tags;
    tags.extend(request.set);
    for key in &request.remove {
        tags.remove(key);
    }
    check_count(tags.len())?;
    if changed != **table {
        define(batch, &changed, stamp)?;
    }
    Ok(())
}

/// A table has 50 tags at most.
pub(super) fn check_count(count: usize) -> Result<(), EngineError> {
    if count > limits::TAGS {
        return Err(invalid(limits::TOO_MANY_TAGS));
    }
    Ok(())
}
