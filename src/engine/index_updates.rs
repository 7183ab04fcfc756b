//! GlobalSecondaryIndexUpdates of UpdateTable: one index is made or removed at a time. A new one is brought up to date in
//! the background, and can be read then; a removed one is gone for readers at once, its rows go in the background.

use super::EngineError;
use super::error::invalid;
use crate::model::{IndexDef, IndexKind, TableDef, TableId};
use crate::store::{IndexState, Read};

/// The most global indexes of a table (developer guide, "Quotas").
const GLOBAL_INDEXES: usize = 20;

/// One update.
#[derive(Clone, Debug)]
pub enum IndexUpdate {
    /// A new index; its number is given here.
    Create(IndexDef),
    /// Read and write units.
    Throughput(String, (u64, u64)),
    /// The index of this name goes.
    Delete(String),
}

/// Changes a table's definition.
pub(super) fn apply(
    read: &dyn Read,
    table: &mut TableDef,
    updates: Vec<IndexUpdate>,
) -> Result<(), EngineError> {
    forget_gone(read, table)?;
    let online = updates.iter().filter(|update| !matches!(update, IndexUpdate::Throughput(..))).count();
    if online > 1 {
        return Err(EngineError::LimitExceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                .to_owned(),
        ));
    }
    for update in updates {
        match update {
            IndexUpdate::Create(index) => create(read, table, index)?,
            IndexUpdate::Throughput(name, units) => throughput(table, &name, units)?,
            IndexUpdate::Delete(name) => delete(table, &name)?,
        }
    }
    Ok(())
}

/// Leaves out removed indexes of which nothing is left.
fn forget_gone(read: &dyn Read, table: &mut TableDef) -> Result<(), EngineError> {
    let mut left = Vec::with_capacity(table.indexes.list.len());
    for index in std::mem::take(&mut table.indexes.list) {
        if !index.dropped || read.index_state(&index)? != IndexState::Gone {
            left.push(index);
        }
    }
    table.indexes.list = left;
    Ok(())
}

fn create(read: &dyn Read, table: &mut TableDef, index: IndexDef) -> Result<(), EngineError> {
    if table.indexes.named(&index.name).is_some() {
        return Err(invalid(format!("Attempting to create an index which already exists: {}", index.name)));
    }
    for known in table.indexes.of_kind(IndexKind::Global) {
        if read.index_state(known)? == IndexState::Building {
            return Err(EngineError::LimitExceeded(
                "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                    .to_owned(),
            ));
        }
    }
    if table.indexes.of_kind(IndexKind::Global).count() >= GLOBAL_INDEXES {
        return Err(invalid(
            "One or more parameter values were invalid: GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ));
    }
    types_agree(table, &index)?;
    let id = read.catalog().next_id();
    table.indexes.numbered_to = id.0;
    table.indexes.list.push(IndexDef { id: TableId(id.0), added: true, ..index });
    Ok(())
}

/// An attribute has one type in all keys of a table.
fn types_agree(table: &TableDef, index: &IndexDef) -> Result<(), EngineError> {
    let keys = std::iter::once(&table.keys.partition).chain(&table.keys.sort);
    let keys = keys.chain(table.indexes.live().flat_map(|known| known.attributes().map(|(_, key)| key)));
    for key in keys {
        let other = index.attributes().any(|(_, new)| new.name == key.name && new.key_type != key.key_type);
        if other {
            return Err(invalid(format!(
                "One or more parameter values were invalid: Attribute {} is already defined with another type",
                key.name
            )));
        }
    }
    Ok(())
}

fn throughput(table: &mut TableDef, name: &str, units: (u64, u64)) -> Result<(), EngineError> {
    if table.provisioned.is_none() {
        return Err(invalid(
            "One or more parameter values were invalid: Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ));
    }
    let mut found = table.indexes.list.iter_mut().filter(|index| !index.dropped && index.name == name);
    let Some(index) = found.next() else { return Err(missing(name)) };
    index.provisioned = Some(units);
    Ok(())
}

fn delete(table: &mut TableDef, name: &str) -> Result<(), EngineError> {
    let mut found = table
        .indexes
        .list
        .iter_mut()
        .filter(|index| !index.dropped && index.kind == IndexKind::Global && index.name == name);
    let Some(index) = found.next() else { return Err(missing(name)) };
    index.dropped = true;
    Ok(())
}

fn missing(name: &str) -> EngineError {
    EngineError::IndexNotFound(name.to_owned())
}
