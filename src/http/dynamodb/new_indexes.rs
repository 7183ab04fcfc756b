//! LocalSecondaryIndexes and GlobalSecondaryIndexes of CreateTable, checked in the service's order: first the keys of all,
//! then what each is besides.

use super::error::WireError;
use super::index_key::Key;
use super::index_schema::Index;
use super::java_order;
use super::table_schema::Definition;
use super::units::When;
use crate::model::{IndexDef, IndexKind, KeySchema, Projection};

/// The most indexes of a kind.
const LOCAL: usize = 5;
const GLOBAL: usize = 20;
/// The most attributes that all indexes of a table name in INCLUDE.
const INCLUDED: usize = 100;

/// All indexes of a new table.
pub(super) fn to_engine(
    local: Option<&[Index]>,
    global: Option<&[Index]>,
    table: &KeySchema,
    definitions: &[Definition],
    provisioned: bool,
) -> Result<Vec<IndexDef>, WireError> {
    if local.is_some() && table.sort.is_none() {
        return Err(WireError::invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
                .to_owned(),
        ));
    }
    let mut given = Vec::new();
    for (indexes, kind, list) in [
        (local, IndexKind::Local, "LocalSecondaryIndexes"),
        (global, IndexKind::Global, "GlobalSecondaryIndexes"),
    ] {
        if indexes.is_some_and(<[Index]>::is_empty) {
            return Err(WireError::invalid(format!("List of {list} is empty")));
        }
        for index in indexes.unwrap_or_default() {
            given.push((index, kind, Key::of(index, kind, table, definitions)?));
        }
    }
    all_used(table, given.iter().map(|(_, _, key)| key), definitions)?;
    let mut made: Vec<IndexDef> = Vec::new();
    for (index, kind, key) in given {
        let index = index.to_engine(kind, key, provisioned, When::New)?;
        if made.iter().any(|known| known.name == index.name) {
            return Err(WireError::invalid(format!("Duplicate index name: {}", index.name)));
        }
        made.push(index);
    }
    few(&made)?;
    Ok(made)
}

/// Every definition is of some key.
fn all_used<'k>(
    table: &KeySchema,
    indexes: impl Iterator<Item = &'k Key> + Clone,
    definitions: &[Definition],
) -> Result<(), WireError> {
    let used = |name: &str| table.contains(name) || indexes.clone().any(|index| index.contains(name));
    let names = || definitions.iter().map(Definition::name);
    if names().all(used) {
        return Ok(());
    }
    Err(WireError::invalid(format!(
        "Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys used: [{}]",
        java_order::of_sized_map(names()).join(", "),
        java_order::of_set(names().filter(|name| used(name))).join(", ")
    )))
}

/// The service's limits of a table.
fn few(indexes: &[IndexDef]) -> Result<(), WireError> {
    let of_kind = |kind: IndexKind| indexes.iter().filter(|index| index.kind == kind).count();
    if of_kind(IndexKind::Local) > LOCAL {
        return Err(WireError::invalid("Number of LocalSecondaryIndexes exceeds per-table limit of 5"));
    }
    if of_kind(IndexKind::Global) > GLOBAL {
        return Err(WireError::invalid("GlobalSecondaryIndex count exceeds the per-table limit of 20"));
    }
    let included = indexes.iter().map(|index| match &index.projection {
        Projection::Include(names) => names.len(),
        _ => 0,
    });
    let count: usize = included.sum();
    if count > INCLUDED {
        return Err(WireError::invalid(format!(
            "Number of projected attributes exceeds the per-table limit of {INCLUDED}: {count}"
        )));
    }
    Ok(())
}
