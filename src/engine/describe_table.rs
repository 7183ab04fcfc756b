//! DescribeTable.

use std::sync::Arc;

use super::{Described, DescribedIndex, EngineError, keys};
use crate::model::TableName;
use crate::store::{Read as _, Store, TableStatistics};

/// A table and its statistics.
pub(super) fn read(store: &Store, name: &TableName) -> Result<Described, EngineError> {
    let catalog = store.catalog();
    let table = keys::table(&catalog, name.as_str())?;
    let TableStatistics { items, bytes } = store.table_statistics(table.id);
    let mut indexes = Vec::with_capacity(table.indexes.list.len());
    if !table.indexes.list.is_empty() {
        let view = store.view()?;
        for index in &table.indexes.list {
            let (state, figures) = (view.index_state(index)?, store.table_statistics(index.id));
            let TableStatistics { items, bytes } = figures;
            indexes.push(DescribedIndex { id: index.id, state, items, bytes });
        }
    }
    Ok(Described { table: Arc::clone(table), items, bytes, indexes })
}
