//! DynamoDB's JSON form of values (`{"S": "x"}`), read with a pull parser and written from images without decoding.
//! The doors and `sync` share this codec of values; the shapes of requests stay with them.
//!
//! Reading is as lenient as the service, and no more: members of an attribute value that are no type are passed over, a
//! `null` counts as not there, and of a name given twice the last one stays. Nesting goes to 32 levels, the attribute
//! itself being the first (captured from the service: 31 maps around a string are accepted, 32 are not). Error texts are
//! the service's own, misspellings included.

mod invalid;
mod read;
#[cfg(test)]
mod tests;
mod write;

use jiter::Jiter;

pub use invalid::InvalidValue;

use super::image::{ImageError, MapRef, ValueRef};
use super::value::{AttributeValue, Map};
use super::{json, limits};

/// Why a JSON text is not an attribute value or an item.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The JSON itself, or its shape, is wrong: DynamoDB's `SerializationException`.
    #[error("{0}")]
    Serialization(String),
    /// The shape is right, the value is not: DynamoDB's `ValidationException`, with the fault.
    #[error("{0}")]
    Validation(InvalidValue),
}

/// Reads an item (`{"name": {"S": "x"}, …}`); the parser stands before its `{`.
///
/// After [`DecodeError::Validation`] the parser stands behind the item: the service reports a wrong shape anywhere in a
/// request before a wrong value, so the caller may read on and report this error later.
pub fn read_item(json: &mut Jiter<'_>) -> Result<Map, DecodeError> {
    read::item(json)
}

/// Reads one attribute value (`{"S": "x"}`); the parser stands before its `{`. As [`read_item`] after an error.
pub fn read_value(json: &mut Jiter<'_>) -> Result<AttributeValue, DecodeError> {
    read_value_within(json, limits::NESTING)
}

/// The same of a value that may have so many levels.
pub fn read_value_within(json: &mut Jiter<'_>, nesting: usize) -> Result<AttributeValue, DecodeError> {
    read::value(json, nesting)
}

/// A word that the service takes for a boolean.
pub fn truth(word: &str) -> Option<bool> {
    match word.to_ascii_uppercase().as_str() {
        "TRUE" | "1" | "YES" => Some(true),
        "FALSE" | "0" | "NO" => Some(false),
        _ => None,
    }
}

/// Appends an item's JSON. Nothing is appended if the image is damaged.
pub fn write_image(image: MapRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    let start = out.len();
    write::image(image, out).inspect_err(|_| out.truncate(start))
}

/// Appends the JSON of a value in an image. Nothing is appended if the image is damaged.
pub fn write_value_ref(value: ValueRef<'_>, out: &mut Vec<u8>) -> Result<(), ImageError> {
    let start = out.len();
    write::value_ref(value, out).inspect_err(|_| out.truncate(start))
}

/// Appends an item's JSON.
pub fn write_item(item: &Map, out: &mut Vec<u8>) {
    write::item(item, out);
}

/// Appends an attribute value's JSON.
pub fn write_value(value: &AttributeValue, out: &mut Vec<u8>) {
    write::value(value, out);
}

/// Appends a JSON string, quoted and escaped.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    json::string(text, out);
}
