//! Cursors: where a list goes on. Opaque to clients: the table's id and the last item's key, in base64url.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::problem::Problem;
use crate::model::{Image, Map, TableDef};

/// A cursor behind the item with this key.
pub(super) fn encode(table: &TableDef, key: &Image) -> String {
    let mut bytes = Vec::with_capacity(4 + key.bytes().len());
    bytes.extend_from_slice(&table.id.0.to_be_bytes());
    bytes.extend_from_slice(key.bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The key behind which a list goes on. Whether it lies within the list is for the engine to say.
pub(super) fn decode(table: &TableDef, cursor: &str) -> Result<Map, Problem> {
    read(table, cursor)
        .ok_or_else(|| Problem::bad_request("this is no cursor of this list; begin again without one"))
}

fn read(table: &TableDef, cursor: &str) -> Option<Map> {
    let bytes = Bytes::from(URL_SAFE_NO_PAD.decode(cursor).ok()?);
    let (id, key) = bytes.split_first_chunk::<4>()?;
    if u32::from_be_bytes(*id) != table.id.0 {
        return None;
    }
    let key = Image::from_untrusted(bytes.slice_ref(key)).ok()?.as_map().to_map().ok()?;
    let attributes = 1 + usize::from(table.keys.sort.is_some());
    (key.len() == attributes && table.keys.key_of(&key).is_ok()).then_some(key)
}
