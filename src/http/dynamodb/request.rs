//! Pull-parsing of requests: members that are not known are skipped, `null` is as good as absent, a wrong type is a
//! SerializationException in the service's words.

use jiter::{Jiter, JiterError, NumberInt, Peek};

use super::mismatch::{Expected, mismatch};
use crate::model::dynamodb_json::{self, DecodeError, InvalidValue, truth};
use crate::model::{AttributeValue, Map};

/// A request's body while it is read.
pub(super) struct Wire<'j> {
    json: Jiter<'j>,
    /// The first value that is well-formed and wrong: reported once the request as a whole is known to be well-formed
    /// and within its constraints.
    invalid: Option<InvalidValue>,
}

type Result<T> = std::result::Result<T, DecodeError>;

fn serialization(text: impl Into<String>) -> DecodeError {
    DecodeError::Serialization(text.into())
}

fn syntax(error: JiterError) -> DecodeError {
    serialization(format!("not JSON at byte {}: {}", error.index, error.error_type))
}

impl<'j> Wire<'j> {
    /// Reads a whole body: one object, and nothing behind it.
    pub(super) fn read(
        body: &'j [u8],
        mut member: impl FnMut(&mut Wire<'j>, &str) -> Result<()>,
    ) -> Result<Read> {
        let mut wire = Wire { json: Jiter::new(body), invalid: None };
        if !wire.object(Expected::Element("Request"), &mut member)? {
            return Err(serialization("the body is not a JSON object"));
        }
        wire.json.finish().map_err(syntax)?;
        Ok(Read { invalid: wire.invalid })
    }

    fn peek(&mut self) -> Result<Peek> {
        self.json.peek().map_err(syntax)
    }

    /// What the next value is; `None` for null, which is read.
    fn value_or_null(&mut self) -> Result<Option<Peek>> {
        let peek = self.peek()?;
        if peek == Peek::Null {
            self.json.known_null().map_err(syntax)?;
            return Ok(None);
        }
        Ok(Some(peek))
    }

    /// Reads what `read` reads, and gives its text as well.
    pub(super) fn with_text<T>(
        &mut self,
        read: impl FnOnce(&mut Wire<'j>) -> Result<T>,
    ) -> Result<(T, &'j [u8])> {
        self.peek()?;
        let start = self.json.current_index();
        let value = read(self)?;
        Ok((value, self.json.slice_to_current(start)))
    }

    /// Reads an object, member by member; false for null.
    pub(super) fn object(
        &mut self,
        expected: Expected,
        mut member: impl FnMut(&mut Wire<'j>, &str) -> Result<()>,
    ) -> Result<bool> {
        let Some(peek) = self.value_or_null()? else { return Ok(false) };
        if peek != Peek::Object {
            return Err(mismatch(peek, expected, &mut self.json));
        }
        let first = self.json.known_object().map(|name| name.map(compact_str::CompactString::from));
        let mut name = first.map_err(syntax)?;
        while let Some(known) = name {
            member(self, &known)?;
            let next = self.json.next_key().map(|name| name.map(compact_str::CompactString::from));
            name = next.map_err(syntax)?;
        }
        Ok(true)
    }

    /// Reads a list, element by element; false for null.
    pub(super) fn list(&mut self, mut element: impl FnMut(&mut Wire<'j>) -> Result<()>) -> Result<bool> {
        let Some(peek) = self.value_or_null()? else { return Ok(false) };
        if peek != Peek::Array {
            return Err(mismatch(peek, Expected::List, &mut self.json));
        }
        let first = self.json.known_array();
        let mut more = first.map_err(syntax)?;
        while more.is_some() {
            element(self)?;
            let next = self.json.array_step();
            more = next.map_err(syntax)?;
        }
        Ok(true)
    }

    /// A string.
    pub(super) fn string(&mut self) -> Result<Option<String>> {
        match self.value_or_null()? {
            None => Ok(None),
            Some(Peek::String) => {
                let read = self.json.known_str().map(str::to_owned);
                read.map(Some).map_err(syntax)
            }
            Some(other) => Err(mismatch(other, Expected::Scalar("String"), &mut self.json)),
        }
    }

    /// A whole number; a fraction is cut off, as the service does.
    pub(super) fn integer(&mut self, class: &'static str) -> Result<Option<i64>> {
        match self.value_or_null()? {
            None => Ok(None),
            Some(peek) if peek.is_num() => {
                let read = self.json.known_number(peek);
                let number = read.map_err(syntax)?;
                Ok(Some(match number {
                    jiter::NumberAny::Int(NumberInt::Int(int)) => int,
                    jiter::NumberAny::Float(float) => float as i64,
                }))
            }
            Some(other) => Err(mismatch(other, Expected::Scalar(class), &mut self.json)),
        }
    }

    /// A boolean; the service takes some words for one.
    pub(super) fn boolean(&mut self) -> Result<Option<bool>> {
        match self.value_or_null()? {
            None => Ok(None),
            Some(peek @ (Peek::True | Peek::False)) => {
                let read = self.json.known_bool(peek);
                read.map(Some).map_err(syntax)
            }
            Some(Peek::String) => {
                let text = self.string()?.unwrap_or_default();
                let known = truth(&text);
                known.map(Some).ok_or_else(|| serialization("Unexpected token received from parser"))
            }
            Some(other) => Err(mismatch(other, Expected::Scalar("Boolean"), &mut self.json)),
        }
    }

    /// An item or a key. A wrong value in it is kept for later, and the item comes back empty.
    pub(super) fn item(&mut self) -> Result<Option<Map>> {
        match self.value_or_null()? {
            None => Ok(None),
            Some(Peek::Object) => self.defer(dynamodb_json::read_item, Map::new()).map(Some),
            Some(other) => Err(mismatch(other, Expected::Map("AttributeValue"), &mut self.json)),
        }
    }

    /// One attribute value.
    pub(super) fn value(&mut self) -> Result<Option<AttributeValue>> {
        match self.value_or_null()? {
            None => Ok(None),
            Some(Peek::Object) => self.defer(dynamodb_json::read_value, AttributeValue::Null).map(Some),
            Some(other) => Err(mismatch(other, Expected::Element("AttributeValue"), &mut self.json)),
        }
    }

    /// One attribute value of at most so many levels, or what is wrong with it.
    pub(super) fn checked_value(
        &mut self,
        nesting: usize,
    ) -> Result<Option<std::result::Result<AttributeValue, InvalidValue>>> {
        match self.value_or_null()? {
            None => Ok(None),
            Some(Peek::Object) => match dynamodb_json::read_value_within(&mut self.json, nesting) {
                Ok(value) => Ok(Some(Ok(value))),
                Err(DecodeError::Validation(fault)) => Ok(Some(Err(fault))),
                Err(error) => Err(error),
            },
            Some(other) => Err(mismatch(other, Expected::Element("AttributeValue"), &mut self.json)),
        }
    }

    /// Behind a wrong value the parser stands where it would behind a right one.
    fn defer<T>(&mut self, read: impl FnOnce(&mut Jiter<'j>) -> Result<T>, stand_in: T) -> Result<T> {
        match read(&mut self.json) {
            Err(DecodeError::Validation(fault)) => {
                self.invalid.get_or_insert(fault);
                Ok(stand_in)
            }
            other => other,
        }
    }

    /// Reads a part of the request whose wrong values have a place of their own in the service's order: the first of them.
    pub(super) fn apart<T>(
        &mut self,
        read: impl FnOnce(&mut Wire<'j>) -> Result<T>,
    ) -> Result<(T, Option<InvalidValue>)> {
        let before = self.invalid.take();
        let read = read(self)?;
        Ok((read, std::mem::replace(&mut self.invalid, before)))
    }

    /// Skips a value.
    pub(super) fn skip(&mut self) -> Result<()> {
        self.json.next_skip().map_err(syntax)
    }

    /// Skips a value; whether it was more than null.
    pub(super) fn given(&mut self) -> Result<bool> {
        if self.value_or_null()?.is_none() {
            return Ok(false);
        }
        self.skip().map(|()| true)
    }
}

/// What is left once a body has been read.
#[derive(Debug)]
pub(super) struct Read {
    invalid: Option<InvalidValue>,
}

impl Read {
    /// Reports the first wrong value: after the constraints, before anything that needs the table.
    pub(super) fn values(self) -> std::result::Result<(), InvalidValue> {
        self.invalid.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(json: &str) -> String {
        let read = Wire::read(json.as_bytes(), |wire, name| {
            let given = match name {
                "string" => wire.string()?.is_some(),
                "integer" => wire.integer("Integer")?.is_some(),
                "boolean" => wire.boolean()?.is_some(),
                "list" => wire.list(|wire| wire.skip())?,
                "item" => wire.item()?.is_some(),
                "structure" => {
                    wire.object(Expected::Member("ProvisionedThroughput"), |wire, _| wire.skip())?
                }
                _ => wire.given()?,
            };
            let _ = given;
            Ok(())
        });
        match read {
            Ok(read) => read.values().err().map(|fault| fault.to_string()).unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn wrong_types_are_reported_in_the_services_words() {
        let cases = [
            (r#"{"string":1}"#, "NUMBER_VALUE cannot be converted to String"),
            (r#"{"string":1.5}"#, "DECIMAL_VALUE cannot be converted to String"),
            (r#"{"string":true}"#, "TRUE_VALUE cannot be converted to String"),
            (r#"{"string":[]}"#, "Unrecognized collection type class java.lang.String"),
            (r#"{"string":{}}"#, "Start of structure or map found where not expected"),
            (r#"{"integer":"1"}"#, "STRING_VALUE cannot be converted to Integer"),
            (r#"{"boolean":"x"}"#, "Unexpected token received from parser"),
            (r#"{"boolean":0}"#, "NUMBER_VALUE cannot be converted to Boolean"),
            (r#"{"list":"x"}"#, "Unexpected field type"),
            (r#"{"list":{}}"#, "Start of structure or map found where not expected"),
            (r#"{"item":1}"#, "Unexpected field type"),
            (
                r#"{"item":[]}"#,
                "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
            ),
            (r#"{"structure":1}"#, "Unexpected field type"),
        ];
        for (json, text) in cases {
            assert_eq!(text_of(json), text, "{json}");
        }
    }

    #[test]
    fn null_is_absent_and_unknown_members_are_skipped() {
        let json =
            r#"{"string":null,"integer":2.9,"boolean":"yes","list":null,"item":null,"other":{"a":[1,{}]}}"#;
        assert_eq!(text_of(json), "");
    }

    #[test]
    fn what_is_not_json_is_a_serialization_error() {
        for json in ["", "{", "[]", "null", "\"x\"", "{} x", "{\"string\":\"a\",}", "{\"string\":\"\u{1}\"}"]
        {
            assert_ne!(text_of(json), "", "{json:?}");
        }
        let deep = format!("{{\"other\":{}", "[".repeat(200_000));
        assert_ne!(text_of(&deep), "");
    }

    #[test]
    fn a_wrong_value_waits_for_the_rest_of_the_request() {
        let json = r#"{"item":{"a":{"N":"x"},"b":{"S":"y"}},"string":1}"#;
        assert_eq!(text_of(json), "NUMBER_VALUE cannot be converted to String");
        let json = r#"{"item":{"a":{"N":"x"},"b":{"S":"y"}},"string":"z"}"#;
        assert!(text_of(json).contains("cannot be converted to a numeric value"), "{}", text_of(json));
    }
}
