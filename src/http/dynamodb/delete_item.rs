//! DeleteItem.

use bytes::Bytes;

use super::capacity::Units;
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::expressions::{self, Expressions};
use super::parameter::Shared;
use super::request::Wire;
use super::{Call, written};
use crate::engine::{Capacity, DeleteItem};
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut key, mut shared) = (None, None, Shared::default());
    let mut expressions = Expressions::new(&expressions::WRITE);
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "Key" => key = wire.item()?,
            _ if expressions.member(wire, name)? => {}
            _ => shared.member(wire, name)?,
        }
        Ok(())
    })?;
    not_empty(table.as_deref())?;
    expressions.check_operator()?;
    let mut violations = Violations::new();
    shared.check_capacity(&mut violations);
    let table = violations.table(table.as_deref());
    shared.check_return_value(&mut violations);
    shared.check_return(&mut violations);
    violations.required("key", &key);
    expressions.check(&mut violations);
    violations.check()?;
    let (Some(table), Some(key)) = (table, key) else { return Err(super::unreadable()) };
    expressions.check_mixture()?;
    read.values().map_err(|fault| WireError::of_write(fault.newer()))?;
    let returns_old = shared.returns_old()?;
    let only_if = shared.only_if(expressions.ready()?.condition);
    let request = DeleteItem { table, key, only_if, origin: Origin::Dynamodb };
    call.admit(&request.table, Capacity::Write)?;
    let written = call.engine().delete_item(call.authorize(request)).await?;
    call.spend(&written.table, Capacity::Write, Units::write(written.size));
    written::answer(&written, returns_old, shared.report())
}
