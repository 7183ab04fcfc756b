//! The service's words for a value of the wrong type: its Java classes show through.

use jiter::{Jiter, Peek};

use crate::model::dynamodb_json::DecodeError;

/// What a member should have been, by the service's Java names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// `java.lang.` and the class.
    Scalar(&'static str),
    /// A list.
    List,
    /// A map of values of this class.
    Map(&'static str),
    /// A structure of this class as an element of a list or map.
    Element(&'static str),
    /// A structure of this class as a member.
    Member(&'static str),
}

/// The service's words for a value of the wrong type.
pub(super) fn mismatch(found: Peek, expected: Expected, json: &mut Jiter<'_>) -> DecodeError {
    DecodeError::Serialization(match (expected, found) {
        (Expected::Scalar(_) | Expected::List, Peek::Object) => {
            "Start of structure or map found where not expected".to_owned()
        }
        (Expected::Scalar(class), Peek::Array) => {
            format!("Unrecognized collection type class java.lang.{class}")
        }
        (Expected::Scalar(class), _) => format!("{} cannot be converted to {class}", token(found, json)),
        (Expected::Map(class), Peek::Array) => {
            let class = if class == "String" {
                "java.lang.String".to_owned()
            } else {
                format!("com.amazonaws.dynamodb.v20120810.{class}")
            };
            format!("Unrecognized collection type java.util.Map<java.lang.String, {class}>")
        }
        (Expected::Element(class) | Expected::Member(class), Peek::Array) => {
            format!("Unrecognized collection type class com.amazonaws.dynamodb.v20120810.{class}")
        }
        (Expected::Element(_), _) => "Unexpected value type in payload".to_owned(),
        (Expected::List | Expected::Map(_) | Expected::Member(_), _) => "Unexpected field type".to_owned(),
    })
}

/// The name of a token, as the service's parser calls it.
fn token(found: Peek, json: &mut Jiter<'_>) -> &'static str {
    match found {
        Peek::True => "TRUE_VALUE",
        Peek::False => "FALSE_VALUE",
        Peek::String => "STRING_VALUE",
        _ => match json.known_number(found) {
            Ok(jiter::NumberAny::Float(_)) => "DECIMAL_VALUE",
            _ => "NUMBER_VALUE",
        },
    }
}
