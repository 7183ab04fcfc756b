//! GlobalSecondaryIndexUpdates of UpdateTable: one index is made or removed at a time. A new one is brought up to date in
//! the background, and can be read then; a removed one is gone for readers at once, its rows go in the background.

use super::error::invalid;
use super::warm_throughput::{self, Asked};
use super::{EngineError, keys_agree};
use crate::model::{IndexDef, IndexKind, TableDef, TableId};
use crate::store::{IndexState, Read};

/// The most global indexes of a table (developer guide, "Quotas").
const GLOBAL_INDEXES: usize = 20;

/// One update.
#[derive(Clone, Debug)]
pub enum IndexUpdate {
    /// A new index; its number is given here.
    Create(IndexDef),
    /// Other throughput.
    Change(IndexChange),
    /// The index of this name goes.
    Delete(String),
}

/// What of an index's throughput changes.
#[derive(Clone, Debug, Default)]
pub struct IndexChange {
    /// The index.
    pub name: String,
    /// Read and write units.
    pub units: Option<(u64, u64)>,
    /// The most on-demand read and write units a second; −1: no limit.
    pub on_demand_most: Asked<i64>,
    /// Read and write units a second that it is to be warm for.
    pub warm: Asked<u64>,
}

/// Changes a table's definition.
pub(super) fn apply(
    read: &dyn Read,
    table: &mut TableDef,
    updates: Vec<IndexUpdate>,
) -> Result<(), EngineError> {
    forget_gone(read, table)?;
    let online = updates.iter().filter(|update| !matches!(update, IndexUpdate::Change(_))).count();
    if online > 1 {
        return Err(EngineError::LimitExceeded(
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"
                .to_owned(),
        ));
    }
    for update in updates {
        match update {
            IndexUpdate::Create(index) => create(read, table, index)?,
            IndexUpdate::Change(change) => throughput(table, change)?,
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
        return Err(invalid("Attempting to create an index which already exists"));
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
        return Err(EngineError::LimitExceeded(format!(
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table limit of {GLOBAL_INDEXES}"
        )));
    }
    keys_agree::check(table, &index)?;
    let id = read.catalog().next_id();
    table.indexes.numbered_to = id.0;
    table.indexes.list.push(IndexDef { id: TableId(id.0), added: true, ..index });
    Ok(())
}

/// Units first: what is refused leaves the rest as it was.
fn throughput(table: &mut TableDef, change: IndexChange) -> Result<(), EngineError> {
    let name = change.name.as_str();
    let (provisioned, options) = (table.provisioned.is_some(), table.options.clone());
    let index = global(table, name, "update")?;
    let unchanged = change.on_demand_most == (None, None) && change.warm == (None, None);
    if !provisioned && (change.units.is_some() || unchanged) {
        return Err(invalid(format!(
            "One or more parameter values were invalid: The only Updates for index: {name} when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput"
        )));
    }
    let warm = options.warm_throughput(index.warm, index.provisioned);
    if let Some(units) = change.units {
        if let Some(current) = index.provisioned.filter(|current| *current == units) {
            return Err(unchanged_units(&format!("the index {name}"), &format!("index {name}"), current));
        }
        (index.provisioned, index.warm) = (Some(units), warm);
    }
    if change.warm != (None, None) {
        index.warm = warm_throughput::raise(warm, change.warm, &format!("index {name}"))?;
    }
    warm_throughput::limit(&mut index.on_demand_most, change.on_demand_most);
    Ok(())
}

/// Units that stay as they are: `which` and `of` are the table, or an index and its name.
pub(super) fn unchanged_units(which: &str, of: &str, (read, write): (u64, u64)) -> EngineError {
    invalid(format!(
        "The provisioned throughput for {which} will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for {of}: {read}. Requested ReadCapacityUnits: {read}. Current WriteCapacityUnits provisioned for {of}: {write}. Requested WriteCapacityUnits: {write}. Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits."
    ))
}

fn delete(table: &mut TableDef, name: &str) -> Result<(), EngineError> {
    global(table, name, "delete")?.dropped = true;
    Ok(())
}

/// The global index of a name, to `act` on.
fn global<'t>(table: &'t mut TableDef, name: &str, act: &str) -> Result<&'t mut IndexDef, EngineError> {
    let absent = format!("Index {name} for table {}", table.name.as_str());
    let found = table.indexes.list.iter_mut().find(|index| !index.dropped && index.name == name);
    match found {
        None => Err(EngineError::IndexNotFound(absent)),
        Some(index) if index.kind == IndexKind::Global => Ok(index),
        Some(_) => Err(invalid(format!("Cannot {act} an index that is not a GlobalSecondaryIndex: {name}"))),
    }
}
