//! KeyConditions: the legacy form of a Query's conditions.

use super::comparison::Comparison;
use super::error::WireError;
use crate::engine::{KeyCondition, SortCondition};

/// The conditions as the engine takes them.
pub(super) fn to_engine(conditions: Vec<Comparison>) -> Result<Vec<KeyCondition>, WireError> {
    conditions.into_iter().map(one).collect()
}

/// A table's key has one or two attributes; an index's may have more.
pub(super) fn few(conditions: usize, of_index: bool) -> Result<(), WireError> {
    match conditions {
        1 | 2 => Ok(()),
        3..=8 if of_index => Ok(()),
        _ => Err(WireError::validation("Conditions can be of length 1 or 2 only")),
    }
}

fn one(condition: Comparison) -> Result<KeyCondition, WireError> {
    let Comparison { attribute, operator, values } = condition;
    let mut values = values.into_iter();
    let condition = match (operator.as_deref(), values.next(), values.next()) {
        (Some("EQ"), Some(value), None) => SortCondition::Equal(value),
        (Some("LT"), Some(value), None) => SortCondition::Less(value),
        (Some("LE"), Some(value), None) => SortCondition::LessOrEqual(value),
        (Some("GT"), Some(value), None) => SortCondition::Greater(value),
        (Some("GE"), Some(value), None) => SortCondition::GreaterOrEqual(value),
        (Some("BEGINS_WITH"), Some(value), None) => SortCondition::BeginsWith(value),
        (Some("BETWEEN"), Some(low), Some(high)) => SortCondition::Between(low, high),
        (Some(_), ..) => SortCondition::NotIndexable,
        (None, ..) => return Err(super::unreadable()),
    };
    Ok(KeyCondition { attribute, condition })
}

#[cfg(test)]
mod tests {
    use super::super::comparison;
    use super::super::constraint::Violations;
    use super::super::request::Wire;
    use super::*;
    use crate::model::AttributeValue;

    fn conditions(json: &str) -> Result<Vec<KeyCondition>, WireError> {
        let mut conditions: Vec<Comparison> = Vec::new();
        let read =
            Wire::read(json.as_bytes(), |wire, name| comparison::read(wire, name, &mut conditions)).unwrap();
        read.values().unwrap();
        let mut violations = Violations::new();
        for condition in &conditions {
            condition.check("keyConditions", &mut violations);
        }
        violations.check()?;
        conditions.iter().try_for_each(Comparison::check_values)?;
        few(conditions.len(), false)?;
        to_engine(conditions)
    }

    fn refusal(json: &str) -> String {
        conditions(json).unwrap_err().message.unwrap()
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
    fn what_no_key_can_answer_is_the_engines_to_refuse() {
        let ne = conditions(r#"{"k":{"AttributeValueList":[{"S":"a"}],"ComparisonOperator":"NE"}}"#);
        assert!(matches!(
            ne.unwrap().as_slice(),
            [KeyCondition { condition: SortCondition::NotIndexable, .. }]
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
        assert!(of("XX", r#"{"S":"a"}"#).contains("'keyConditions.k.member.comparisonOperator'"));
        assert_eq!(refusal("{}"), "Conditions can be of length 1 or 2 only");
    }
}
