//! DeleteItem.

use bytes::Bytes;

use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::parameter::Shared;
use super::request::Wire;
use super::{Call, written};
use crate::engine::DeleteItem;
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut key, mut shared) = (None, None, Shared::default());
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "Key" => key = wire.item()?,
            _ => shared.member(wire, name)?,
        }
        Ok(())
    })?;
    not_empty(table.as_deref())?;
    let mut violations = Violations::new();
    shared.check_capacity(&mut violations);
    let table = violations.table(table.as_deref());
    shared.check_return(&mut violations);
    violations.required("key", &key);
    shared.check_operator(&mut violations);
    violations.check()?;
    let (Some(table), Some(key)) = (table, key) else { return Err(super::unreadable()) };
    shared.check_not_yet("ConditionExpression is")?;
    read.values()?;
    let returns_old = shared.returns_old()?;
    let request = DeleteItem { table, key, origin: Origin::Dynamodb };
    let written = call.engine().delete_item(call.authorize(request)).await?;
    written::answer(&written, returns_old, shared.report())
}
