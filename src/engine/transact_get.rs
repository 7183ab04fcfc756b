//! TransactGetItems: up to 100 items of several tables as they stood at one moment: all are read from one view.

use std::sync::Arc;

use super::throughput::Throughput;
use super::transact_write::{cancelled_by, refuse_duplicates, too_large};
use super::{Capacity, EngineError, Got, TransactGet, get_item, keys, only_if};
use crate::model::{KeyCodec, RowKey, TableDef, limits};
use crate::store::Read;

/// Reads them in order; a key that does not go with its table cancels the transaction.
pub(super) fn read(
    read: &dyn Read,
    codec: KeyCodec,
    request: &TransactGet,
    now: Option<u64>,
    (throughput, now_us): (&Throughput, u64),
) -> Result<Vec<Got>, EngineError> {
    let tables = check(read, codec, request)?;
    throughput.admit_all(tables.iter(), Capacity::Read, now_us)?;
    let mut total = 0;
    let mut got = Vec::with_capacity(request.gets.len());
    for get in &request.gets {
        let found = get_item::read(read, codec, get, now)?;
        total += found.size;
        if total > limits::TRANSACTION {
            return Err(too_large(total));
        }
        got.push(found);
    }
    Ok(got)
}

/// The table of each, where nothing is wrong.
fn check(read: &dyn Read, codec: KeyCodec, request: &TransactGet) -> Result<Vec<Arc<TableDef>>, EngineError> {
    let mut tables = Vec::with_capacity(request.gets.len());
    let mut seen: Vec<RowKey> = Vec::with_capacity(request.gets.len());
    let mut cancelled = None;
    for (at, get) in request.gets.iter().enumerate() {
        let table = Arc::clone(keys::table(read.catalog(), get.table.as_str())?);
        only_if::projection_of_table(&table, get.projection.as_ref())?;
        match keys::of_key(codec, &table, &get.key) {
            Ok(key) => seen.push(key),
            Err(EngineError::Unfit(text)) => {
                cancelled.get_or_insert((at, text));
            }
            Err(error) => return Err(error),
        }
        tables.push(table);
    }
    refuse_duplicates(seen.iter())?;
    match cancelled {
        Some((at, text)) => Err(cancelled_by(request.gets.len(), at, text)),
        None => Ok(tables),
    }
}
