//! Key conditions: from a condition's tree to one condition for each key attribute.
//!
//! Which attributes the key has is the table's to say: the engine knows it. Any number of them is taken here, so that keys
//! of several attributes fit.

use super::condition::{Operand, Test};
use super::error::{ExpressionError, KeyFault};
use super::syntax::Comparator;
use crate::model::AttributeValue;

/// A condition on a key attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum SortCondition {
    /// `=`.
    Equal(AttributeValue),
    /// `<`.
    Less(AttributeValue),
    /// `<=`.
    LessOrEqual(AttributeValue),
    /// `>`.
    Greater(AttributeValue),
    /// `>=`.
    GreaterOrEqual(AttributeValue),
    /// `BETWEEN`, both ends included.
    Between(AttributeValue, AttributeValue),
    /// `begins_with`, for strings and binary.
    BeginsWith(AttributeValue),
    /// What no key can answer; only the legacy KeyConditions can say it.
    NotIndexable,
}

/// One condition of a Query on a key attribute, by the attribute's name.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyCondition {
    /// The attribute.
    pub attribute: String,
    /// The condition; for the partition key only [`SortCondition::Equal`] is legal.
    pub condition: SortCondition,
}

/// A KeyConditionExpression that is well-formed.
#[derive(Clone, Debug)]
pub struct KeyTest(pub(super) Test);

impl KeyTest {
    /// One condition for each attribute that it names. What keeps it from being conditions on a key is said after all of the
    /// request's expressions have been found well-formed.
    pub fn conditions(self) -> Result<Vec<KeyCondition>, ExpressionError> {
        let mut found = Vec::new();
        add(self.0, &mut found)?;
        Ok(found)
    }
}

fn add(test: Test, found: &mut Vec<KeyCondition>) -> Result<(), KeyFault> {
    let (attribute, condition) = match test {
        Test::All(parts) => return parts.into_iter().try_for_each(|part| add(part, found)),
        Test::Any(_) => return Err(KeyFault::Operator("OR")),
        Test::Not(_) => return Err(KeyFault::Operator("NOT")),
        Test::In(..) => return Err(KeyFault::Operator("IN")),
        Test::Exists(_) => return Err(KeyFault::Operator("attribute_exists")),
        Test::NotExists(_) => return Err(KeyFault::Operator("attribute_not_exists")),
        Test::HasType(..) => return Err(KeyFault::Operator("attribute_type")),
        Test::Contains(..) | Test::Lacks(..) => return Err(KeyFault::Operator("contains")),
        Test::Compare(Comparator::NotEqual, ..) => return Err(KeyFault::Operator("<>")),
        Test::Compare(comparator, left, right) => compare(comparator, left, right)?,
        Test::BeginsWith(attribute, prefix) => {
            let (attribute, [prefix]) = attribute_first("begins_with", attribute, [prefix])?;
            (attribute, SortCondition::BeginsWith(prefix))
        }
        Test::Between([attribute, low, high]) => {
            let (attribute, [low, high]) = attribute_first("BETWEEN", attribute, [low, high])?;
            (attribute, SortCondition::Between(low, high))
        }
    };
    if found.iter().any(|earlier| earlier.attribute == attribute) {
        return Err(KeyFault::Repeated);
    }
    found.push(KeyCondition { attribute, condition });
    Ok(())
}

/// A comparison, either way round.
fn compare(
    comparator: Comparator,
    left: Operand,
    right: Operand,
) -> Result<(String, SortCondition), KeyFault> {
    let inside = |operand: &Operand| matches!(operand, Operand::Path(path) if !path.inside.is_empty());
    let (attribute, value, comparator) = match (left, right) {
        (Operand::Size(_), _) => return Err(KeyFault::Nested),
        (left, _) if inside(&left) => return Err(KeyFault::NestedAttribute),
        (_, Operand::Size(_)) => return Err(KeyFault::Nested),
        (Operand::Path(_), Operand::Path(_)) => return Err(KeyFault::SeveralAttributes),
        (Operand::Value(_), Operand::Value(_)) => return Err(KeyFault::NoAttribute),
        (Operand::Path(path), Operand::Value(value)) => (path, value, comparator),
        (Operand::Value(value), Operand::Path(path)) => (path, value, mirrored(comparator)),
    };
    if !attribute.inside.is_empty() {
        return Err(KeyFault::NestedAttribute);
    }
    let value = value.value().clone();
    let condition = match comparator {
        Comparator::Equal | Comparator::NotEqual => SortCondition::Equal(value),
        Comparator::Less => SortCondition::Less(value),
        Comparator::LessOrEqual => SortCondition::LessOrEqual(value),
        Comparator::Greater => SortCondition::Greater(value),
        Comparator::GreaterOrEqual => SortCondition::GreaterOrEqual(value),
    };
    Ok((attribute.attribute.to_string(), condition))
}

/// The comparison with its sides exchanged.
fn mirrored(comparator: Comparator) -> Comparator {
    match comparator {
        Comparator::Less => Comparator::Greater,
        Comparator::LessOrEqual => Comparator::GreaterOrEqual,
        Comparator::Greater => Comparator::Less,
        Comparator::GreaterOrEqual => Comparator::LessOrEqual,
        same => same,
    }
}

/// An attribute and constants.
fn attribute_first<const N: usize>(
    name: &'static str,
    attribute: Operand,
    values: [Operand; N],
) -> Result<(String, [AttributeValue; N]), KeyFault> {
    let path = match attribute {
        Operand::Path(path) => path,
        Operand::Size(_) => return Err(KeyFault::Nested),
        Operand::Value(_) => return Err(KeyFault::AttributeFirst(name)),
    };
    if !path.inside.is_empty() {
        return Err(KeyFault::NestedAttribute);
    }
    for value in &values {
        match value {
            Operand::Path(_) => return Err(KeyFault::SeveralAttributes),
            Operand::Size(_) => return Err(KeyFault::Nested),
            Operand::Value(_) => {}
        }
    }
    let values = values.map(|value| match value {
        Operand::Value(constant) => constant.value().clone(),
        Operand::Path(_) | Operand::Size(_) => AttributeValue::Null,
    });
    Ok((path.attribute.to_string(), values))
}
