//! DescribeTable.

use std::sync::Arc;

use super::{Described, EngineError, keys};
use crate::model::TableName;
use crate::store::Store;

/// A table and its statistics.
pub(super) fn read(store: &Store, name: &TableName) -> Result<Described, EngineError> {
    let catalog = store.catalog();
    let table = keys::table(&catalog, name.as_str())?;
    let statistics = store.table_statistics(table.id);
    Ok(Described { table: Arc::clone(table), items: statistics.items, bytes: statistics.bytes })
}
