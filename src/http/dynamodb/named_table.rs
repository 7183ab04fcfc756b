//! Requests that name a table and nothing else.

use super::constraint::{Violations, name_of};
use super::error::WireError;
use super::request::Wire;
use crate::model::TableName;

/// Reads the body of such a request.
pub(super) fn read(body: &[u8]) -> Result<TableName, WireError> {
    let mut table = None;
    Wire::read(body, |wire, name| match name {
        "TableName" => {
            table = wire.string()?;
            Ok(())
        }
        _ => wire.skip(),
    })?;
    required(table.as_deref())
}

/// The operations on tables themselves check the name before anything else, and in words of their own.
pub(super) fn required(given: Option<&str>) -> Result<TableName, WireError> {
    let Some(given) = given else {
        return Err(WireError::validation(
            "The parameter 'TableName' is required but was not present in the request",
        ));
    };
    let name = name_of(given);
    let mut violations = Violations::new();
    violations.name("tableName", name);
    violations.check()?;
    TableName::new(name).ok_or_else(super::unreadable)
}
