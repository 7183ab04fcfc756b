//! DescribeTable.

use bytes::Bytes;

use super::error::WireError;
use super::table_description::Moment;
use super::{Call, named_table, table_description};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let table = named_table::read(call.body)?;
    let described = call.engine().describe_table(call.authorize(table)).await.map_err(WireError::of_table)?;
    Ok(table_description::answer(call, "Table", &described, &Moment::of("ACTIVE")))
}
