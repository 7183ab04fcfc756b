//! AttributeUpdates: the legacy form of an update (developer guide, "Legacy conditional parameters").

use super::constraint::Violations;
use super::error::WireError;
use super::mismatch::Expected;
use super::request::Wire;
use crate::expression::{LegacyAction, Update};
use crate::model::AttributeValue;
use crate::model::dynamodb_json::DecodeError;

/// What happens to one attribute, as it stands in the request.
#[derive(Debug, Default)]
pub(super) struct AttributeUpdate {
    attribute: String,
    action: Option<String>,
    value: Option<AttributeValue>,
}

/// Reads what happens to one attribute; given twice, the last one counts.
pub(super) fn read(
    wire: &mut Wire<'_>,
    attribute: &str,
    all: &mut Vec<AttributeUpdate>,
) -> Result<(), DecodeError> {
    let mut update = AttributeUpdate { attribute: attribute.to_owned(), ..AttributeUpdate::default() };
    let given = wire.object(Expected::Element("AttributeValueUpdate"), |wire, name| {
        match name {
            "Action" => update.action = wire.string()?,
            "Value" => update.value = wire.value()?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    all.retain(|earlier| earlier.attribute != attribute);
    if given {
        all.push(update);
    }
    Ok(())
}

impl AttributeUpdate {
    /// The attribute's name.
    pub(super) fn attribute(&self) -> &str {
        &self.attribute
    }

    /// Constraints of the service model.
    pub(super) fn check(&self, violations: &mut Violations) {
        let at = format!("attributeUpdates.{}.member.action", self.attribute);
        violations.one_of(&at, self.action.as_deref(), &["ADD", "PUT", "DELETE"]);
    }

    fn action(&self) -> LegacyAction {
        match self.action.as_deref() {
            Some("ADD") => LegacyAction::Add,
            Some("DELETE") => LegacyAction::Delete,
            _ => LegacyAction::Put,
        }
    }

    /// Which values an action takes.
    fn check_value(&self) -> Result<(), WireError> {
        let found = self.value.as_ref().map(AttributeValue::type_name);
        let what = match (self.action(), found) {
            (LegacyAction::Delete, None) | (LegacyAction::Put, Some(_)) => return Ok(()),
            (LegacyAction::Delete, Some("SS" | "NS" | "BS")) => return Ok(()),
            (LegacyAction::Add, Some("SS" | "NS" | "BS" | "N" | "L")) => return Ok(()),
            (_, None) => "Only DELETE action is allowed when no attribute value is specified".to_owned(),
            (LegacyAction::Delete, Some(found)) => {
                format!("DELETE action with value is not supported for the type {found}")
            }
            (_, Some(found)) => format!("ADD action is not supported for the type {found}"),
        };
        Err(WireError::validation(format!("One or more parameter values were invalid: {what}")))
    }
}

/// All of them as one update.
pub(super) fn joined(all: Vec<AttributeUpdate>) -> Result<Update, WireError> {
    for update in &all {
        update.check_value()?;
    }
    let actions = all.into_iter().map(|update| {
        let action = update.action();
        (update.attribute.into(), action, update.value)
    });
    Update::of_attributes(actions).map_err(|fault| WireError::validation(fault.to_string()))
}
