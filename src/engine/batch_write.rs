//! BatchWriteItem: up to 25 puts and deletes over several tables, one commit here.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::invalid;
use super::prepare::{self, PreparedDelete, PreparedPut, Preparing};
use super::throughput::{Exceeded, Gate};
use super::{BatchWrite, BatchWritten, EngineError, Write, delete_item, index_writes, keys};
use crate::model::{RowKey, TableDef};
use crate::store::{Batch, Read};

/// A batch ready to be staged.
pub(super) struct PreparedBatch {
    tables: Vec<(Arc<TableDef>, Vec<PreparedWrite>)>,
    old_matters: bool,
}

enum PreparedWrite {
    Put(PreparedPut),
    Delete(PreparedDelete),
}

impl PreparedWrite {
    fn key(&self) -> &RowKey {
        match self {
            PreparedWrite::Put(put) => &put.key,
            PreparedWrite::Delete(delete) => &delete.key,
        }
    }

    fn weight(&self) -> usize {
        match self {
            PreparedWrite::Put(put) => put.weight(),
            PreparedWrite::Delete(delete) => delete.weight(),
        }
    }
}

impl PreparedBatch {
    /// The tables.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Arc<TableDef>> {
        self.tables.iter().map(|(table, _)| table)
    }

    /// About how many bytes will be staged.
    pub(super) fn weight(&self) -> usize {
        self.tables.iter().flat_map(|(_, writes)| writes).map(PreparedWrite::weight).sum()
    }
}

/// On the caller's task: one bad entry refuses the whole batch, and so does a key given twice.
pub(super) fn prepare(preparing: &Preparing, request: BatchWrite) -> Result<PreparedBatch, EngineError> {
    // The service looks at all sizes before it looks for a table, and for all tables before it looks at a key.
    let mut sizes = Vec::new();
    for write in request.tables.iter().flat_map(|(_, writes)| writes) {
        sizes.push(match write {
            Write::Put(item) => prepare::fits(item)?,
            Write::Delete(_) => 0,
        });
    }
    for (name, _) in &request.tables {
        keys::table(&preparing.catalog, name.as_str())?;
    }
    let mut sizes = sizes.into_iter();
    let mut seen: HashSet<RowKey> = HashSet::new();
    let mut tables = Vec::with_capacity(request.tables.len());
    for (name, writes) in request.tables {
        let table = Arc::clone(keys::table(&preparing.catalog, name.as_str())?);
        let mut prepared = Vec::with_capacity(writes.len());
        for (write, size) in writes.into_iter().zip(sizes.by_ref()) {
            let write = match write {
                Write::Put(item) => {
                    PreparedWrite::Put(preparing.sized_put(&name, &item, size, request.origin)?)
                }
                Write::Delete(key) => PreparedWrite::Delete(preparing.delete(&name, &key, request.origin)?),
            };
            if !seen.insert(write.key().clone()) {
                return Err(invalid("Provided list of item keys contains duplicates"));
            }
            prepared.push(write);
        }
        tables.push((table, prepared));
    }
    Ok(PreparedBatch { tables, old_matters: request.old_matters })
}

/// On the committer's thread. What of a table would change a global index without units is left out.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    writes: PreparedBatch,
    now: Option<u64>,
    gate: Option<&Gate>,
) -> Result<BatchWritten, EngineError> {
    for (table, _) in &writes.tables {
        keys::still_there(read.catalog(), table)?;
    }
    let mut tables = Vec::with_capacity(writes.tables.len());
    let mut indexes = Vec::with_capacity(writes.tables.len());
    // Reading may fail: nothing may have been staged then.
    let mut staged = Batch::default();
    let mut throttled = Vec::new();
    let old_matters = writes.old_matters;
    for (table, writes) in writes.tables {
        let mut sizes = Vec::with_capacity(writes.len());
        let mut indexed = Vec::new();
        let mut of_table = Batch::default();
        for write in writes {
            sizes.push(match write {
                PreparedWrite::Put(put) => {
                    let old = prepare::replaced(read, &put, old_matters, now)?;
                    let size = old.as_ref().map_or(0, prepare::image_size).max(put.size);
                    indexed.extend(index_writes::of(&put.table, old.as_ref(), Some(&put.image)));
                    of_table.put(put.table.id, put.key, put.image, put.about);
                    size
                }
                PreparedWrite::Delete(delete) => {
                    let old = delete_item::stage(read, &mut of_table, &delete, now)?;
                    indexed.extend(index_writes::of(&delete.table, old.as_ref(), None));
                    old.as_ref().map_or(0, prepare::image_size)
                }
            });
        }
        if gate.is_some_and(|gate| !gate.admits(&table, &indexed)) {
            throttled.push(table.name.clone());
            continue;
        }
        staged.append(of_table);
        tables.push((table, sizes));
        indexes.push(indexed);
    }
    if tables.is_empty() && !throttled.is_empty() {
        return Err(EngineError::ThroughputExceeded(Exceeded::Index));
    }
    batch.append(staged);
    Ok(BatchWritten { tables, indexes, throttled })
}
