//! DescribeLimits: the service's defaults. Nothing here keeps a table from being given more.

use bytes::Bytes;

use super::Call;
use super::error::WireError;
use super::json::Object;
use super::request::Wire;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    Wire::read(call.body, |wire, _| wire.skip())?;
    let mut out = Vec::new();
    let mut answer = Object::open(&mut out);
    answer.plain("AccountMaxReadCapacityUnits", 80_000);
    answer.plain("AccountMaxWriteCapacityUnits", 80_000);
    answer.plain("TableMaxReadCapacityUnits", 40_000);
    answer.plain("TableMaxWriteCapacityUnits", 40_000);
    answer.close();
    Ok(out.into())
}
