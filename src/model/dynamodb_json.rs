//! DynamoDB's JSON form of values (`{"S": "x"}`), read with a pull parser and written from images without decoding.
//! The doors and `sync` share this codec of values; the shapes of requests stay with them.

use jiter::Jiter;

use super::image::{ImageError, MapRef};
use super::value::{AttributeValue, Map};

/// Why a JSON text is not an attribute value or an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The JSON itself, or its shape, is wrong: DynamoDB's `SerializationException`.
    #[error("{0}")]
    Serialization(String),
    /// The shape is right, the value is not: DynamoDB's `ValidationException`, with its text.
    #[error("{0}")]
    Validation(String),
}

/// Reads an item (`{"name": {"S": "x"}, …}`); the parser stands before its `{`.
pub fn read_item(_json: &mut Jiter<'_>) -> Result<Map, DecodeError> {
    todo!()
}

/// Reads one attribute value (`{"S": "x"}`); the parser stands before its `{`.
pub fn read_value(_json: &mut Jiter<'_>) -> Result<AttributeValue, DecodeError> {
    todo!()
}

/// Appends an item's JSON.
pub fn write_image(_image: MapRef<'_>, _out: &mut Vec<u8>) -> Result<(), ImageError> {
    todo!()
}

/// Appends an item's JSON.
pub fn write_item(_item: &Map, _out: &mut Vec<u8>) {
    todo!()
}

/// Appends a JSON string, quoted and escaped.
pub fn write_string(_text: &str, _out: &mut Vec<u8>) {
    todo!()
}
