//! Plain JSON of items, as devices and the REST door speak it: numbers keep every digit in both directions, binary is
//! base64, sets are arrays (so plain JSON does not give them back as sets).
//!
//! Reading: strings become `S`, numbers `N`, `true` and `false` `BOOL`, `null` `NULL`, arrays `L`, objects `M`. A name that
//! is empty or given twice in one object is refused: two readers of such a text need not see the same item.

mod read;
#[cfg(test)]
mod tests;
mod write;

use super::image::{ImageError, MapRef, ValueRef};
use super::value::{AttributeValue, Map};

/// Why a text is not JSON that can be kept as a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlainError {
    /// Not JSON; line and column as the parser counts them, and what is wrong.
    #[error("not JSON at line {line}, column {column}: {message}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// JSON, but not a value DynamoDB can hold (a number out of range, nesting beyond 32 levels, a name twice or empty).
    #[error("{0}")]
    Value(String),
}

/// Reads one JSON value; nothing may follow it but white space.
///
/// The value itself is level 0, an item's attributes level 1, and 32 the last one.
pub fn read_value(json: &[u8]) -> Result<AttributeValue, PlainError> {
    read::value(json)
}

/// Reads one JSON value, or the elements of an array of them, each as by [`read_value`], and hands them on one by one: the
/// array is never in memory. An error of `each` ends the reading. Tells whether it was an array.
pub fn read_values<E: From<PlainError>>(
    json: &[u8],
    each: impl FnMut(AttributeValue) -> Result<(), E>,
) -> Result<bool, E> {
    read::values(json, each)
}

/// Appends an item's plain JSON. Nothing is appended if the image is damaged.
pub fn write_image(image: MapRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    let start = out.len();
    write::image(image, out).inspect_err(|_| out.truncate(start))
}

/// Appends the plain JSON of a value in an image. Nothing is appended if the image is damaged.
pub fn write_value_ref(value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    let start = out.len();
    write::value_ref(value, out).inspect_err(|_| out.truncate(start))
}

/// Appends a map's plain JSON.
pub fn write_map(item: &Map, out: &mut Vec<u8>) {
    write::map(item, out);
}

/// Appends a value's plain JSON.
pub fn write_value(value: &AttributeValue, out: &mut Vec<u8>) {
    write::value(value, out);
}
