//! Query: the rows of one partition of a table or an index, in the order of the sort key.

use std::ops::Bound;
use std::sync::Arc;

use super::error::invalid;
use super::key_range::{self, Conditions};
use super::page::{self, Plan};
use super::target::Target;
use super::{EngineError, Page, Query, key_gaps, keys, only_if};
use crate::expression::Condition;
use crate::model::{KeyAttribute, KeyCodec, Map};
use crate::store::{Direction, KeyRange, Read};

/// Reads a page.
pub(super) fn read(
    read: &dyn Read,
    codec: KeyCodec,
    request: &Query,
    now: Option<u64>,
) -> Result<Page, EngineError> {
    let table = Arc::clone(keys::table(read.catalog(), request.table.as_str())?);
    let selection = &request.selection;
    let target = Target::find(read, table, request.index.as_ref(), selection)?;
    key_gaps::check(target.partition(), target.sort(), &request.conditions)?;
    let conditions = key_range::conditions(&target, &request.conditions)?;
    let mut range = key_range::range(&target, codec, &conditions)?;
    let direction = if request.forward { Direction::Forward } else { Direction::Backward };
    if let Some(start) = &request.start {
        continue_after(&mut range, direction, codec, &target, &conditions, start)?;
    }
    filter_leaves_key_alone(&target, selection.filter.as_ref())?;
    let partition = Some(conditions.partition.as_slice());
    let plan = Plan { range, direction, limit: request.limit, partition, selection };
    page::read(read, &target, &plan, now)
}

/// A Query's filter comes after its key condition: it has no business with the key.
fn filter_leaves_key_alone(target: &Target, filter: Option<&Condition>) -> Result<(), EngineError> {
    let Some(filter) = filter else { return Ok(()) };
    only_if::condition_of_table(&target.table, Some(filter))?;
    let attributes = filter.attributes();
    let mut keys = target.partition().iter().chain(target.sort());
    match keys.find(|key| attributes.iter().any(|(name, _)| key.name == *name)) {
        None => Ok(()),
        Some(KeyAttribute { name: key, .. }) => {
            let parameter = if filter.is_legacy() { "QueryFilter" } else { "Filter Expression" };
            Err(invalid(format!(
                "{parameter} can only contain non-primary key attributes: Primary key attribute: {key}"
            )))
        }
    }
}

/// Narrows the range to what comes after the last page's end, which must lie within it.
fn continue_after(
    range: &mut KeyRange,
    direction: Direction,
    codec: KeyCodec,
    target: &Target,
    conditions: &Conditions<'_>,
    start: &Map,
) -> Result<(), EngineError> {
    let key = target.start(codec, start)?;
    let mut attributes = target.partition().iter().zip(&conditions.partition);
    let same_partition = attributes.all(|(attribute, wanted)| {
        let value = start.get(&attribute.name).and_then(|value| keys::key_value(value, attribute.key_type));
        value.is_some_and(|value| value == *wanted)
    });
    if !same_partition {
        return Err(invalid(
            "The provided starting key is outside query boundaries based on provided conditions",
        ));
    }
    if !range.contains(&key) {
        return Err(invalid("The provided starting key does not match the range key predicate"));
    }
    match direction {
        Direction::Forward => range.start = Bound::Excluded(key),
        Direction::Backward => range.end = Bound::Excluded(key),
    }
    Ok(())
}
