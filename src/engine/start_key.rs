//! ExclusiveStartKey: where the last page ended. Its checks come in the service's order, other checks of a request between
//! them: the partition attributes of what is read, its sort attributes, the table's own key.

use super::EngineError;
use super::error::invalid;
use super::keys::{self, NOT_THE_SCHEMA};
use super::target::Target;
use crate::model::{IndexKeyValues, KeyAttribute, KeyCodec, KeyPart, Map};

const INVALID: &str = "The provided starting key is invalid";

/// As many attributes as the keys of table and index have, those of the partition among them, of their types.
pub(super) fn check_partition(target: &Target, start: &Map) -> Result<(), EngineError> {
    if start.len() != target.key_names().len() {
        return Err(invalid(INVALID));
    }
    check(target.partition(), start)
}

/// The sort attributes, of their types.
pub(super) fn check_sort(target: &Target, start: &Map) -> Result<(), EngineError> {
    check(target.sort(), start)
}

fn check(attributes: &[KeyAttribute], start: &Map) -> Result<(), EngineError> {
    if attributes.iter().any(|key| start.get(&key.name).is_none()) {
        return Err(invalid(INVALID));
    }
    let typed = |key: &KeyAttribute| {
        start.get(&key.name).is_some_and(|value| keys::key_value(value, key.key_type).is_some())
    };
    if attributes.iter().all(typed) { Ok(()) } else { Err(invalid(NOT_THE_SCHEMA)) }
}

/// The key of the row at which the last page ended: exactly the key attributes of index and table.
pub(super) fn row(target: &Target, codec: KeyCodec, start: &Map) -> Result<Vec<u8>, EngineError> {
    let wrong = |error: EngineError| invalid(format!("{INVALID}: {error}"));
    let Some(index) = target.index() else {
        return Ok(keys::of_key(codec, &target.table, start).map_err(wrong)?.as_slice().to_vec());
    };
    let row = keys::within(codec, &target.table, start).map_err(wrong)?;
    let values = |part: KeyPart, attributes: &'_ [KeyAttribute]| {
        let values = attributes.iter().map(|key| key.of(part, start.get(&key.name)));
        values.collect::<Result<Vec<_>, _>>().map_err(|_| invalid(INVALID))
    };
    let values = IndexKeyValues {
        partition: values(KeyPart::Partition, &index.partition)?,
        sort: values(KeyPart::Sort, &index.sort)?,
    };
    Ok(codec.index_key(index, &values, &row).whole(target.table.id))
}
