//! GetItem. Every read here is of what is durable, and so is consistent; ConsistentRead decides what is reported.

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units};
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::expressions::{self, Expressions};
use super::json::Object;
use super::parameter::Shared;
use super::request::Wire;
use crate::engine::{Capacity, GetItem};
use crate::model::{dynamodb_json, limits};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut key, mut consistent) = (None, None, None);
    let (mut shared, mut expressions) = (Shared::default(), Expressions::new(&expressions::GET));
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "Key" => key = wire.item()?,
            "ConsistentRead" => consistent = wire.boolean()?,
            _ if expressions.member(wire, name)? => {}
            _ => shared.member(wire, name)?,
        }
        Ok(())
    })?;
    not_empty(table.as_deref())?;
    let mut violations = Violations::new();
    shared.check_capacity(&mut violations);
    let table = violations.table(table.as_deref());
    violations.required("key", &key);
    expressions.check(&mut violations);
    violations.check()?;
    let (Some(table), Some(key)) = (table, key) else { return Err(super::unreadable()) };
    expressions.check_mixture()?;
    read.values().map_err(|fault| WireError::validation(fault.newer()))?;
    let projection = expressions.ready()?.projection;

    let share = call.answers().take(2 * limits::ITEM_SIZE).await?;
    call.admit(&table, Capacity::Read)?;
    let got = call.engine().get_item(call.authorize(GetItem { table, key, projection })).await?;
    let units = Units::read(got.size, consistent.unwrap_or(false));
    call.spend(&got.table, Capacity::Read, units);
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if let Some(item) = &got.item {
        dynamodb_json::write_image(item.as_map(), answer.member("Item"))?;
    }
    if shared.report() != Report::None {
        shared.report().write(got.table.name.as_str(), units, answer.member("ConsumedCapacity"));
    }
    answer.close();
    Ok(share.cover(out))
}
