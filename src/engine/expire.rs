//! Removing what has expired, of tables with a stream: looked at again where it is decided.

use super::EngineError;
use super::prepare::expired;
use crate::clock::Stamp;
use crate::model::{Image, RowKey};
use crate::store::{About, Batch, Origin, Read};

/// Rows that have expired, as far as is known.
#[derive(Clone, Debug)]
pub struct Expire {
    /// Their keys.
    pub rows: Vec<RowKey>,
}

/// On the committer's thread; returns how many were removed.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    request: &Expire,
    now: Option<u64>,
    stamp: Stamp,
) -> Result<u64, EngineError> {
    let mut staged = Batch::default();
    let mut removed = 0;
    for key in &request.rows {
        let table = read.catalog().by_id(key.table()).filter(|table| !table.dropped);
        let Some(table) = table else { continue };
        let Some(row) = read.get(key)? else { continue };
        let item = row.item();
        if row.mark.is_some() || !expired(table, &item, now) {
            continue;
        }
        let key_image = Image::encode(&table.keys.key_map(item.as_map())?);
        let about = About { origin: Origin::Expiry, time: stamp, mark: None, delivery: None, size: None };
        staged.delete(table.id, key.clone(), key_image, about);
        removed += 1;
    }
    batch.append(staged);
    Ok(removed)
}
