//! Parameters that several operations share, and those that are not there yet.

use super::capacity::Report;
use super::constraint::Violations;
use super::error::WireError;
use super::request::Wire;
use crate::model::dynamodb_json::DecodeError;

/// Parameters beyond an operation's own.
#[derive(Debug, Default)]
pub(super) struct Shared {
    capacity: Option<String>,
    metrics: Option<String>,
    return_values: Option<String>,
    on_failure: Option<String>,
    conditional_operator: Option<String>,
    attribute_names: bool,
    attribute_values: bool,
    /// The first parameter that would change the result and is not there yet.
    not_yet: Option<&'static str>,
}

/// Parameters on which an operation's result depends, and that this version does not know.
const NOT_YET: &[&str] = &[
    "ConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
    "KeyConditionExpression",
    "Expected",
    "QueryFilter",
    "ScanFilter",
    "AttributesToGet",
    "IndexName",
];

impl Shared {
    /// Reads a member that is not the operation's own; unknown ones are skipped.
    pub(super) fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<(), DecodeError> {
        match name {
            "ReturnConsumedCapacity" => self.capacity = wire.string()?,
            "ReturnItemCollectionMetrics" => self.metrics = wire.string()?,
            "ReturnValues" => self.return_values = wire.string()?,
            "ReturnValuesOnConditionCheckFailure" => self.on_failure = wire.string()?,
            "ConditionalOperator" => self.conditional_operator = wire.string()?,
            "ExpressionAttributeNames" => self.attribute_names = wire.given()?,
            "ExpressionAttributeValues" => self.attribute_values = wire.given()?,
            _ => match NOT_YET.iter().find(|parameter| **parameter == name) {
                Some(parameter) if wire.given()? => self.not_yet = self.not_yet.or(Some(parameter)),
                Some(_) => {}
                None => wire.skip()?,
            },
        }
        Ok(())
    }

    /// Constraint of ReturnConsumedCapacity.
    pub(super) fn check_capacity(&self, violations: &mut Violations) {
        violations.one_of("returnConsumedCapacity", self.capacity.as_deref(), &["INDEXES", "TOTAL", "NONE"]);
    }

    /// Constraint of ConditionalOperator.
    pub(super) fn check_operator(&self, violations: &mut Violations) {
        violations.one_of("conditionalOperator", self.conditional_operator.as_deref(), &["OR", "AND"]);
    }

    /// Constraint of ReturnItemCollectionMetrics.
    pub(super) fn check_metrics(&self, violations: &mut Violations) {
        violations.one_of("returnItemCollectionMetrics", self.metrics.as_deref(), &["SIZE", "NONE"]);
    }

    /// Constraints of what single writes return.
    pub(super) fn check_return(&self, violations: &mut Violations) {
        let words = ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"];
        violations.one_of("returnValues", self.return_values.as_deref(), &words);
        self.check_metrics(violations);
        let at = "returnValuesOnConditionCheckFailure";
        violations.one_of(at, self.on_failure.as_deref(), &["ALL_OLD", "NONE"]);
    }

    /// Refuses what is not there yet, and what is senseless without it. `expressions` are those of the operation that
    /// take values, in the service's words.
    pub(super) fn check_not_yet(&self, expressions: &str) -> Result<(), WireError> {
        if let Some(parameter) = self.not_yet {
            return Err(WireError::unsupported(parameter));
        }
        if self.attribute_names {
            return Err(WireError::validation(
                "ExpressionAttributeNames can only be specified when using expressions",
            ));
        }
        if self.attribute_values {
            return Err(WireError::validation(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {expressions} null"
            )));
        }
        if self.conditional_operator.is_some() {
            return Err(WireError::validation(
                "ConditionalOperator cannot be used without Filter or Expected",
            ));
        }
        Ok(())
    }

    /// Whether the old item is wanted back; PutItem and DeleteItem have no other.
    pub(super) fn returns_old(&self) -> Result<bool, WireError> {
        match self.return_values.as_deref() {
            None | Some("NONE") => Ok(false),
            Some("ALL_OLD") => Ok(true),
            Some(_) => Err(WireError::validation("ReturnValues can only be ALL_OLD or NONE")),
        }
    }

    /// What to say of capacity.
    pub(super) fn report(&self) -> Report {
        match self.capacity.as_deref() {
            Some("TOTAL") => Report::Total,
            Some("INDEXES") => Report::Indexes,
            _ => Report::None,
        }
    }
}
