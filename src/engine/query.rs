//! Query: the rows of one partition, in the order of the sort key.

use std::ops::Bound;
use std::sync::Arc;

use super::error::invalid;
use super::page::{self, Plan};
use super::{EngineError, KeyCondition, Page, Query, SortCondition, keys, only_if};
use crate::expression::Condition;
use crate::model::key::{PARTITION_PREFIX, encode_sort};
use crate::model::{AttributeValue, KeyAttribute, KeyCodec, KeySchema, KeyValue, Map, TableDef};
use crate::store::{Direction, KeyRange, Read};

/// Reads a page.
pub(super) fn read(
    read: &dyn Read,
    codec: KeyCodec,
    request: &Query,
    now: Option<u64>,
) -> Result<Page, EngineError> {
    let table = Arc::clone(keys::table(read.catalog(), request.table.as_str())?);
    let (partition, sort) = conditions(&table.keys, &request.conditions)?;
    let prefix = codec.partition(table.id, partition);
    let mut range = sort_range(&prefix, &table.keys, sort)?;
    let direction = if request.forward { Direction::Forward } else { Direction::Backward };
    if let Some(start) = &request.start {
        continue_after(&mut range, direction, codec, &table, partition, start)?;
    }
    filter_leaves_key_alone(&table, request.selection.filter.as_ref())?;
    let selection = &request.selection;
    let plan = Plan { range, direction, limit: request.limit, partition: Some(partition), selection };
    page::read(read, table, &plan, now)
}

/// A Query's filter comes after its key condition: it has no business with the key.
fn filter_leaves_key_alone(table: &TableDef, filter: Option<&Condition>) -> Result<(), EngineError> {
    let Some(filter) = filter else { return Ok(()) };
    only_if::condition_of_table(table, Some(filter))?;
    let attributes = filter.attributes();
    let mut keys = std::iter::once(&table.keys.partition).chain(table.keys.sort.as_ref());
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

/// The partition's value and the sort key's condition.
fn conditions<'a>(
    schema: &KeySchema,
    conditions: &'a [KeyCondition],
) -> Result<(KeyValue<'a>, Option<&'a SortCondition>), EngineError> {
    let mut partition = None;
    let mut sort = None;
    for KeyCondition { attribute, condition } in conditions {
        if schema.partition.name == *attribute {
            let SortCondition::Equal(value) = condition else {
                return Err(invalid("Query key condition not supported"));
            };
            partition = Some(operand(value, &schema.partition)?);
        } else if schema.sort.as_ref().is_some_and(|sort| sort.name == *attribute) {
            sort = Some(condition);
        }
    }
    let Some(partition) = partition else {
        return Err(missed(&schema.partition));
    };
    let used = 1 + usize::from(sort.is_some());
    if conditions.len() != used {
        return match &schema.sort {
            Some(attribute) if sort.is_none() => Err(missed(attribute)),
            _ => Err(invalid("Query key condition not supported")),
        };
    }
    Ok((partition, sort))
}

fn missed(attribute: &KeyAttribute) -> EngineError {
    invalid(format!("Query condition missed key schema element: {}", attribute.name))
}

/// A condition's operand, as the key attribute's type, within its length.
fn operand<'a>(value: &'a AttributeValue, attribute: &KeyAttribute) -> Result<KeyValue<'a>, EngineError> {
    let Some(value) = keys::key_value(value, attribute.key_type) else {
        return Err(invalid(
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ));
    };
    if matches!(value, KeyValue::S("") | KeyValue::B([])) {
        let kind = if matches!(value, KeyValue::S(_)) { "string" } else { "binary" };
        return Err(invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {kind} value. Key: {}",
            attribute.name
        )));
    }
    Ok(value)
}

/// The rows of a partition that a condition on the sort key leaves.
fn sort_range(
    prefix: &[u8; PARTITION_PREFIX],
    schema: &KeySchema,
    condition: Option<&SortCondition>,
) -> Result<KeyRange, EngineError> {
    let whole = KeyRange { start: Bound::Included(prefix.to_vec()), end: successor(prefix) };
    let (Some(condition), Some(attribute)) = (condition, &schema.sort) else {
        return Ok(whole);
    };
    let at = |value: &AttributeValue| -> Result<Vec<u8>, EngineError> {
        let mut key = prefix.to_vec();
        encode_sort(operand(value, attribute)?, &mut key);
        Ok(key)
    };
    let (start, end) = match condition {
        SortCondition::Equal(value) => {
            let key = at(value)?;
            (Bound::Included(key.clone()), Bound::Included(key))
        }
        SortCondition::Less(value) => (whole.start, Bound::Excluded(at(value)?)),
        SortCondition::LessOrEqual(value) => (whole.start, Bound::Included(at(value)?)),
        SortCondition::Greater(value) => (Bound::Excluded(at(value)?), whole.end),
        SortCondition::GreaterOrEqual(value) => (Bound::Included(at(value)?), whole.end),
        SortCondition::Between(low, high) => {
            let (low, high) = (at(low)?, at(high)?);
            if low > high {
                return Err(invalid(
                    "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
                ));
            }
            (Bound::Included(low), Bound::Included(high))
        }
        SortCondition::BeginsWith(value) => {
            let key = at(value)?;
            let end = successor(&key);
            (Bound::Included(key), end)
        }
    };
    Ok(KeyRange { start, end })
}

/// The first key behind all that begin with these bytes.
pub(super) fn successor(prefix: &[u8]) -> Bound<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.last_mut() {
        if *last < u8::MAX {
            *last += 1;
            return Bound::Excluded(end);
        }
        end.pop();
    }
    Bound::Unbounded
}

/// Narrows the range to what comes after the last page's end, which must lie within it.
fn continue_after(
    range: &mut KeyRange,
    direction: Direction,
    codec: KeyCodec,
    table: &TableDef,
    partition: KeyValue<'_>,
    start: &Map,
) -> Result<(), EngineError> {
    let key = keys::of_key(codec, table, start)
        .map_err(|error| invalid(format!("The provided starting key is invalid: {error}")))?;
    let same_partition = start
        .get(&table.keys.partition.name)
        .and_then(|value| keys::key_value(value, table.keys.partition.key_type))
        .is_some_and(|value| value == partition);
    if !same_partition {
        return Err(invalid(
            "The provided starting key is outside query boundaries based on provided conditions",
        ));
    }
    let key = key.as_slice().to_vec();
    if !within(&range.start, &range.end, &key) {
        return Err(invalid("The provided starting key does not match the range key predicate"));
    }
    match direction {
        Direction::Forward => range.start = Bound::Excluded(key),
        Direction::Backward => range.end = Bound::Excluded(key),
    }
    Ok(())
}

/// Whether a key is in a range.
pub(super) fn within(start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>, key: &[u8]) -> bool {
    let after = match start {
        Bound::Included(bound) => key >= bound.as_slice(),
        Bound::Excluded(bound) => key > bound.as_slice(),
        Bound::Unbounded => true,
    };
    let before = match end {
        Bound::Included(bound) => key <= bound.as_slice(),
        Bound::Excluded(bound) => key < bound.as_slice(),
        Bound::Unbounded => true,
    };
    after && before
}
