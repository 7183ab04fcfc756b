//! DescribeEndpoints: this one.

use bytes::Bytes;

use super::Call;
use super::error::WireError;
use super::json::Object;

/// How long clients may keep the answer, in minutes; the service says the same.
const CACHE_MINUTES: u32 = 1440;

pub(super) async fn run(call: &Call<'_>) -> Result<Bytes, WireError> {
    let mut out = b"{\"Endpoints\":[".to_vec();
    let mut endpoint = Object::open(&mut out);
    endpoint.text("Address", call.host);
    endpoint.plain("CachePeriodInMinutes", CACHE_MINUTES);
    endpoint.close();
    out.extend_from_slice(b"]}");
    Ok(out.into())
}
