//! PutItem.

use bytes::Bytes;

use super::capacity::{Report, Units, index_units};
use super::collections::Collections;
use super::error::WireError;
use super::expressions;
use super::one_item::{Named, OneItem};
use super::{Call, written};
use crate::engine::{Capacity, ITEM_TOO_LARGE, PutItem};
use crate::model::{limits, size};
use crate::store::Origin;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let (mut request, table, item) = OneItem::read(call.body, Named::Item, &expressions::WRITE)?;
    let returns_old = request.shared.returns_old()?;
    if request.expressions.any() && size::item_size(&item) > limits::ITEM_SIZE {
        // The service looks at the size before it looks at conditions.
        return Err(WireError::validation(ITEM_TOO_LARGE));
    }
    let only_if = request.shared.only_if(request.expressions.ready()?.condition);
    let old_matters = returns_old || request.shared.report() != Report::None;
    let put = PutItem { table, item, only_if, old_matters, origin: Origin::Dynamodb };
    let mut collections = Collections::new(request.shared.wants_metrics());
    collections.note(call, &put.table, &put.item);
    let written = call.engine().put_item(call.authorize(put)).await?;
    call.spend_with(
        &written.table,
        Capacity::Write,
        Units::write(written.size),
        &index_units(&written.indexes),
    );
    written::answer(call, &written, returns_old, request.shared.report(), &collections).await
}
