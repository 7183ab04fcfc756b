//! BatchGetItem: up to 100 keys over several tables, 16 MB of items; what does not fit comes back as keys.

use std::sync::Arc;

use super::{BatchGet, BatchGot, EngineError, get_item, keys, only_if, prepare};
use crate::model::{KeyCodec, Map, limits};
use crate::store::Read;

/// Reads the keys in order until the answer is full.
pub(super) fn read(
    read: &dyn Read,
    codec: KeyCodec,
    request: BatchGet,
    now: Option<u64>,
) -> Result<BatchGot, EngineError> {
    let mut got = BatchGot { tables: Vec::new(), unprocessed: Vec::new() };
    let mut total = 0;
    // Everything is checked before anything is read: one bad key refuses the batch.
    for ((name, wanted), projection) in request.tables.iter().zip(&request.projections) {
        let table = keys::table(read.catalog(), name.as_str())?;
        only_if::projection_of_table(table, projection.as_ref())?;
        for key in wanted {
            keys::of_key(codec, table, key)?;
        }
    }
    for ((name, wanted), projection) in request.tables.into_iter().zip(request.projections) {
        let table = Arc::clone(keys::table(read.catalog(), name.as_str())?);
        let mut found = Vec::new();
        let mut sizes = Vec::new();
        let mut left: Vec<Map> = Vec::new();
        for key in wanted {
            if total >= limits::BODY {
                left.push(key);
                continue;
            }
            let item = get_item::one(read, codec, &table, &key, now)?;
            let size = item.as_ref().map_or(0, prepare::image_size);
            if total + size > limits::BODY {
                total = limits::BODY;
                left.push(key);
                continue;
            }
            total += size;
            sizes.push(size);
            if let Some(item) = item {
                found.push(get_item::projected(item, projection.as_ref())?);
            }
        }
        if !left.is_empty() {
            got.unprocessed.push((name, left));
        }
        got.tables.push((table, found, sizes));
    }
    Ok(got)
}
