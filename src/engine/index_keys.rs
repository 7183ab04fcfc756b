//! Items that can't be stored because of an index: its key attribute is of another type, empty or too long. DynamoDB's words.

use super::error::{invalid, unfit};
use super::{EngineError, keys};
use crate::model::{IndexDef, KeyError, Map, TableDef};

/// Refuses an item that is put.
pub(super) fn check(table: &TableDef, item: &Map) -> Result<(), EngineError> {
    first_error(table, item).map_or(Ok(()), |(index, error)| Err(refusal(index, error, false)))
}

/// Refuses an item that an update would make.
pub(super) fn check_updated(table: &TableDef, item: &Map) -> Result<(), EngineError> {
    first_error(table, item).map_or(Ok(()), |(index, error)| Err(refusal(index, error, true)))
}

/// Of several indexes the first by name is reported.
fn first_error<'t>(table: &'t TableDef, item: &Map) -> Option<(&'t IndexDef, KeyError)> {
    let wrong = table.indexes.live().filter_map(|index| Some((index, index.check(item).err()?.error)));
    wrong.min_by(|(a, _), (b, _)| a.name.cmp(&b.name))
}

/// An empty key is wrong whatever the table, and refuses a transaction as a whole.
fn refusal(index: &IndexDef, error: KeyError, updated: bool) -> EngineError {
    let index_name = &index.name;
    match error {
        KeyError::WrongType { name, expected, actual } => unfit(format!(
            "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {expected:?} Actual: {actual} IndexName: {index_name}"
        )),
        KeyError::Empty { name } => {
            let binary = index.attributes().any(|(_, key)| key.name == name && key.key_type.name() == "B");
            let kind = if binary { "binary" } else { "string" };
            if updated {
                return invalid(format!(
                    "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty {kind} value."
                ));
            }
            invalid(format!(
                "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty {kind} value. IndexName: {index_name}, IndexKey: {name}"
            ))
        }
        KeyError::TooLong { name, limit } => {
            unfit(keys::too_long(index.partition.iter().any(|key| key.name == name), limit))
        }
        KeyError::Missing { .. } => unfit(error.to_string()),
    }
}
