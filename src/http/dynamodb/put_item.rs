//! PutItem.

use bytes::Bytes;

use super::capacity::Units;
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::expressions::{self, Expressions};
use super::parameter::Shared;
use super::request::Wire;
use super::{Call, written};
use crate::engine::{Capacity, ITEM_TOO_LARGE, PutItem};
use crate::model::{limits, size};
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut item, mut shared) = (None, None, Shared::default());
    let mut expressions = Expressions::new(&expressions::WRITE);
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "Item" => item = wire.item()?,
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
    violations.required("item", &item);
    expressions.check(&mut violations);
    shared.check_return_value(&mut violations);
    shared.check_return(&mut violations);
    violations.check()?;
    let (Some(table), Some(item)) = (table, item) else { return Err(super::unreadable()) };
    expressions.check_mixture()?;
    read.values().map_err(|fault| WireError::of_write(fault.newer()))?;
    let returns_old = shared.returns_old()?;
    if expressions.any() && size::item_size(&item) > limits::ITEM_SIZE {
        // The service looks at the size before it looks at conditions.
        return Err(WireError::validation(ITEM_TOO_LARGE));
    }
    let only_if = shared.only_if(expressions.ready()?.condition);
    let request = PutItem { table, item, only_if, origin: Origin::Dynamodb };
    call.admit(&request.table, Capacity::Write)?;
    let written = call.engine().put_item(call.authorize(request)).await?;
    call.spend(&written.table, Capacity::Write, Units::write(written.size));
    written::answer(&written, returns_old, shared.report())
}
