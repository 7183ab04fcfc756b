//! An attribute has one type in all keys of a table: a new index may not give it another.

use super::EngineError;
use super::error::invalid;
use crate::model::{IndexDef, KeyAttribute, TableDef};

/// A key, as messages show it.
type Shown<'a> = Vec<(&'a KeyAttribute, &'static str)>;

/// Refuses an index with a key attribute that the table or another index has with another type.
pub(super) fn check(table: &TableDef, new: &IndexDef) -> Result<(), EngineError> {
    let sort = table.keys.sort.iter().map(|key| (key, "RANGE"));
    let of_table: Shown<'_> = std::iter::once((&table.keys.partition, "HASH")).chain(sort).collect();
    let of_indexes = table.indexes.live().map(of_index);
    let clashes = |known: &Shown<'_>| {
        known.iter().any(|(key, _)| {
            new.attributes().any(|(_, other)| other.name == key.name && other.key_type != key.key_type)
        })
    };
    match std::iter::once(of_table).chain(of_indexes).find(clashes) {
        None => Ok(()),
        Some(known) => Err(invalid(format!(
            "One or more parameter values were invalid: Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: {} New schema: {}",
            shown(&known),
            shown(&of_index(new))
        ))),
    }
}

fn of_index(index: &IndexDef) -> Shown<'_> {
    let partition = index.partition.iter().map(|key| (key, "HASH"));
    partition.chain(index.sort.iter().map(|key| (key, "RANGE"))).collect()
}

fn shown(keys: &Shown<'_>) -> String {
    let elements: Vec<_> = keys
        .iter()
        .map(|(key, kind)| format!("SchemaElement: key{{{}:{}:{kind}}}", key.name, key.key_type.name()))
        .collect();
    format!("Schema:[{}]", elements.join(", "))
}
