//! DeleteItem.

use bytes::Bytes;

use super::capacity::Units;
use super::error::WireError;
use super::expressions;
use super::one_item::{Named, OneItem};
use super::{Call, written};
use crate::engine::{Capacity, DeleteItem};
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut request, table, key) = OneItem::read(call.body, Named::Key, &expressions::WRITE)?;
    let returns_old = request.shared.returns_old()?;
    let only_if = request.shared.only_if(request.expressions.ready()?.condition);
    let delete = DeleteItem { table, key, only_if, origin: Origin::Dynamodb };
    call.admit(&delete.table, Capacity::Write)?;
    let written = call.engine().delete_item(call.authorize(delete)).await?;
    call.spend(&written.table, Capacity::Write, Units::write(written.size));
    written::answer(&written, returns_old, request.shared.report())
}
