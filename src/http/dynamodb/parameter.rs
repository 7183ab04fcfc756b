//! Parameters that several operations share.

use super::capacity::Report;
use super::constraint::Violations;
use super::error::WireError;
use super::request::Wire;
use crate::engine::OnlyIf;
use crate::expression::Condition;
use crate::model::dynamodb_json::DecodeError;

/// Parameters beyond an operation's own.
#[derive(Debug, Default)]
pub(super) struct Shared {
    capacity: Option<String>,
    metrics: Option<String>,
    return_values: Option<String>,
    on_failure: Option<String>,
}

impl Shared {
    /// Reads a member that is not the operation's own; unknown ones are skipped.
    pub(super) fn member(&mut self, wire: &mut Wire<'_>, name: &str) -> Result<(), DecodeError> {
        match name {
            "ReturnConsumedCapacity" => self.capacity = wire.string()?,
            "ReturnItemCollectionMetrics" => self.metrics = wire.string()?,
            "ReturnValues" => self.return_values = wire.string()?,
            "ReturnValuesOnConditionCheckFailure" => self.on_failure = wire.string()?,
            _ => wire.skip()?,
        }
        Ok(())
    }

    /// Constraint of ReturnConsumedCapacity.
    pub(super) fn check_capacity(&self, violations: &mut Violations) {
        violations.one_of("returnConsumedCapacity", self.capacity.as_deref(), &["INDEXES", "TOTAL", "NONE"]);
    }

    /// Constraint of ReturnItemCollectionMetrics.
    pub(super) fn check_metrics(&self, violations: &mut Violations) {
        violations.one_of("returnItemCollectionMetrics", self.metrics.as_deref(), &["SIZE", "NONE"]);
    }

    /// Constraints of what single writes return.
    pub(super) fn check_return(&self, violations: &mut Violations) {
        self.check_metrics(violations);
        self.check_on_failure("returnValuesOnConditionCheckFailure", violations);
    }

    /// Constraint of ReturnValuesOnConditionCheckFailure, wherever it stands.
    pub(super) fn check_on_failure(&self, at: &str, violations: &mut Violations) {
        violations.one_of(at, self.on_failure.as_deref(), &["ALL_OLD", "NONE"]);
    }

    /// ReturnValues, in the newer words.
    pub(super) fn check_return_value(&self, violations: &mut Violations) {
        violations.return_values(self.return_values.as_deref());
    }

    /// ReturnValues, in the older words.
    pub(super) fn check_return_listed(&self, violations: &mut Violations) {
        let words = ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"];
        violations.one_of("returnValues", self.return_values.as_deref(), &words);
    }

    /// UpdateItem reports a ReturnValues that is none alone, before anything else.
    pub(super) fn check_return_first(&self) -> Result<(), WireError> {
        let mut violations = Violations::new();
        violations.return_values(self.return_values.as_deref());
        violations.check()
    }

    /// Whether a refusal carries the old item.
    pub(super) fn returns_on_failure(&self) -> bool {
        self.on_failure.as_deref() == Some("ALL_OLD")
    }

    /// Whether the sizes of item collections are asked for.
    pub(super) fn wants_metrics(&self) -> bool {
        self.metrics.as_deref() == Some("SIZE")
    }

    /// What a write must hold for; a refusal carries the old item where that is asked for.
    pub(super) fn only_if(&self, condition: Option<Condition>) -> Option<OnlyIf> {
        let return_old = self.returns_on_failure();
        condition.map(|condition| OnlyIf { condition, return_old })
    }

    /// What UpdateItem gives back.
    pub(super) fn return_values(&self) -> &str {
        self.return_values.as_deref().unwrap_or("NONE")
    }

    /// Whether the old item is wanted back; PutItem and DeleteItem have no other.
    pub(super) fn returns_old(&self) -> Result<bool, WireError> {
        match self.return_values.as_deref() {
            None | Some("NONE") => Ok(false),
            Some("ALL_OLD") => Ok(true),
            Some(_) => Err(WireError::of_write("ReturnValues can only be ALL_OLD or NONE")),
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
