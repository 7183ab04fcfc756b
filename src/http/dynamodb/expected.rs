//! Expected: the legacy form of a write's condition (developer guide, "Legacy conditional parameters").

use super::comparison::{self, Comparison, OPERATORS};
use super::constraint::Violations;
use super::error::WireError;
use super::mismatch;
use super::request::Wire;
use crate::expression::Condition;
use crate::model::AttributeValue;
use crate::model::dynamodb_json::DecodeError;

/// What is expected of one attribute, as it stands in the request.
#[derive(Debug, Default)]
pub(super) struct Expected {
    attribute: String,
    exists: Option<bool>,
    value: Option<AttributeValue>,
    operator: Option<String>,
    values: Option<Vec<AttributeValue>>,
}

/// Reads what is expected of one attribute; given twice, the last one counts.
pub(super) fn read(wire: &mut Wire<'_>, attribute: &str, all: &mut Vec<Expected>) -> Result<(), DecodeError> {
    let mut expected = Expected { attribute: attribute.to_owned(), ..Expected::default() };
    let class = mismatch::Expected::Element("ExpectedAttributeValue");
    let given = wire.object(class, |wire, name| {
        match name {
            "Exists" => expected.exists = wire.boolean()?,
            "Value" => expected.value = wire.value()?,
            "ComparisonOperator" => expected.operator = wire.string()?,
            "AttributeValueList" => expected.values = comparison::values(wire)?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    all.retain(|earlier| earlier.attribute != attribute);
    if given {
        all.push(expected);
    }
    Ok(())
}

impl Expected {
    /// Constraints of the service model.
    pub(super) fn check(&self, violations: &mut Violations) {
        let at = format!("expected.{}.member.comparisonOperator", self.attribute);
        violations.one_of(&at, self.operator.as_deref(), OPERATORS);
    }

    /// What makes no sense together.
    fn check_members(&self) -> Result<(), WireError> {
        let attribute = &self.attribute;
        let wrong = |what: String| {
            let text =
                format!("One or more parameter values were invalid: {what} for Attribute: {attribute}");
            Err(WireError::validation(text))
        };
        if self.value.is_some() && self.values.is_some() {
            return wrong("Value and AttributeValueList cannot be used together".to_owned());
        }
        match (&self.operator, self.exists, &self.value) {
            (Some(_), Some(_), _) => {
                wrong("Exists and ComparisonOperator cannot be used together".to_owned())
            }
            (Some(operator), None, None)
                if self.values.is_none() && operator != "NULL" && operator != "NOT_NULL" =>
            {
                wrong(format!("Value or AttributeValueList must be used with ComparisonOperator: {operator}"))
            }
            (Some(_), None, _) => Ok(()),
            (None, _, _) if self.values.is_some() => {
                wrong("AttributeValueList can only be used with a ComparisonOperator".to_owned())
            }
            (None, Some(false), Some(_)) => wrong("Value cannot be used when Exists is false".to_owned()),
            (None, Some(true), None) => wrong("Value must be provided when Exists is true".to_owned()),
            (None, None, None) => wrong("Value must be provided when Exists is null".to_owned()),
            _ => Ok(()),
        }
    }

    /// The same as a comparison.
    fn into_comparison(self) -> Comparison {
        let absent = self.exists == Some(false);
        let operator = self.operator.unwrap_or_else(|| if absent { "NULL" } else { "EQ" }.to_owned());
        let values = self.values.unwrap_or_else(|| self.value.into_iter().collect());
        Comparison { attribute: self.attribute, operator: Some(operator), values }
    }
}

/// Several as one condition: all of them, or with ConditionalOperator `OR` any.
pub(super) fn joined(all: Vec<Expected>, operator: Option<&str>) -> Result<Option<Condition>, WireError> {
    let mut comparisons = Vec::with_capacity(all.len());
    for expected in all {
        expected.check_members()?;
        let comparison = expected.into_comparison();
        comparison.check_values()?;
        comparisons.push(comparison);
    }
    comparison::joined(comparisons, operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(json: &str, operator: Option<&str>) -> String {
        let mut all = Vec::new();
        let done = Wire::read(json.as_bytes(), |wire, name| read(wire, name, &mut all));
        done.unwrap().values().unwrap();
        match joined(all, operator) {
            Ok(Some(_)) => "a condition".to_owned(),
            Ok(None) => "none".to_owned(),
            Err(error) => error.message.unwrap().replace("One or more parameter values were invalid: ", ""),
        }
    }

    #[test]
    fn what_is_expected_is_checked_in_the_services_words() {
        let n = r#"{"N":"5"}"#;
        let cases = [
            ("{}".to_owned(), "none"),
            (r#"{"a":{"Exists":false}}"#.to_owned(), "a condition"),
            (format!(r#"{{"a":{{"Value":{n}}}}}"#), "a condition"),
            (format!(r#"{{"a":{{"ComparisonOperator":"GE","Value":{n}}}}}"#), "a condition"),
            (r#"{"a":{"ComparisonOperator":"NULL"}}"#.to_owned(), "a condition"),
            (r#"{"a":{}}"#.to_owned(), "Value must be provided when Exists is null for Attribute: a"),
            (
                r#"{"a":{"Exists":true}}"#.to_owned(),
                "Value must be provided when Exists is true for Attribute: a",
            ),
            (
                format!(r#"{{"a":{{"Exists":false,"Value":{n}}}}}"#),
                "Value cannot be used when Exists is false for Attribute: a",
            ),
            (
                format!(r#"{{"a":{{"Value":{n},"AttributeValueList":[{n}]}}}}"#),
                "Value and AttributeValueList cannot be used together for Attribute: a",
            ),
            (
                format!(r#"{{"a":{{"AttributeValueList":[{n}]}}}}"#),
                "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
            ),
            (
                r#"{"a":{"ComparisonOperator":"EQ"}}"#.to_owned(),
                "Value or AttributeValueList must be used with ComparisonOperator: EQ for Attribute: a",
            ),
            (
                format!(r#"{{"a":{{"ComparisonOperator":"NULL","AttributeValueList":[{n}]}}}}"#),
                "Invalid number of argument(s) for the NULL ComparisonOperator",
            ),
            (
                r#"{"a":{"ComparisonOperator":"LT","Value":{"SS":["a"]}}}"#.to_owned(),
                "ComparisonOperator LT is not valid for SS AttributeValue type",
            ),
        ];
        for (json, wanted) in cases {
            assert_eq!(outcome(&json, None), wanted, "{json}");
        }
        assert_eq!(
            outcome("{}", Some("OR")),
            "ConditionalOperator cannot be used without Filter or Expected"
        );
        assert_eq!(
            outcome(r#"{"a":{"Exists":false}}"#, Some("AND")),
            "ConditionalOperator can only be used when Filter or Expected has two or more elements"
        );
        let two = r#"{"a":{"Exists":false},"b":{"Exists":false}}"#;
        assert_eq!(outcome(two, Some("OR")), "a condition");
    }
}
