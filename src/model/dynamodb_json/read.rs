//! Reading DynamoDB's JSON.
//!
//! What is wrong with the shape ends the reading; the first thing that is wrong with a value is kept, and reading goes
//! on, since the service reports shapes before values.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiter::{Jiter, JiterError, Peek};

use super::super::json::{VALUES, excerpt, last_wins, skip};
use super::super::limits;
use super::super::number::{Number, NumberError};
use super::super::value::{AttributeValue, Map, Name, Set};
use super::invalid::OVERFLOW;
use super::{DecodeError, InvalidValue, truth};

const STRUCTURE: &str = "Start of structure or map found where not expected";

/// Bytes of the client's own data that an error text repeats.
const REPEATED: usize = 1024;

/// The shape is wrong: the text of a `SerializationException`.
type Shape<T> = Result<T, String>;

pub(super) fn item(json: &mut Jiter<'_>) -> Result<Map, DecodeError> {
    let mut reader = Reader::new(json);
    let item = reader.peek().and_then(|peek| reader.attributes(peek, 1));
    reader.finish(item)
}

pub(super) fn value(json: &mut Jiter<'_>, nesting: usize) -> Result<AttributeValue, DecodeError> {
    let mut reader = Reader { nesting, ..Reader::new(json) };
    let value = reader.peek().and_then(|peek| reader.value(peek, 1));
    // Where there is no value, the reason has been kept.
    reader.finish(value)?.ok_or(DecodeError::Validation(InvalidValue::Empty))
}

/// The types, by the letters of [`AttributeValue::type_name`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    S,
    N,
    B,
    Bool,
    Null,
    L,
    M,
    SS,
    NS,
    BS,
}

impl Kind {
    fn of(letters: &str) -> Option<Kind> {
        Some(match letters {
            "S" => Kind::S,
            "N" => Kind::N,
            "B" => Kind::B,
            "BOOL" => Kind::Bool,
            "NULL" => Kind::Null,
            "L" => Kind::L,
            "M" => Kind::M,
            "SS" => Kind::SS,
            "NS" => Kind::NS,
            "BS" => Kind::BS,
            _ => return None,
        })
    }
}

struct Reader<'p, 'j> {
    json: &'p mut Jiter<'j>,
    /// The value that is wrong and comes first in the service's order.
    invalid: Option<InvalidValue>,
    /// Levels that a value may have.
    nesting: usize,
    /// Values read.
    values: usize,
}

impl<'p, 'j> Reader<'p, 'j> {
    fn new(json: &'p mut Jiter<'j>) -> Reader<'p, 'j> {
        Reader { json, invalid: None, nesting: limits::NESTING, values: 0 }
    }

    fn finish<T>(self, read: Shape<T>) -> Result<T, DecodeError> {
        match (read, self.invalid) {
            (Err(shape), _) => Err(DecodeError::Serialization(shape)),
            (Ok(_), Some(invalid)) => Err(DecodeError::Validation(invalid)),
            (Ok(read), None) => Ok(read),
        }
    }

    fn invalid(&mut self, fault: InvalidValue) {
        if self.invalid.as_ref().is_none_or(|known| fault.comes_before(known)) {
            self.invalid = Some(fault);
        }
    }

    /// The same for a fault that nobody tells apart.
    fn other(&mut self, text: &str) {
        self.invalid(InvalidValue::Other(text.to_owned()));
    }

    fn syntax(&self, error: JiterError) -> String {
        error.description(self.json)
    }

    fn peek(&mut self) -> Shape<Peek> {
        self.json.peek().map_err(|error| self.syntax(error))
    }

    /// The next name of an object; the first one where it is `opened` by `{`.
    fn name<T>(&mut self, opened: bool, take: impl FnOnce(&str) -> T) -> Shape<Option<T>> {
        let name = if opened { self.json.known_object() } else { self.json.next_key() };
        match name {
            Ok(name) => Ok(name.map(take)),
            Err(error) => Err(self.syntax(error)),
        }
    }

    /// The next element of an array; the first one where it is `opened` by `[`.
    fn element(&mut self, opened: bool) -> Shape<Option<Peek>> {
        let peek = if opened { self.json.known_array() } else { self.json.array_step() };
        peek.map_err(|error| self.syntax(error))
    }

    fn skip(&mut self, first: Peek) -> Shape<()> {
        skip(self.json, first).map_err(|error| self.syntax(error))
    }

    /// One more value; whether it is still to be kept.
    fn keep(&mut self) -> bool {
        self.values += 1;
        if self.values > VALUES {
            self.other("Item size has exceeded the maximum allowed size");
        }
        self.values <= VALUES
    }

    /// A map of attribute values at this level.
    fn attributes(&mut self, peek: Peek, level: usize) -> Shape<Map> {
        match peek {
            Peek::Object => {}
            Peek::Array => {
                return Err("Unrecognized collection type java.util.Map<java.lang.String, \
                            com.amazonaws.dynamodb.v20120810.AttributeValue>"
                    .to_string());
            }
            _ => return self.unexpected(peek, "Unexpected field type"),
        }
        let mut pairs = Vec::new();
        let mut next = self.name(true, |name| Name::new(name))?;
        while let Some(name) = next {
            if name.is_empty() {
                self.invalid(InvalidValue::EmptyName { attribute: level == 1 });
            } else if name.len() > limits::ATTRIBUTE_NAME {
                self.invalid(InvalidValue::LongName);
            }
            let peek = self.peek()?;
            if let Some(value) = self.value(peek, level)? {
                pairs.push((name, value));
            }
            next = self.name(false, |name| Name::new(name))?;
        }
        Ok(last_wins(pairs))
    }

    /// One attribute value at this level; none if it is wrong.
    fn value(&mut self, peek: Peek, level: usize) -> Shape<Option<AttributeValue>> {
        match peek {
            Peek::Object if level > self.nesting => {
                self.invalid(InvalidValue::TooDeep);
                return self.skip(peek).map(|()| None);
            }
            Peek::Object => {}
            Peek::Null => {
                self.invalid(InvalidValue::Empty);
                return self.skip(peek).map(|()| None);
            }
            Peek::Array => {
                return Err(
                    "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue"
                        .to_string(),
                );
            }
            _ => return self.unexpected(peek, "Unexpected value type in payload"),
        }
        let keep = self.keep();
        let (mut first, mut several, mut found) = (None, false, None);
        let mut next = self.name(true, Kind::of)?;
        while let Some(kind) = next {
            let peek = self.peek()?;
            match kind {
                Some(kind) if peek != Peek::Null => {
                    several |= *first.get_or_insert(kind) != kind;
                    found = self.member(kind, peek, level)?;
                }
                _ => self.skip(peek)?,
            }
            next = self.name(false, Kind::of)?;
        }
        if first.is_none() {
            self.invalid(InvalidValue::Empty);
        } else if several {
            self.invalid(InvalidValue::Several);
        }
        Ok(found.filter(|_| keep))
    }

    fn member(&mut self, kind: Kind, peek: Peek, level: usize) -> Shape<Option<AttributeValue>> {
        Ok(match kind {
            Kind::S => Some(AttributeValue::S(self.text(peek, |text| text.into())?)),
            Kind::N => self.number(peek)?.map(AttributeValue::N),
            Kind::B => Some(AttributeValue::B(self.binary(peek)?)),
            Kind::Bool => Some(AttributeValue::Bool(self.boolean(peek)?)),
            Kind::Null => self.null(peek)?,
            Kind::L => {
                let list = self.list(peek, |reader, peek| reader.value(peek, level + 1))?;
                Some(AttributeValue::L(list))
            }
            Kind::M => Some(AttributeValue::M(self.attributes(peek, level + 1)?)),
            Kind::SS => self.strings(peek)?.map(AttributeValue::SS),
            Kind::NS => self.numbers(peek)?.map(AttributeValue::NS),
            Kind::BS => self.binaries(peek)?.map(AttributeValue::BS),
        })
    }

    /// The elements of a list; those that are wrong are left out, and the reason kept.
    fn list<T>(&mut self, peek: Peek, each: impl Fn(&mut Self, Peek) -> Shape<Option<T>>) -> Shape<Vec<T>> {
        match peek {
            Peek::Array => {}
            Peek::Object => return Err(STRUCTURE.to_string()),
            _ => return self.unexpected(peek, "Unexpected field type"),
        }
        let mut list = Vec::new();
        let mut next = self.element(true)?;
        while let Some(peek) = next {
            if let Some(element) = each(self, peek)? {
                list.push(element);
            }
            next = self.element(false)?;
        }
        Ok(list)
    }

    fn strings(&mut self, peek: Peek) -> Shape<Option<Set<Name>>> {
        let texts = self.list(peek, |reader, peek| {
            if peek == Peek::Null {
                reader.other(
                    "One or more parameter values were invalid: An string set may not have a null string as a member",
                );
                return reader.skip(peek).map(|()| None);
            }
            let text = reader.text(peek, |text| Name::from(text))?;
            Ok(reader.keep().then_some(text))
        })?;
        if texts.is_empty() {
            self.invalid(InvalidValue::EmptyStrings);
        } else if repeats(&texts) {
            self.invalid(InvalidValue::RepeatedStrings(listed(texts.iter().map(Name::as_str))));
        }
        Ok(Set::new(texts).ok())
    }

    fn numbers(&mut self, peek: Peek) -> Shape<Option<Set<Number>>> {
        let numbers = self.list(peek, |reader, peek| {
            let number = reader.number(peek)?;
            Ok(number.filter(|_| reader.keep()))
        })?;
        if numbers.is_empty() {
            self.other("One or more parameter values were invalid: An number set  may not be empty");
        } else if repeats(&numbers) {
            self.invalid(InvalidValue::RepeatedNumbers);
        }
        Ok(Set::new(numbers).ok())
    }

    fn binaries(&mut self, peek: Peek) -> Shape<Option<Set<Vec<u8>>>> {
        let elements = self.list(peek, |reader, peek| {
            if peek == Peek::Null {
                reader.other(
                    "One or more parameter values were invalid: Binary sets may not contain null or empty values",
                );
                return reader.skip(peek).map(|()| None);
            }
            let binary = reader.binary(peek)?;
            Ok(reader.keep().then_some(binary))
        })?;
        if elements.is_empty() {
            self.invalid(InvalidValue::EmptyBinaries);
        } else if repeats(&elements) {
            let texts: Vec<String> = elements.iter().map(|bytes| STANDARD.encode(bytes)).collect();
            self.invalid(InvalidValue::RepeatedBinaries(listed(texts.iter().map(String::as_str))));
        }
        Ok(Set::new(elements).ok())
    }

    fn text<T>(&mut self, peek: Peek, take: impl FnOnce(&str) -> T) -> Shape<T> {
        match peek {
            Peek::String => match self.json.known_str() {
                Ok(text) => Ok(take(text)),
                Err(error) => Err(self.syntax(error)),
            },
            _ => self.unconvertible(peek, "String"),
        }
    }

    fn number(&mut self, peek: Peek) -> Shape<Option<Number>> {
        if peek == Peek::Null {
            self.invalid(InvalidValue::EmptyNumber);
            return self.skip(peek).map(|()| None);
        }
        let parsed =
            self.text(peek, |text| Number::parse(text).map_err(|error| number_error(text, error)))?;
        Ok(parsed.map_err(|fault| self.invalid(fault)).ok())
    }

    fn binary(&mut self, peek: Peek) -> Shape<Vec<u8>> {
        match peek {
            Peek::String => self.text(peek, base64)?,
            Peek::Array | Peek::Object => self.unconvertible(peek, "ByteBuffer"),
            _ => self.unexpected(peek, "only base-64-encoded strings are convertible to bytes"),
        }
    }

    fn boolean(&mut self, peek: Peek) -> Shape<bool> {
        match peek {
            Peek::True | Peek::False => self.json.known_bool(peek).map_err(|error| self.syntax(error)),
            Peek::String => {
                self.text(peek, truth)?.ok_or_else(|| "Unexpected token received from parser".to_string())
            }
            _ => self.unconvertible(peek, "Boolean"),
        }
    }

    fn null(&mut self, peek: Peek) -> Shape<Option<AttributeValue>> {
        let yes = self.boolean(peek)?;
        if !yes {
            self.invalid(InvalidValue::FalseNull);
        }
        Ok(yes.then_some(AttributeValue::Null))
    }

    /// A JSON value of a type that has no place here; broken JSON is reported as that.
    fn unexpected<T>(&mut self, peek: Peek, text: &str) -> Shape<T> {
        if !matches!(peek, Peek::Object | Peek::Array) {
            self.skip(peek)?;
        }
        Err(text.to_string())
    }

    /// A JSON value that the service does not convert to this Java class.
    fn unconvertible<T>(&mut self, peek: Peek, class: &str) -> Shape<T> {
        let package = if class == "ByteBuffer" { "java.nio" } else { "java.lang" };
        let token = match peek {
            Peek::Object => return Err(STRUCTURE.to_string()),
            Peek::Array => return Err(format!("Unrecognized collection type class {package}.{class}")),
            Peek::True => "TRUE_VALUE",
            Peek::False => "FALSE_VALUE",
            Peek::Null => "NULL_VALUE",
            Peek::String => "STRING_VALUE",
            _ => match self.json.known_number_bytes(peek) {
                Ok(digits) if digits.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => "DECIMAL_VALUE",
                Ok(_) => "NUMBER_VALUE",
                Err(error) => return Err(self.syntax(error)),
            },
        };
        Err(format!("{token} cannot be converted to {class}"))
    }
}

fn number_error(text: &str, error: NumberError) -> InvalidValue {
    InvalidValue::Number(match error {
        NumberError::Syntax if text.is_empty() => return InvalidValue::EmptyNumber,
        NumberError::Syntax => format!("{}: {}", InvalidValue::EmptyNumber, excerpt(text, REPEATED)),
        NumberError::Overflow if text.to_ascii_lowercase().ends_with("e2147483647") => {
            return InvalidValue::WrappedNumber;
        }
        NumberError::Overflow => OVERFLOW.to_owned(),
        NumberError::Underflow => {
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
                .to_string()
        }
        NumberError::Precision => {
            "Attempting to store more than 38 significant digits in a Number".to_string()
        }
    })
}

fn base64(text: &str) -> Shape<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return Err(format!(
            "Base64 encoded length is expected a multiple of 4 bytes but found: {}",
            text.len()
        ));
    }
    STANDARD.decode(text).map_err(|error| match error {
        base64::DecodeError::InvalidByte(_, byte) if byte != b'=' => {
            format!("Invalid Base64 character: '{}'", char::from(byte).escape_default())
        }
        _ => "Invalid last non-pad Base64 character dectected".to_string(),
    })
}

fn repeats<T: Ord>(elements: &[T]) -> bool {
    let mut sorted: Vec<&T> = elements.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b))
}

/// The elements that a text repeats.
fn listed<'a>(elements: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut listed, mut length) = (Vec::new(), 0);
    for element in elements {
        if length > REPEATED {
            listed.push("…".to_owned());
            break;
        }
        length += element.len();
        listed.push(excerpt(element, REPEATED).to_owned());
    }
    listed
}
