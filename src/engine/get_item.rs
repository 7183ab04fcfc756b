//! GetItem: one row. Always strongly consistent here.

use std::sync::Arc;

use super::{EngineError, GetItem, Got, keys, only_if, prepare};
use crate::expression::Projection;
use crate::model::{Image, KeyCodec, Map, TableDef};
use crate::store::Read;

/// Reads one item.
pub(super) fn read(
    read: &dyn Read,
    codec: KeyCodec,
    request: &GetItem,
    now: Option<u64>,
) -> Result<Got, EngineError> {
    let table = Arc::clone(keys::table(read.catalog(), request.table.as_str())?);
    only_if::projection_of_table(&table, request.projection.as_ref())?;
    let item = one(read, codec, &table, &request.key, now)?;
    let size = item.as_ref().map_or(0, prepare::image_size);
    let item = item.map(|item| projected(item, request.projection.as_ref())).transpose()?;
    Ok(Got { table, item, size })
}

/// The wanted parts of an item.
pub(super) fn projected(item: Image, projection: Option<&Projection>) -> Result<Image, EngineError> {
    match projection {
        Some(projection) => Ok(projection.apply(item.as_map())?),
        None => Ok(item),
    }
}

/// The visible item under a request's key.
pub(super) fn one(
    read: &dyn Read,
    codec: KeyCodec,
    table: &TableDef,
    key: &Map,
    now: Option<u64>,
) -> Result<Option<Image>, EngineError> {
    let row_key = keys::of_key(codec, table, key)?;
    let Some(image) = prepare::visible(read, table, &row_key, now)? else { return Ok(None) };
    // The partition is hashed in the row's key; the image has the last word.
    for (name, value) in key.iter() {
        let wanted = keys::key_value(value, table.keys.type_of(name).unwrap_or(crate::model::KeyType::S));
        if !wanted.map(|value| keys::has_key(image.as_map(), name, value)).transpose()?.unwrap_or(false) {
            return Ok(None);
        }
    }
    Ok(Some(image))
}
