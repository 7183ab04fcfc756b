//! UpdateItem.

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units, index_units};
use super::collections::Collections;
use super::error::WireError;
use super::expressions;
use super::json::Object;
use super::one_item::{Named, OneItem};
use super::parameter::Shared;
use crate::engine::{Capacity, UpdateItem, Updated};
use crate::model::{Image, ImageError, dynamodb_json};
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut request, table, key) = OneItem::read(call.body, Named::Key, &expressions::UPDATE)?;
    let ready = request.expressions.ready()?;
    let only_if = request.shared.only_if(ready.condition);
    let update = UpdateItem { table, key, update: ready.update, only_if, origin: Origin::Dynamodb };
    let mut collections = Collections::new(request.shared.wants_metrics());
    collections.note(call, &update.table, &update.key);
    let updated = call.engine().update_item(call.authorize(update)).await?;
    let indexes = index_units(&updated.indexes);
    call.spend_with(&updated.table, Capacity::Write, Units::write(updated.size), &indexes);
    answer(call, &updated, &request.shared, &collections).await
}

async fn answer(
    call: &Call<'_>,
    updated: &Updated,
    shared: &Shared,
    collections: &Collections,
) -> Result<Bytes, WireError> {
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
    collections.write_one(call, &mut answer).await?;
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
