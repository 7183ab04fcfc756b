//! From the conditions of a Query to the range of rows they leave.
//!
//! Every partition attribute is equal to something. Of the sort attributes those from the left have conditions, all but
//! the last of them equality (developer guide, "Multi-attribute keys").

use std::ops::Bound;

use super::error::invalid;
use super::target::Target;
use super::{EngineError, KeyCondition, SortCondition, keys};
use crate::model::index_key::{encode_part, encode_part_prefix};
use crate::model::key::encode_sort;
use crate::model::{AttributeValue, KeyAttribute, KeyCodec, KeyValue};
use crate::store::{KeyRange, successor};

/// The partition attributes' values, and the conditions on sort attributes, each in the order of the key.
pub(super) struct Conditions<'t, 'r> {
    pub(super) partition: Vec<KeyValue<'r>>,
    sort: Vec<(&'t KeyAttribute, &'r SortCondition)>,
}

impl Conditions<'_, '_> {
    /// Whether there is a condition on a sort attribute.
    pub(super) fn sorts(&self) -> bool {
        !self.sort.is_empty()
    }
}

/// No more conditions than the key has attributes, and one for each partition attribute.
pub(super) fn check_partition(target: &Target, conditions: &[KeyCondition]) -> Result<(), EngineError> {
    let (count, most) = (conditions.len(), target.partition().len() + target.sort().len());
    if count > most.max(2) {
        return Err(invalid(format!(
            "The number of query conditions ({count}) exceeds the number of key attributes defined in the schema ({most})"
        )));
    }
    if count > most {
        return Err(unsupported());
    }
    let there = |key: &KeyAttribute| conditions.iter().any(|condition| key.name == condition.attribute);
    target.partition().iter().find(|key| !there(key)).map_or(Ok(()), |key| Err(missed(key)))
}

/// Sorts a Query's conditions by the attributes of its key.
pub(super) fn conditions<'t, 'r>(
    target: &'t Target,
    conditions: &'r [KeyCondition],
) -> Result<Conditions<'t, 'r>, EngineError> {
    let of =
        |attribute: &KeyAttribute| conditions.iter().find(|condition| attribute.name == condition.attribute);
    let mut found = Conditions { partition: Vec::new(), sort: Vec::new() };
    let mut first_without = None;
    for attribute in target.sort() {
        match (of(attribute), first_without) {
            (Some(_), Some(without)) => return Err(missed(without)),
            (Some(condition), None) => found.sort.push((attribute, &condition.condition)),
            (None, _) => first_without = first_without.or(Some(attribute)),
        }
    }
    if conditions.len() != target.partition().len() + found.sort.len() {
        return Err(first_without.map_or_else(unsupported, missed));
    }
    if conditions.iter().any(|one| one.condition == SortCondition::NotIndexable) {
        return Err(not_indexable());
    }
    for attribute in target.partition() {
        let Some(condition) = of(attribute) else { return Err(missed(attribute)) };
        found.partition.push(operand(first_value(&condition.condition)?, attribute)?);
        if !matches!(condition.condition, SortCondition::Equal(_)) {
            return Err(unsupported());
        }
    }
    let before_last = found.sort.len().saturating_sub(1);
    if found.sort.iter().take(before_last).any(|(_, kind)| !matches!(kind, SortCondition::Equal(_))) {
        return Err(unsupported());
    }
    Ok(found)
}

/// The value whose type is looked at first.
fn first_value(condition: &SortCondition) -> Result<&AttributeValue, EngineError> {
    match condition {
        SortCondition::Equal(value)
        | SortCondition::Less(value)
        | SortCondition::LessOrEqual(value)
        | SortCondition::Greater(value)
        | SortCondition::GreaterOrEqual(value)
        | SortCondition::BeginsWith(value)
        | SortCondition::Between(value, _) => Ok(value),
        SortCondition::NotIndexable => Err(not_indexable()),
    }
}

fn unsupported() -> EngineError {
    invalid("Query key condition not supported")
}

fn not_indexable() -> EngineError {
    invalid("Attempted conditional constraint is not an indexable operation")
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

/// The rows that the conditions leave.
pub(super) fn range(
    target: &Target,
    codec: KeyCodec,
    conditions: &Conditions<'_, '_>,
) -> Result<KeyRange, EngineError> {
    let mut prefix = target.prefix(codec, &conditions.partition).to_vec();
    let indexed = target.index().is_some();
    let Some(((attribute, last), before)) = conditions.sort.split_last() else {
        return Ok(KeyRange { end: successor(&prefix), start: Bound::Included(prefix) });
    };
    for (attribute, condition) in before {
        if let SortCondition::Equal(value) = condition {
            encode_part(operand(value, attribute)?, &mut prefix);
        }
    }
    if let SortCondition::Between(low, high) = last
        && order(operand(low, attribute)?) > order(operand(high, attribute)?)
    {
        return Err(invalid(
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
        ));
    }
    if indexed { in_index(prefix, attribute, last) } else { in_table(prefix, attribute, last) }
}

/// A value's place in the order of its type.
fn order(value: KeyValue<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_sort(value, &mut bytes);
    bytes
}

/// In a table a row's key ends with the sort key: there is one row to a value.
fn in_table(
    prefix: Vec<u8>,
    attribute: &KeyAttribute,
    condition: &SortCondition,
) -> Result<KeyRange, EngineError> {
    let at = |value: &AttributeValue| -> Result<Vec<u8>, EngineError> {
        let mut key = prefix.clone();
        encode_sort(operand(value, attribute)?, &mut key);
        Ok(key)
    };
    let whole = KeyRange { start: Bound::Included(prefix.clone()), end: successor(&prefix) };
    let (start, end) = match condition {
        SortCondition::Equal(value) => {
            let key = at(value)?;
            (Bound::Included(key.clone()), Bound::Included(key))
        }
        SortCondition::Less(value) => (whole.start, Bound::Excluded(at(value)?)),
        SortCondition::LessOrEqual(value) => (whole.start, Bound::Included(at(value)?)),
        SortCondition::Greater(value) => (Bound::Excluded(at(value)?), whole.end),
        SortCondition::GreaterOrEqual(value) => (Bound::Included(at(value)?), whole.end),
        SortCondition::Between(low, high) => (Bound::Included(at(low)?), Bound::Included(at(high)?)),
        SortCondition::BeginsWith(value) => {
            let key = at(value)?;
            (Bound::Included(key.clone()), successor(&key))
        }
        SortCondition::NotIndexable => return Err(not_indexable()),
    };
    Ok(KeyRange { start, end })
}

/// In an index many rows may begin with a value's bytes, and no other value's rows do.
fn in_index(
    prefix: Vec<u8>,
    attribute: &KeyAttribute,
    condition: &SortCondition,
) -> Result<KeyRange, EngineError> {
    let at = |value: &AttributeValue| -> Result<Vec<u8>, EngineError> {
        let mut key = prefix.clone();
        encode_part(operand(value, attribute)?, &mut key);
        Ok(key)
    };
    let behind = |value: &AttributeValue| at(value).map(|key| successor(&key));
    let whole = KeyRange { start: Bound::Included(prefix.clone()), end: successor(&prefix) };
    let (start, end) = match condition {
        SortCondition::Equal(value) => (Bound::Included(at(value)?), behind(value)?),
        SortCondition::Less(value) => (whole.start, Bound::Excluded(at(value)?)),
        SortCondition::LessOrEqual(value) => (whole.start, behind(value)?),
        SortCondition::Greater(value) => match behind(value)? {
            Bound::Excluded(key) => (Bound::Included(key), whole.end),
            other => (other, whole.end),
        },
        SortCondition::GreaterOrEqual(value) => (Bound::Included(at(value)?), whole.end),
        SortCondition::Between(low, high) => (Bound::Included(at(low)?), behind(high)?),
        SortCondition::BeginsWith(value) => {
            let mut key = prefix.clone();
            match operand(value, attribute)? {
                KeyValue::S(text) => encode_part_prefix(text.as_bytes(), &mut key),
                KeyValue::B(bytes) => encode_part_prefix(bytes, &mut key),
                KeyValue::N(number) => encode_part(KeyValue::N(number), &mut key),
            }
            (Bound::Included(key.clone()), successor(&key))
        }
        SortCondition::NotIndexable => return Err(not_indexable()),
    };
    Ok(KeyRange { start, end })
}
