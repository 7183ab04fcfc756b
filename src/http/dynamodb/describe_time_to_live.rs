//! DescribeTimeToLive.

use bytes::Bytes;

use super::Call;
use super::constraint::{Violations, not_empty};
use super::error::WireError;
use super::json::Object;
use super::request::Wire;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut table = None;
    Wire::read(call.body, |wire, name| {
        match name {
            "TableName" => table = wire.string()?,
            _ => wire.skip()?,
        }
        Ok(())
    })?;
    not_empty(table.as_deref())?;
    let mut violations = Violations::new();
    let table = violations.table(table.as_deref());
    violations.check()?;
    let table = table.ok_or_else(super::unreadable)?;
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
