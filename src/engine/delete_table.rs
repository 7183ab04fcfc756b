//! DeleteTable: the definition stays, marked dropped, until nothing refers to its id; folds free the rows.

use super::create_table::define;
use super::{EngineError, keys};
use crate::clock::Stamp;
use crate::model::{TableDef, TableName};
use crate::store::{Batch, Read};

/// On the committer's thread.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    name: &TableName,
    stamp: Stamp,
) -> Result<(), EngineError> {
    let table = keys::table(read.catalog(), name.as_str())?;
    if table.deletion_protection {
        return Err(EngineError::DeletionProtected(name.as_str().to_owned()));
    }
    let mut dropped = TableDef { dropped: true, ..TableDef::clone(table) };
    // What the stream has can be read for another day.
    dropped.options.disable_stream(stamp.us, read.seq().0);
    define(batch, &dropped, stamp)
}
