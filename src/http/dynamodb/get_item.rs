//! GetItem. Every read here is of what is durable, and so is consistent; ConsistentRead decides what is reported.

use bytes::Bytes;

use super::Call;
use super::capacity::{Report, Units};
use super::error::WireError;
use super::expressions;
use super::json::Object;
use super::one_item::{Named, OneItem};
use crate::engine::{Capacity, GetItem};
use crate::model::{dynamodb_json, limits};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut request, table, key) = OneItem::read(call.body, Named::Key, &expressions::GET)?;
    let projection = request.expressions.ready()?.projection;

    let share = call.answers().take(2 * limits::ITEM_SIZE).await?;
    // What is wrong is refused before what has no capacity left.
    let admitted = call.admit(&table, Capacity::Read);
    let got = call.engine().get_item(call.authorize(GetItem { table, key, projection })).await?;
    admitted?;
    let units = Units::read(got.size, request.consistent.unwrap_or(false));
    call.spend(&got.table, Capacity::Read, units);
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    if let Some(item) = &got.item {
        dynamodb_json::write_image(item.as_map(), answer.member("Item"))?;
    }
    let report = request.shared.report();
    if report != Report::None {
        report.write(got.table.name.as_str(), units, answer.member("ConsumedCapacity"));
    }
    answer.close();
    Ok(share.cover(out))
}
