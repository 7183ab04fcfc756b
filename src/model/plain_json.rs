//! Plain JSON of items, as devices and the REST door speak it: numbers keep every digit in both directions, binary is
//! base64, sets are arrays (so plain JSON does not give them back as sets).

use super::image::{ImageError, MapRef};
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
pub fn read_value(_json: &[u8]) -> Result<AttributeValue, PlainError> {
    todo!()
}

/// Appends an item's plain JSON.
pub fn write_image(_image: MapRef<'_>, _out: &mut Vec<u8>) -> Result<(), ImageError> {
    todo!()
}

/// Appends a map's plain JSON.
pub fn write_map(_item: &Map, _out: &mut Vec<u8>) {
    todo!()
}

/// Appends a value's plain JSON.
pub fn write_value(_value: &AttributeValue, _out: &mut Vec<u8>) {
    todo!()
}
