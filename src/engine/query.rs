//! Query: the rows of one partition of a table or an index, in the order of the sort key.

use std::ops::Bound;
use std::sync::Arc;

use super::error::invalid;
use super::key_range::Conditions;
use super::page::{self, Plan};
use super::target::Target;
use super::{EngineError, Page, Query, key_gaps, key_range, keys, start_key};
use crate::expression::Condition;
use crate::model::key::PARTITION_PREFIX;
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
    let target = Target::find(table, request.index.as_ref())?;
    if let Some(start) = &request.start {
        start_key::check_partition(&target, start)?;
    }
    key_gaps::check(target.partition(), target.sort(), &request.conditions)?;
    key_range::check_partition(&target, &request.conditions)?;
    let start = match &request.start {
        Some(start) => {
            start_key::check_sort(&target, start)?;
            Some((start, start_key::row(&target, codec, start)?))
        }
        None => None,
    };
    let conditions = key_range::conditions(&target, &request.conditions)?;
    let mut range = key_range::range(&target, codec, &conditions)?;
    let direction = if request.forward { Direction::Forward } else { Direction::Backward };
    if let Some((start, row)) = start {
        check_bounds(&range, codec, &target, &conditions, start, &row)?;
        match direction {
            Direction::Forward => range.start = Bound::Excluded(row),
            Direction::Backward => range.end = Bound::Excluded(row),
        }
    }
    filter_leaves_key_alone(&target, selection.filter.as_ref())?;
    let partition = conditions.partition;
    let target = target.select(read, request.index.as_ref(), selection)?;
    let partition = Some(partition.as_slice());
    let plan = Plan { range, direction, limit: request.limit, partition, selection };
    page::read(read, &target, &plan, now)
}

/// A Query's filter comes after its key condition: it has no business with the key.
fn filter_leaves_key_alone(target: &Target, filter: Option<&Condition>) -> Result<(), EngineError> {
    let Some(filter) = filter else { return Ok(()) };
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

/// The last page's end must lie within what the conditions leave. Where there is a condition on the sort key, the service
/// looks at that first, and has odd words for a key of another partition.
fn check_bounds(
    range: &KeyRange,
    codec: KeyCodec,
    target: &Target,
    conditions: &Conditions<'_, '_>,
    start: &Map,
    row: &[u8],
) -> Result<(), EngineError> {
    if conditions.sorts() {
        let mut here = target.prefix(codec, &conditions.partition).to_vec();
        here.extend_from_slice(row.get(PARTITION_PREFIX..).unwrap_or_default());
        if !range.contains(&here) {
            return Err(invalid("The provided starting key does not match the range key predicate"));
        }
    }
    let mut attributes = target.partition().iter().zip(&conditions.partition);
    let same_partition = attributes.all(|(attribute, wanted)| {
        let value = start.get(&attribute.name).and_then(|value| keys::key_value(value, attribute.key_type));
        value.is_some_and(|value| value == *wanted)
    });
    match (same_partition, conditions.sorts()) {
        (true, _) => Ok(()),
        (false, true) => Err(invalid("The query can return at most one row and cannot be restarted")),
        (false, false) => {
            Err(invalid("The provided starting key is outside query boundaries based on provided conditions"))
        }
    }
}
