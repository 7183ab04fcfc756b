//! RequestItems: what a batch asks for, by table.

use super::error::WireError;
use super::mismatch::Expected;
use super::parameter::Shared;
use super::request::{Read, Wire};
use crate::model::dynamodb_json::DecodeError;

/// A batch as it stands in the request.
pub(super) struct RequestItems<'j, T> {
    /// One entry for each table.
    pub(super) entries: Vec<T>,
    /// The member's JSON, if it is there and more than null.
    pub(super) given: Option<&'j [u8]>,
    pub(super) shared: Shared,
    /// What is wrong with the values in it.
    pub(super) read: Read,
}

/// Reads a batch whose RequestItems is a map of `class`; `entry` reads a table's entry, or leaves it out.
pub(super) fn read<'j, T>(
    body: &'j [u8],
    class: &'static str,
    entry: impl Fn(&mut Wire<'j>, &str) -> Result<Option<T>, DecodeError>,
) -> Result<RequestItems<'j, T>, WireError> {
    let (mut entries, mut given, mut shared) = (Vec::new(), None, Shared::default());
    let read = Wire::read(body, |wire, name| {
        if name != "RequestItems" {
            return shared.member(wire, name);
        }
        entries.clear();
        let (there, text) = wire.with_text(|wire| {
            wire.object(Expected::Map(class), |wire, table| {
                entries.extend(entry(wire, table)?);
                Ok(())
            })
        })?;
        given = there.then_some(text);
        Ok(())
    })?;
    Ok(RequestItems { entries, given, shared, read })
}
