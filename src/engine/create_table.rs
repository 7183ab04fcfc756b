//! CreateTable.

use std::sync::Arc;

use super::{CreateTable, EngineError, tags};
use crate::clock::Stamp;
use crate::model::{IndexDef, Indexes, TableDef, TableId, TableOptions};
use crate::store::{Batch, Read};

/// On the committer's thread: the name must be free.
pub(super) fn decide(
    read: &dyn Read,
    batch: &mut Batch,
    request: CreateTable,
    uuid: String,
    stamp: Stamp,
) -> Result<Arc<TableDef>, EngineError> {
    if read.catalog().table(request.table.as_str()).is_some() {
        return Err(EngineError::ResourceInUse(request.table.as_str().to_owned()));
    }
    let id = read.catalog().next_id();
    let settings = request.settings;
    let mut indexes = Indexes::default();
    for (number, index) in (id.0 + 1..).zip(settings.indexes) {
        indexes.numbered_to = number;
        indexes.list.push(IndexDef { id: TableId(number), ..index });
    }
    tags::check_count(settings.tags.len())?;
    let mut options = TableOptions {
        tags: settings.tags,
        infrequent_access: settings.infrequent_access.unwrap_or(false),
        class_given: settings.infrequent_access.is_some(),
        kms_key: settings.kms_key,
        on_demand_us: if request.provisioned.is_none() { stamp.us } else { 0 },
        on_demand_most: settings.on_demand_most,
        warm: settings.warm,
        ..TableOptions::default()
    };
    if let Some(view) = settings.stream {
        options.enable_stream(view, stream_label, stamp.us, read.seq().0);
    }
    let table = TableDef {
        created_us: stamp.us,
        uuid,
        provisioned: request.provisioned,
        deletion_protection: request.deletion_protection,
        indexes,
        options,
        ..TableDef::new(id, request.table, request.keys)
    };
    define(batch, &table, stamp)?;
    Ok(Arc::new(table))
}

/// Stages a definition.
pub(super) fn define(batch: &mut Batch, table: &TableDef, stamp: Stamp) -> Result<(), EngineError> {
    batch.define_table(table, stamp).map_err(|error| EngineError::Internal(error.to_string()))
}

/// A stream's label: the time it was made at, UTC, to the millisecond.
pub(super) fn stream_label(us: u64) -> String {
    let time = jiff::Timestamp::from_microsecond(us.cast_signed()).unwrap_or(jiff::Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f").to_string()
}

/// A version 4 UUID (RFC 9562, section 5.4), as text.
pub(super) fn random_uuid() -> Result<String, EngineError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| EngineError::Internal(format!("the system gives no random bytes: {error}")))?;
    let bits = (u128::from_be_bytes(bytes) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok(format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)))
}
