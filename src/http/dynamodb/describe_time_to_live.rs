//! DescribeTimeToLive.

use bytes::Bytes;

use super::error::WireError;
use super::json::Object;
use super::{Call, named_table};

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let table = named_table::read(call.body)?;
    let table = call.engine().table(table.as_str()).map_err(WireError::of_table)?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    let mut ttl = answer.object("TimeToLiveDescription");
    if let Some(set) = &table.ttl {
        ttl.text("AttributeName", &set.attribute);
    }
    ttl.text("TimeToLiveStatus", if table.ttl.is_some() { "ENABLED" } else { "DISABLED" });
    ttl.close();
    answer.close();
    Ok(out.into())
}
