//! DeleteItem.

use bytes::Bytes;

use super::capacity::{Units, index_units};
use super::collections::Collections;
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
    let mut collections = Collections::new(request.shared.wants_metrics());
    collections.note(call, &delete.table, &delete.key);
    let written = call.engine().delete_item(call.authorize(delete)).await?;
    call.spend_with(
        &written.table,
        Capacity::Write,
        Units::write(written.size),
        &index_units(&written.indexes),
    );
    written::answer(call, &written, returns_old, request.shared.report(), &collections).await
}
