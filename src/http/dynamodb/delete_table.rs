//! DeleteTable. The table is gone with the answer, which still calls it DELETING, as the service does.

use bytes::Bytes;

use super::error::WireError;
use super::table_description::Moment;
use super::{Call, named_table, table_description};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let table = named_table::read(call.body)?;
    let described = call.engine().delete_table(call.authorize(table)).await.map_err(WireError::of_table)?;
    Ok(table_description::answer(call, "TableDescription", &described, &Moment::of("DELETING")))
}
