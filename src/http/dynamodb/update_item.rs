//! UpdateItem.

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units, index_units};
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::expressions::{self, Expressions};
use super::json::Object;
use super::parameter::Shared;
use super::request::Wire;
use crate::engine::{Capacity, UpdateItem, Updated};
use crate::model::{Image, ImageError, dynamodb_json};
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut table, mut key, mut shared) = (None, None, Shared::default());
    let mut expressions = Expressions::new(&expressions::UPDATE);
    let read = Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            "Key" => key = wire.item()?,
            _ if expressions.member(wire, name)? => {}
            _ => shared.member(wire, name)?,
        }
        Ok(())
    })?;
    if key.is_some() {
        not_empty(table.as_deref())?;
        shared.check_return_first()?;
        expressions.check_operator()?;
    }
    let mut violations = Violations::new();
    if key.is_none() {
        // Without a key the service lists what is wrong in its older words.
        expressions.check(&mut violations);
    }
    shared.check_capacity(&mut violations);
    let table = violations.table(table.as_deref());
    if key.is_none() {
        shared.check_return_listed(&mut violations);
    }
    shared.check_return(&mut violations);
    violations.required("key", &key);
    if key.is_some() {
        expressions.check(&mut violations);
    }
    violations.check()?;
    let (Some(table), Some(key)) = (table, key) else { return Err(super::unreadable()) };
    expressions.check_mixture()?;
    read.values().map_err(|fault| WireError::of_write(fault.newer()))?;
    let ready = expressions.ready()?;
    let only_if = shared.only_if(ready.condition);
    let request = UpdateItem { table, key, update: ready.update, only_if, origin: Origin::Dynamodb };
    call.admit(&request.table, Capacity::Write)?;
    let updated = call.engine().update_item(call.authorize(request)).await?;
    call.spend(&updated.table, Capacity::Write, Units::write(updated.size));
    answer(&updated, &shared)
}

fn answer(updated: &Updated, shared: &Shared) -> Result<Bytes, WireError> {
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if let Some(attributes) = returned(updated, shared.return_values())? {
        dynamodb_json::write_image(attributes.as_map(), answer.member("Attributes"))?;
    }
    let report = shared.report();
    if report != Report::None {
        let units = Units::write(updated.size);
        let (table, indexes) = (updated.table.name.as_str(), index_units(&updated.indexes));
        report.write_with(table, units, &indexes, answer.member("ConsumedCapacity"));
    }
    answer.close();
    Ok(out.into())
}

/// What ReturnValues asks for; nothing where it would be empty. The parts that changed are found by their paths, so that
/// an element that has moved in its list stands for the one that was there.
fn returned(updated: &Updated, wanted: &str) -> Result<Option<Image>, ImageError> {
    let touched = |image: &Option<Image>| -> Result<Option<Image>, ImageError> {
        let (Some(update), Some(image)) = (&updated.update, image) else { return Ok(None) };
        let touched = update.touched().apply(image.as_map())?;
        Ok(if touched.as_map().is_empty()? { None } else { Some(touched) })
    };
    match wanted {
        "ALL_OLD" => Ok(updated.old.clone()),
        "ALL_NEW" => Ok(updated.new.clone()),
        "UPDATED_OLD" => touched(&updated.old),
        "UPDATED_NEW" => touched(&updated.new),
        _ => Ok(None),
    }
}
