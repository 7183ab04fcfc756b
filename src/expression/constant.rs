//! Values of ExpressionAttributeValues, encoded once, so that they compare with an item's bytes in place.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::AttributeValue;
use crate::model::image::Canonical;

/// A value and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Constant {
    value: AttributeValue,
    bytes: Vec<u8>,
}

impl Constant {
    pub(super) fn new(value: AttributeValue) -> Constant {
        let mut bytes = Vec::new();
        value.encode_canonical(&mut bytes);
        Constant { value, bytes }
    }

    pub(super) fn value(&self) -> &AttributeValue {
        &self.value
    }

    /// As it would stand in an image.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A scalar as the service writes it in its errors: `{N:5}`.
impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            AttributeValue::S(text) => write!(f, "{{S:{text}}}"),
            AttributeValue::N(number) => write!(f, "{{N:{number}}}"),
            AttributeValue::B(bytes) => write!(f, "{{B:{}}}", STANDARD.encode(bytes)),
            other => write!(f, "{{{}}}", other.type_name()),
        }
    }
}
