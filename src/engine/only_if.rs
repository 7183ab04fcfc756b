//! Conditions of writes, decided on the committer's thread; and what no expression may do with a table's key.

use super::error::{invalid, unfit};
use super::{EngineError, OnlyIf};
use crate::expression::{Condition, Projection, Update};
use crate::model::{Image, MapRef, TableDef};

/// The image of an item without attributes: what conditions see where there is no item.
pub(super) const NOTHING: MapRef<'static> = MapRef::new(&[0xA0]);

/// Refuses a write whose condition does not hold of the visible item.
pub(super) fn check(only_if: Option<&OnlyIf>, old: Option<&Image>) -> Result<(), EngineError> {
    let Some(OnlyIf { condition, return_old }) = only_if else { return Ok(()) };
    if condition.holds(old.map_or(NOTHING, Image::as_map))? {
        return Ok(());
    }
    Err(EngineError::ConditionFailed(old.filter(|_| *return_old).cloned()))
}

/// Key attributes are scalars: nothing is inside of one.
pub(super) fn nothing_inside_keys<'n>(
    table: &TableDef,
    looked_inside: impl IntoIterator<Item = &'n str>,
) -> Result<(), EngineError> {
    const SCALARS: &str =
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed";
    for name in looked_inside {
        if table.keys.contains(name) {
            return Err(invalid(format!("{SCALARS}: Key: {name}")));
        }
        if table.indexes.live().any(|index| index.contains(name)) {
            return Err(invalid(format!("{SCALARS}: IndexKey: {name}")));
        }
    }
    Ok(())
}

/// The same for a condition.
pub(super) fn condition_of_table(table: &TableDef, condition: Option<&Condition>) -> Result<(), EngineError> {
    let Some(condition) = condition else { return Ok(()) };
    let inside = condition.attributes().into_iter().filter(|(_, inside)| *inside);
    nothing_inside_keys(table, inside.map(|(name, _)| name))
}

/// The same for a projection.
pub(super) fn projection_of_table(
    table: &TableDef,
    projection: Option<&Projection>,
) -> Result<(), EngineError> {
    let Some(projection) = projection else { return Ok(()) };
    let inside = projection.attributes().filter(|(_, inside)| *inside);
    nothing_inside_keys(table, inside.map(|(name, _)| name))
}

/// An update changes no key attribute.
pub(super) fn update_of_table(table: &TableDef, update: Option<&Update>) -> Result<(), EngineError> {
    let Some(update) = update else { return Ok(()) };
    if let Some(key) = update.changed().find(|name| table.keys.contains(name)) {
        return Err(unfit(format!(
            "One or more parameter values were invalid: Cannot update attribute {key}. This attribute is part of the key"
        )));
    }
    nothing_inside_keys(table, update.looked_inside().into_iter().map(|name| name.as_str()))
}
