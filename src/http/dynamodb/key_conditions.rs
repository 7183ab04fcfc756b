//! KeyConditions: the legacy form of a Query's conditions (developer guide, "Legacy conditional parameters").

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use crate::engine::{KeyCondition, SortCondition};
use crate::model::AttributeValue;
use crate::model::dynamodb_json::DecodeError;

/// All comparison operators, in the order in which the service names them.
const OPERATORS: &[&str] = &[
    "IN",
    "NULL",
    "BETWEEN",
    "LT",
    "NOT_CONTAINS",
    "EQ",
    "GT",
    "NOT_NULL",
    "NE",
    "LE",
    "BEGINS_WITH",
    "GE",
    "CONTAINS",
];

/// Conditions that are kept: more than two are refused anyway.
const KEPT: usize = 10;

/// A condition as it stands in the request.
#[derive(Debug)]
pub(super) struct Condition {
    attribute: String,
    operator: Option<String>,
    values: Vec<AttributeValue>,
}

/// Why conditions are refused, and when.
#[derive(Debug)]
pub(super) enum Refusal {
    /// At once.
    Now(WireError),
    /// Once the table is known to be there.
    WithTable(WireError),
}

/// Reads the condition of one attribute; given twice, the last one counts.
pub(super) fn read(
    wire: &mut Wire<'_>,
    attribute: &str,
    conditions: &mut Vec<Condition>,
) -> Result<(), DecodeError> {
    let mut condition = Condition { attribute: attribute.to_owned(), operator: None, values: Vec::new() };
    let given = wire.object(Expected::Element("Condition"), |wire, name| {
        match name {
            "ComparisonOperator" => condition.operator = wire.string()?,
            "AttributeValueList" => {
                let mut values = Vec::new();
                wire.list(|wire| {
                    values.extend(wire.value()?);
                    Ok(())
                })?;
                condition.values = values;
            }
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    if conditions.len() >= KEPT {
        return Ok(());
    }
    conditions.retain(|earlier| earlier.attribute != attribute);
    if given {
        conditions.push(condition);
    }
    Ok(())
}

impl Condition {
    /// Constraints of the service model.
    pub(super) fn check(&self, violations: &mut Violations) {
        let at = format!("keyConditions.{}.member.comparisonOperator", self.attribute);
        violations.required(&at, &self.operator);
        violations.one_of(&at, self.operator.as_deref(), OPERATORS);
    }

    /// Number, type and order of the arguments.
    fn check_values(&self, operator: &str) -> Result<(), WireError> {
        let wrong = |what: String| {
            Err(WireError::validation(format!("One or more parameter values were invalid: {what}")))
        };
        let count = self.values.len();
        let right = match operator {
            "NULL" | "NOT_NULL" => count == 0,
            "IN" => count > 0,
            "BETWEEN" => count == 2,
            _ => count == 1,
        };
        if !right {
            return wrong(format!("Invalid number of argument(s) for the {operator} ComparisonOperator"));
        }
        let Some(first) = self.values.first() else { return Ok(()) };
        if self.values.iter().any(|value| value.type_name() != first.type_name()) {
            return wrong("AttributeValues inside AttributeValueList must be of same type".to_owned());
        }
        let comparable: &[&str] = match operator {
            "EQ" | "NE" => &["S", "N", "B", "SS", "NS", "BS"],
            "BEGINS_WITH" => &["S", "B"],
            _ => &["S", "N", "B"],
        };
        if !comparable.contains(&first.type_name()) {
            return wrong(format!(
                "ComparisonOperator {operator} is not valid for {} AttributeValue type",
                first.type_name()
            ));
        }
        if let ("BETWEEN", [low, high]) = (operator, self.values.as_slice())
            && greater(low, high)
        {
            return Err(WireError::validation(
                "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound",
            ));
        }
        Ok(())
    }
}

fn greater(low: &AttributeValue, high: &AttributeValue) -> bool {
    match (low, high) {
        (AttributeValue::S(low), AttributeValue::S(high)) => low.as_bytes() > high.as_bytes(),
        (AttributeValue::N(low), AttributeValue::N(high)) => low > high,
        (AttributeValue::B(low), AttributeValue::B(high)) => low > high,
        _ => false,
    }
}

/// The conditions as the engine takes them.
pub(super) fn to_engine(conditions: Vec<Condition>) -> Result<Vec<KeyCondition>, Refusal> {
    for condition in &conditions {
        condition.check_values(condition.operator.as_deref().unwrap_or_default()).map_err(Refusal::Now)?;
    }
    if conditions.is_empty() || conditions.len() > 2 {
        return Err(Refusal::Now(WireError::validation("Conditions can be of length 1 or 2 only")));
    }
    conditions.into_iter().map(one).collect()
}

fn one(condition: Condition) -> Result<KeyCondition, Refusal> {
    let Condition { attribute, operator, values } = condition;
    let mut values = values.into_iter();
    let made = match (operator.as_deref(), values.next(), values.next()) {
        (Some("EQ"), Some(value), None) => SortCondition::Equal(value),
        (Some("LT"), Some(value), None) => SortCondition::Less(value),
        (Some("LE"), Some(value), None) => SortCondition::LessOrEqual(value),
        (Some("GT"), Some(value), None) => SortCondition::Greater(value),
        (Some("GE"), Some(value), None) => SortCondition::GreaterOrEqual(value),
        (Some("BEGINS_WITH"), Some(value), None) => SortCondition::BeginsWith(value),
        (Some("BETWEEN"), Some(low), Some(high)) => SortCondition::Between(low, high),
        _ => {
            return Err(Refusal::WithTable(WireError::validation(
                "Attempted conditional constraint is not an indexable operation",
            )));
        }
    };
    Ok(KeyCondition { attribute, condition: made })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(json: &str) -> Result<Vec<KeyCondition>, Refusal> {
        let mut conditions = Vec::new();
        let read =
            Wire::read(json.as_bytes(), |wire, name| super::read(wire, name, &mut conditions)).unwrap();
        read.values().unwrap();
        let mut violations = Violations::new();
        for condition in &conditions {
            condition.check(&mut violations);
        }
        violations.check().map_err(Refusal::Now)?;
        to_engine(conditions)
    }

    fn refusal(json: &str) -> String {
        match conditions(json).unwrap_err() {
            Refusal::Now(error) | Refusal::WithTable(error) => error.message.unwrap(),
        }
    }

    #[test]
    fn each_indexable_operator_is_known() {
        let s = |text: &str| AttributeValue::S(text.into());
        let cases = [
            ("EQ", SortCondition::Equal(s("a"))),
            ("LT", SortCondition::Less(s("a"))),
            ("LE", SortCondition::LessOrEqual(s("a"))),
            ("GT", SortCondition::Greater(s("a"))),
            ("GE", SortCondition::GreaterOrEqual(s("a"))),
            ("BEGINS_WITH", SortCondition::BeginsWith(s("a"))),
        ];
        for (operator, condition) in cases {
            let json = format!(
                r#"{{"k":{{"AttributeValueList":[{{"S":"a"}}],"ComparisonOperator":"{operator}"}}}}"#
            );
            assert_eq!(conditions(&json).unwrap(), [KeyCondition { attribute: "k".to_owned(), condition }]);
        }
        let between = conditions(
            r#"{"k":{"AttributeValueList":[{"N":"1"},{"N":"2"}],"ComparisonOperator":"BETWEEN"}}"#,
        );
        assert!(matches!(
            between.unwrap().as_slice(),
            [KeyCondition { condition: SortCondition::Between(..), .. }]
        ));
    }

    #[test]
    fn what_is_wrong_is_said_in_the_services_words() {
        let of = |operator: &str, values: &str| {
            refusal(&format!(
                r#"{{"k":{{"AttributeValueList":[{values}],"ComparisonOperator":"{operator}"}}}}"#
            ))
        };
        assert_eq!(
            of("EQ", ""),
            "One or more parameter values were invalid: Invalid number of argument(s) for the EQ ComparisonOperator"
        );
        assert!(
            of("BETWEEN", r#"{"S":"b"},{"S":"a"}"#).starts_with("The BETWEEN condition was provided a range")
        );
        assert!(of("BETWEEN", r#"{"S":"b"},{"N":"1"}"#).ends_with("must be of same type"));
        assert!(
            of("LT", r#"{"BOOL":true}"#)
                .ends_with("ComparisonOperator LT is not valid for BOOL AttributeValue type")
        );
        assert_eq!(
            of("NE", r#"{"S":"a"}"#),
            "Attempted conditional constraint is not an indexable operation"
        );
        assert!(of("XX", r#"{"S":"a"}"#).contains("'keyConditions.k.member.comparisonOperator'"));
        assert_eq!(refusal("{}"), "Conditions can be of length 1 or 2 only");
    }
}
