//! Tables and keys as requests name them, with DynamoDB's words for what is wrong.

use std::sync::Arc;

use super::EngineError;
use super::error::{invalid, unfit};
use crate::model::{
    AttributeValue, Image, ImageError, Item, KeyCodec, KeyError, KeySchema, KeyType, KeyValue, Map, MapRef,
    RowKey, TableDef, ValueRef,
};
use crate::store::Catalog;

/// DynamoDB's text for a key that is not one of the table (GetItem, DeleteItem, batches).
pub(super) const NOT_THE_SCHEMA: &str = "The provided key element does not match the schema";

/// A live table.
pub(super) fn table<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Arc<TableDef>, EngineError> {
    catalog.table(name).ok_or_else(|| EngineError::ResourceNotFound(name.to_owned()))
}

/// The same table on the committer's thread: it may have been deleted, and made again, since the write was prepared.
pub(super) fn still_there(catalog: &Catalog, prepared: &TableDef) -> Result<(), EngineError> {
    match catalog.by_id(prepared.id) {
        Some(table) if !table.dropped => Ok(()),
        _ => Err(EngineError::ResourceNotFound(prepared.name.as_str().to_owned())),
    }
}

/// The row key of a whole item.
pub(super) fn of_item(keys: KeyCodec, table: &TableDef, item: &Item) -> Result<RowKey, EngineError> {
    let (partition, sort) = key_of_item(table, item)?;
    Ok(keys.row_key(table.id, partition, sort))
}

/// The row key of a whole item, and its image (PutItem).
pub(super) fn row_of_item(
    keys: KeyCodec,
    table: &TableDef,
    item: &Item,
) -> Result<(RowKey, Image), EngineError> {
    let (partition, sort) = key_of_item(table, item)?;
    Ok(Image::encode_behind(|out| keys.write_row_key(table.id, partition, sort, out), item))
}

fn key_of_item<'i>(
    table: &TableDef,
    item: &'i Item,
) -> Result<(KeyValue<'i>, Option<KeyValue<'i>>), EngineError> {
    table.keys.key_of(item).map_err(|error| put_error(&table.keys, error))
}

/// The row key of a request's key: exactly the key attributes.
pub(super) fn of_key(keys: KeyCodec, table: &TableDef, key: &Map) -> Result<RowKey, EngineError> {
    let wanted = 1 + usize::from(table.keys.sort.is_some());
    if key.len() != wanted {
        return Err(unfit(NOT_THE_SCHEMA));
    }
    within(keys, table, key)
}

/// The row key of the key attributes that stand among others.
pub(super) fn within(keys: KeyCodec, table: &TableDef, key: &Map) -> Result<RowKey, EngineError> {
    let (partition, sort) = table.keys.key_of(key).map_err(|error| match error {
        KeyError::Missing { .. } | KeyError::WrongType { .. } => unfit(NOT_THE_SCHEMA),
        other => put_error(&table.keys, other),
    })?;
    Ok(keys.row_key(table.id, partition, sort))
}

/// What is wrong with an item's key. An empty one is wrong whatever the table.
fn put_error(schema: &KeySchema, error: KeyError) -> EngineError {
    match error {
        KeyError::Missing { name } => {
            unfit(format!("One or more parameter values were invalid: Missing the key {name} in the item"))
        }
        KeyError::WrongType { name, expected, actual } => unfit(format!(
            "One or more parameter values were invalid: Type mismatch for key {name} expected: {expected:?} actual: {actual}"
        )),
        KeyError::Empty { name } => {
            let kind = match key_type(schema, &name) {
                KeyType::B => "binary",
                _ => "string",
            };
            invalid(format!(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {kind} value. Key: {name}"
            ))
        }
        KeyError::TooLong { name, limit } => unfit(too_long(schema.partition.name == name, limit)),
    }
}

/// DynamoDB's text for a key attribute of too many bytes; it lacks a space.
pub(super) fn too_long(partition: bool, limit: usize) -> String {
    if partition {
        return format!(
            "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of{limit} bytes"
        );
    }
    format!(
        "One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of {limit} bytes"
    )
}

fn key_type(schema: &KeySchema, name: &str) -> KeyType {
    match &schema.sort {
        Some(sort) if sort.name == name => sort.key_type,
        _ => schema.partition.key_type,
    }
}

/// A value as a key attribute of this type.
pub(super) fn key_value(value: &AttributeValue, wanted: KeyType) -> Option<KeyValue<'_>> {
    match (value, wanted) {
        (AttributeValue::S(text), KeyType::S) => Some(KeyValue::S(text)),
        (AttributeValue::N(number), KeyType::N) => Some(KeyValue::N(*number)),
        (AttributeValue::B(bytes), KeyType::B) => Some(KeyValue::B(bytes)),
        _ => None,
    }
}

/// Whether an image has this value under this key attribute: the row's hash alone is not proof.
pub(super) fn has_key(image: MapRef<'_>, name: &str, value: KeyValue<'_>) -> Result<bool, ImageError> {
    Ok(match (image.get(name)?, value) {
        (Some(ValueRef::S(a)), KeyValue::S(b)) => a == b,
        (Some(ValueRef::N(a)), KeyValue::N(b)) => a == b,
        (Some(ValueRef::B(a)), KeyValue::B(b)) => a == b,
        _ => false,
    })
}

/// The key attributes of an image, as an item of their own.
pub(super) fn key_map(schema: &KeySchema, image: MapRef<'_>) -> Result<Map, EngineError> {
    Ok(schema.key_map(image)?)
}
