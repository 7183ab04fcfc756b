//! Reading plain JSON.

use jiter::{Jiter, JiterError, JiterErrorType, JsonErrorType, Peek};

use super::super::json::{VALUES, excerpt};
use super::super::limits;
use super::super::number::{Number, NumberError};
use super::super::value::{AttributeValue, Map, Name};
use super::PlainError;

/// Bytes of the client's own data that an error text repeats.
const REPEATED: usize = 64;

pub(super) fn value(json: &[u8]) -> Result<AttributeValue, PlainError> {
    let mut reader = Reader::new(json);
    let value = reader.whole()?;
    reader.end()?;
    Ok(value)
}

pub(super) fn values<E: From<PlainError>>(
    json: &[u8],
    mut each: impl FnMut(AttributeValue) -> Result<(), E>,
) -> Result<bool, E> {
    let mut reader = Reader::new(json);
    if reader.peek()? != Peek::Array {
        let value = reader.whole()?;
        reader.end()?;
        each(value)?;
        return Ok(false);
    }
    let mut next = reader.element(true)?;
    let mut at = 0usize;
    while next.is_some() {
        let value = reader.whole().map_err(|error| match error {
            PlainError::Value(text) => PlainError::Value(format!("element {at}: {text}")),
            syntax => syntax,
        })?;
        each(value)?;
        next = reader.element(false)?;
        at += 1;
    }
    reader.end()?;
    Ok(true)
}

/// Room for the members of a whole, and for what a rule adds: most readings never outgrow it.
const MEMBERS: usize = 16;

/// What is wrong, and where: the names and indexes on the way to it, the innermost first.
struct Wrong {
    text: String,
    path: Vec<String>,
}

enum Failure {
    Syntax(PlainError),
    Value(Wrong),
}

impl From<PlainError> for Failure {
    fn from(error: PlainError) -> Failure {
        Failure::Syntax(error)
    }
}

impl Failure {
    fn wrong(text: impl Into<String>) -> Failure {
        Failure::Value(Wrong { text: text.into(), path: Vec::new() })
    }

    fn within(mut self, place: impl FnOnce() -> String) -> Failure {
        if let Failure::Value(wrong) = &mut self {
            wrong.path.push(place());
        }
        self
    }
}

struct Reader<'j> {
    json: Jiter<'j>,
    /// Values read of the present whole.
    values: usize,
}

impl<'j> Reader<'j> {
    fn new(json: &'j [u8]) -> Reader<'j> {
        Reader { json: Jiter::new(json), values: 0 }
    }

    fn syntax(&self, error: JiterError) -> PlainError {
        if error.error_type == JiterErrorType::JsonError(JsonErrorType::NumberOutOfRange) {
            return PlainError::Value("a number has more than 38 significant digits".to_string());
        }
        let at = self.json.error_position(error.index);
        PlainError::Syntax { line: at.line, column: at.column, message: error.error_type.to_string() }
    }

    fn peek(&mut self) -> Result<Peek, PlainError> {
        self.json.peek().map_err(|error| self.syntax(error))
    }

    fn end(&mut self) -> Result<(), PlainError> {
        self.json.finish().map_err(|error| self.syntax(error))
    }

    /// The next element of an array; the first one where it is `opened` by `[`.
    fn element(&mut self, opened: bool) -> Result<Option<Peek>, PlainError> {
        let peek = if opened { self.json.known_array() } else { self.json.array_step() };
        peek.map_err(|error| self.syntax(error))
    }

    /// The next name of an object; the first one where it is `opened` by `{`.
    fn name(&mut self, opened: bool) -> Result<Option<Name>, PlainError> {
        let name = if opened { self.json.known_object() } else { self.json.next_key() };
        match name {
            Ok(name) => Ok(name.map(|name| Name::new(name))),
            Err(error) => Err(self.syntax(error)),
        }
    }

    /// A value from level 0.
    fn whole(&mut self) -> Result<AttributeValue, PlainError> {
        self.values = 0;
        let peek = self.peek()?;
        self.value(peek, 0).map_err(|failure| match failure {
            Failure::Syntax(error) => error,
            Failure::Value(Wrong { text, path }) if path.is_empty() => PlainError::Value(text),
            Failure::Value(Wrong { text, path }) => {
                let mut place = String::new();
                for step in path.iter().rev() {
                    place.push('/');
                    place.push_str(step);
                }
                PlainError::Value(format!("at {place}: {text}"))
            }
        })
    }

    fn value(&mut self, peek: Peek, level: usize) -> Result<AttributeValue, Failure> {
        self.values += 1;
        if self.values > VALUES {
            return Err(Failure::wrong(format!("more than {VALUES} values cannot be an item")));
        }
        if level > limits::NESTING {
            return Err(Failure::wrong(format!("nested deeper than {} levels", limits::NESTING)));
        }
        match peek {
            Peek::String => self.text(),
            Peek::Object => self.object(level),
            Peek::Array => self.array(level),
            Peek::True | Peek::False => {
                let yes = self.json.known_bool(peek);
                Ok(AttributeValue::Bool(yes.map_err(|error| self.syntax(error))?))
            }
            Peek::Null => {
                self.json.known_null().map_err(|error| self.syntax(error))?;
                Ok(AttributeValue::Null)
            }
            _ => self.number(peek),
        }
    }

    fn text(&mut self) -> Result<AttributeValue, Failure> {
        match self.json.known_str() {
            Ok(text) => Ok(AttributeValue::S(text.into())),
            Err(error) => Err(self.syntax(error).into()),
        }
    }

    fn number(&mut self, peek: Peek) -> Result<AttributeValue, Failure> {
        let parsed = match self.json.known_number_bytes(peek) {
            Ok(digits) => match std::str::from_utf8(digits) {
                Ok(text) => Number::parse(text).map_err(|error| number_error(text, error)),
                Err(_) => Err(Failure::wrong("not a number")),
            },
            Err(error) => return Err(self.syntax(error).into()),
        };
        parsed.map(AttributeValue::N)
    }

    fn array(&mut self, level: usize) -> Result<AttributeValue, Failure> {
        let mut elements = Vec::new();
        let mut next = self.element(true)?;
        while let Some(peek) = next {
            let element = self.value(peek, level + 1);
            elements.push(element.map_err(|failure| failure.within(|| elements.len().to_string()))?);
            next = self.element(false)?;
        }
        Ok(AttributeValue::L(elements))
    }

    fn object(&mut self, level: usize) -> Result<AttributeValue, Failure> {
        let mut pairs = Vec::with_capacity(if level == 0 { MEMBERS } else { 0 });
        let mut next = self.name(true)?;
        while let Some(name) = next {
            let peek = self.peek()?;
            if name.is_empty() {
                return Err(Failure::wrong("a name is empty"));
            }
            if name.len() > limits::ATTRIBUTE_NAME {
                return Err(Failure::wrong(format!(
                    "a name is longer than {} bytes",
                    limits::ATTRIBUTE_NAME
                )));
            }
            let value = self.value(peek, level + 1);
            let value = value.map_err(|failure| failure.within(|| excerpt(&name, REPEATED).to_string()))?;
            pairs.push((name, value));
            next = self.name(false)?;
        }
        Map::from_pairs(pairs)
            .map(AttributeValue::M)
            .map_err(|name| Failure::wrong(format!("the name {:?} is there twice", excerpt(&name, REPEATED))))
    }
}

fn number_error(text: &str, error: NumberError) -> Failure {
    let shown = excerpt(text, REPEATED);
    Failure::wrong(match error {
        NumberError::Syntax => format!("{shown} is not a number"),
        NumberError::Overflow => format!("the number {shown} is too large: magnitudes end below 1E126"),
        NumberError::Underflow => format!("the number {shown} is too small: magnitudes begin at 1E-130"),
        NumberError::Precision => {
            format!("the number {shown} has more than {} significant digits", limits::NUMBER_DIGITS)
        }
    })
}
