//! The legacy parameters (Expected, QueryFilter, ScanFilter, AttributeUpdates) in the form of expressions. Their names are
//! whole attributes, whatever characters they have.

use std::sync::Arc;

use super::condition::{Condition, Operand, Test};
use super::constant::Constant;
use super::error::Fault;
use super::path::Path;
use super::syntax::Comparator;
use super::update::{Action, Building, Update, Value};
use crate::model::{AttributeValue, Name};

/// ComparisonOperator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `EQ`.
    Equal,
    /// `NE`.
    NotEqual,
    /// `LT`.
    Less,
    /// `LE`.
    LessOrEqual,
    /// `GT`.
    Greater,
    /// `GE`.
    GreaterOrEqual,
    /// `IN`.
    In,
    /// `BETWEEN`.
    Between,
    /// `BEGINS_WITH`.
    BeginsWith,
    /// `CONTAINS`.
    Contains,
    /// `NOT_CONTAINS`.
    NotContains,
    /// `NOT_NULL`: the attribute is there.
    Exists,
    /// `NULL`: it is not.
    NotExists,
}

/// Action of AttributeUpdates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyAction {
    /// `PUT`.
    Put,
    /// `ADD`.
    Add,
    /// `DELETE`.
    Delete,
}

impl Condition {
    /// A condition on one attribute and as many values as the comparison takes; `None` for another number of them.
    pub fn on_attribute(
        name: Name,
        comparison: Comparison,
        values: Vec<AttributeValue>,
    ) -> Option<Condition> {
        let attribute = Operand::Path(Path::attribute(name));
        let mut values = values.into_iter().map(|value| Operand::Value(Arc::new(Constant::new(value))));
        let compare = |comparator| move |attribute, value| Test::Compare(comparator, attribute, value);
        let test = match comparison {
            Comparison::Equal => compare(Comparator::Equal)(attribute, values.next()?),
            Comparison::NotEqual => compare(Comparator::NotEqual)(attribute, values.next()?),
            Comparison::Less => compare(Comparator::Less)(attribute, values.next()?),
            Comparison::LessOrEqual => compare(Comparator::LessOrEqual)(attribute, values.next()?),
            Comparison::Greater => compare(Comparator::Greater)(attribute, values.next()?),
            Comparison::GreaterOrEqual => compare(Comparator::GreaterOrEqual)(attribute, values.next()?),
            Comparison::In => Test::In(attribute, values.by_ref().collect()),
            Comparison::Between => Test::Between([attribute, values.next()?, values.next()?]),
            Comparison::BeginsWith => Test::BeginsWith(attribute, values.next()?),
            Comparison::Contains => Test::Contains(attribute, values.next()?),
            Comparison::NotContains => Test::Lacks(attribute, values.next()?),
            Comparison::Exists => Test::Exists(attribute),
            Comparison::NotExists => Test::NotExists(attribute),
        };
        values.next().is_none().then_some(Condition { test, legacy: true })
    }

    /// Several conditions as one: any of them, or all.
    pub fn joined(conditions: Vec<Condition>, any: bool) -> Condition {
        let tests = conditions.into_iter().map(|condition| condition.test).collect();
        Condition { test: if any { Test::Any(tests) } else { Test::All(tests) }, legacy: true }
    }
}

impl Update {
    /// AttributeUpdates: each attribute once. DELETE without a value removes the attribute; other actions without one do
    /// too, but the door has refused them.
    pub fn of_attributes(
        actions: impl IntoIterator<Item = (Name, LegacyAction, Option<AttributeValue>)>,
    ) -> Result<Update, Fault> {
        let mut building = Building::new();
        for (name, action, value) in actions {
            let path = building.touch(Path::attribute(name))?;
            let action = match (action, value.map(|value| Arc::new(Constant::new(value)))) {
                (_, None) => Action::Remove,
                (LegacyAction::Put, Some(value)) => Action::Set(Value::Constant(value)),
                (LegacyAction::Add, Some(value)) => Action::Add(value),
                (LegacyAction::Delete, Some(value)) => Action::Delete(value),
            };
            building.act(path, action)?;
        }
        Ok(building.finish(true))
    }
}
