//! Conditions on one attribute, as the legacy parameters have them: KeyConditions, QueryFilter, ScanFilter, Expected
//! (developer guide, "Legacy conditional parameters").

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use crate::expression::{self, Condition};
use crate::model::AttributeValue;
use crate::model::dynamodb_json::DecodeError;

/// All comparison operators, in the order in which the service names them.
pub(super) const OPERATORS: &[&str] = &[
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

/// A condition as it stands in the request.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) attribute: String,
    pub(super) operator: Option<String>,
    pub(super) values: Vec<AttributeValue>,
}

/// Reads the condition of one attribute; given twice, the last one counts.
pub(super) fn read(
    wire: &mut Wire<'_>,
    attribute: &str,
    comparisons: &mut Vec<Comparison>,
) -> Result<(), DecodeError> {
    let mut comparison = Comparison { attribute: attribute.to_owned(), ..Comparison::default() };
    let given = wire.object(Expected::Element("Condition"), |wire, name| {
        match name {
            "ComparisonOperator" => comparison.operator = wire.string()?,
            "AttributeValueList" => comparison.values = values(wire)?.unwrap_or_default(),
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    comparisons.retain(|earlier| earlier.attribute != attribute);
    if given {
        comparisons.push(comparison);
    }
    Ok(())
}

/// An AttributeValueList.
pub(super) fn values(wire: &mut Wire<'_>) -> Result<Option<Vec<AttributeValue>>, DecodeError> {
    let mut values = Vec::new();
    let given = wire.list(|wire| {
        values.extend(wire.value()?);
        Ok(())
    })?;
    Ok(given.then_some(values))
}

impl Comparison {
    /// Constraints of the service model; `parameter` is the one it stands in.
    pub(super) fn check(&self, parameter: &str, violations: &mut Violations) {
        let at = format!("{parameter}.{}.member.comparisonOperator", self.attribute);
        violations.required(&at, &self.operator);
        violations.one_of(&at, self.operator.as_deref(), OPERATORS);
    }

    /// Number, type and order of the arguments.
    pub(super) fn check_values(&self) -> Result<(), WireError> {
        let operator = self.operator.as_deref().unwrap_or_default();
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
        let Some(first) = self.values.first().map(AttributeValue::type_name) else { return Ok(()) };
        if self.values.iter().any(|value| value.type_name() != first) {
            return wrong("AttributeValues inside AttributeValueList must be of same type".to_owned());
        }
        let comparable = match operator {
            "EQ" | "NE" => true,
            "CONTAINS" | "NOT_CONTAINS" => !matches!(first, "SS" | "NS" | "BS" | "M" | "L"),
            "BEGINS_WITH" => matches!(first, "S" | "B"),
            _ => matches!(first, "S" | "N" | "B"),
        };
        if !comparable {
            return wrong(format!(
                "ComparisonOperator {operator} is not valid for {first} AttributeValue type"
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

    /// The condition as expressions have it, once its constraints and values are checked.
    pub(super) fn into_condition(self) -> Result<Condition, WireError> {
        use expression::Comparison;
        let comparison = match self.operator.as_deref().unwrap_or_default() {
            "EQ" => Comparison::Equal,
            "NE" => Comparison::NotEqual,
            "LT" => Comparison::Less,
            "LE" => Comparison::LessOrEqual,
            "GT" => Comparison::Greater,
            "GE" => Comparison::GreaterOrEqual,
            "IN" => Comparison::In,
            "BETWEEN" => Comparison::Between,
            "BEGINS_WITH" => Comparison::BeginsWith,
            "CONTAINS" => Comparison::Contains,
            "NOT_CONTAINS" => Comparison::NotContains,
            "NOT_NULL" => Comparison::Exists,
            "NULL" => Comparison::NotExists,
            _ => return Err(super::unreadable()),
        };
        Condition::on_attribute(self.attribute.into(), comparison, self.values).ok_or_else(super::unreadable)
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

/// Several as one condition: all of them, or with ConditionalOperator `OR` any; none is no condition.
pub(super) fn joined(
    comparisons: Vec<Comparison>,
    operator: Option<&str>,
) -> Result<Option<Condition>, WireError> {
    for comparison in &comparisons {
        comparison.check_values()?;
    }
    let conditions =
        comparisons.into_iter().map(Comparison::into_condition).collect::<Result<Vec<_>, _>>()?;
    join(conditions, operator)
}

/// The same of conditions.
pub(super) fn join(
    conditions: Vec<Condition>,
    operator: Option<&str>,
) -> Result<Option<Condition>, WireError> {
    match (operator, conditions.len()) {
        (Some(_), 0) => {
            Err(WireError::validation("ConditionalOperator cannot be used without Filter or Expected"))
        }
        (Some(_), 1) => Err(WireError::validation(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
        (None, 0) => Ok(None),
        (operator, _) => Ok(Some(Condition::joined(conditions, operator == Some("OR")))),
    }
}
