//! PutItem.

use bytes::Bytes;

use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::parameter::Shared;
use super::request::Wire;
use super::{Call, written};
use crate::engine::PutItem;
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut item, mut shared) = (None, None, Shared::default());
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "Item" => item = wire.item()?,
            _ => shared.member(wire, name)?,
        }
        Ok(())
    })?;
    not_empty(table.as_deref())?;
    let mut violations = Violations::new();
    shared.check_capacity(&mut violations);
    let table = violations.table(table.as_deref());
    violations.required("item", &item);
    shared.check_operator(&mut violations);
    shared.check_return(&mut violations);
    violations.check()?;
    let (Some(table), Some(item)) = (table, item) else { return Err(super::unreadable()) };
    shared.check_not_yet("ConditionExpression is")?;
    read.values()?;
    let returns_old = shared.returns_old()?;
    let written =
        call.engine().put_item(call.authorize(PutItem { table, item, origin: Origin::Dynamodb })).await?;
    written::answer(&written, returns_old, shared.report())
}
