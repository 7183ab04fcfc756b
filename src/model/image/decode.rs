//! Reading images in place, every step checked.

use super::super::number::Number;
use super::super::value::{AttributeValue, Map, Name, Set};
use super::cursor::{Cursor, Major, text};
use super::{ImageError, ListRef, MapRef, SetRef, ValueRef};

/// RFC 8949, 3.4.3.
pub(super) const BIGNUM: u64 = 2;
/// RFC 8949, 3.4.3.
pub(super) const NEGATIVE_BIGNUM: u64 = 3;
/// RFC 8949, 3.4.4.
pub(super) const DECIMAL: u64 = 4;
/// IANA's CBOR tags: mathematical finite set.
pub(super) const SET: u64 = 258;

/// No more than this is reserved on the word of a head.
const RESERVE: usize = 64;

/// `false`, `true` and `null` (RFC 8949, 3.3).
const FALSE: u64 = 20;
const TRUE: u64 = 21;
const NULL: u64 = 22;

/// Reads one value; of lists, maps and sets only where they begin and end.
pub(super) fn value<'a>(at: &mut Cursor<'a>) -> Result<ValueRef<'a>, ImageError> {
    let before = *at;
    let (major, argument) = at.head()?;
    Ok(match major {
        Major::Text => ValueRef::S(text(at.take(argument)?)?),
        Major::Bytes => ValueRef::B(at.take(argument)?),
        Major::Simple => match argument {
            FALSE => ValueRef::Bool(false),
            TRUE => ValueRef::Bool(true),
            NULL => ValueRef::Null,
            _ => return Err(ImageError),
        },
        Major::Array => {
            *at = before;
            ValueRef::L(ListRef(at.skip()?))
        }
        Major::Map => {
            *at = before;
            ValueRef::M(MapRef(at.skip()?))
        }
        Major::Tag if argument == DECIMAL => ValueRef::N(decimal(at)?),
        Major::Tag if argument == SET => return set(at),
        Major::Tag => return Err(ImageError),
        Major::Unsigned => ValueRef::N(Number::from(argument)),
        Major::Negative => ValueRef::N(number(true, u128::from(argument) + 1, 0)?),
    })
}

fn set<'a>(at: &mut Cursor<'a>) -> Result<ValueRef<'a>, ImageError> {
    let mut first = *at;
    if first.open(Major::Array)? == 0 {
        return Err(ImageError);
    }
    let kind = value(&mut first)?;
    let elements = SetRef(at.skip()?);
    match kind {
        ValueRef::S(_) => Ok(ValueRef::SS(elements)),
        ValueRef::N(_) => Ok(ValueRef::NS(elements)),
        ValueRef::B(_) => Ok(ValueRef::BS(elements)),
        _ => Err(ImageError),
    }
}

fn number(negative: bool, coefficient: u128, exponent: i32) -> Result<Number, ImageError> {
    Number::from_parts(negative, coefficient, exponent).map_err(|_| ImageError)
}

/// The array of exponent and coefficient behind tag 4.
fn decimal(at: &mut Cursor<'_>) -> Result<Number, ImageError> {
    if at.open(Major::Array)? != 2 {
        return Err(ImageError);
    }
    let exponent = match at.head()? {
        (Major::Unsigned, n) => i32::try_from(n).map_err(|_| ImageError)?,
        (Major::Negative, n) => -1 - i32::try_from(n).map_err(|_| ImageError)?,
        _ => return Err(ImageError),
    };
    match at.head()? {
        (Major::Unsigned, n) => number(false, u128::from(n), exponent),
        (Major::Negative, n) => number(true, u128::from(n) + 1, exponent),
        (Major::Tag, tag @ (BIGNUM | NEGATIVE_BIGNUM)) => {
            let digits = match at.head()? {
                (Major::Bytes, length @ ..=16) => at.take(length)?,
                _ => return Err(ImageError),
            };
            let magnitude = digits.iter().fold(0u128, |sum, digit| sum << 8 | u128::from(*digit));
            let negative = tag == NEGATIVE_BIGNUM;
            let coefficient = magnitude.checked_add(u128::from(negative)).ok_or(ImageError)?;
            number(negative, coefficient, exponent)
        }
        _ => Err(ImageError),
    }
}

/// What a map or an array is read with: the decoder, and how many entries are left. Empty after an error.
struct Left<'a> {
    at: Cursor<'a>,
    left: usize,
    /// The head could not be read.
    broken: bool,
}

impl<'a> Left<'a> {
    fn new(bytes: &'a [u8], wanted: Major) -> Left<'a> {
        let mut at = Cursor::new(bytes);
        match at.open(wanted) {
            Ok(left) => Left { at, left, broken: false },
            Err(ImageError) => Left { at, left: 0, broken: true },
        }
    }

    fn next<T>(
        &mut self,
        read: impl Fn(&mut Cursor<'a>) -> Result<T, ImageError>,
    ) -> Option<Result<T, ImageError>> {
        if std::mem::take(&mut self.broken) {
            return Some(Err(ImageError));
        }
        self.left = self.left.checked_sub(1)?;
        let next = read(&mut self.at);
        if next.is_err() {
            self.left = 0;
        }
        Some(next)
    }
}

/// A map's entries, their values read by `R`.
pub(super) struct Entries<'a, R> {
    left: Left<'a>,
    read: R,
}

impl<'a, R> Entries<'a, R> {
    pub(super) fn new(bytes: &'a [u8], read: R) -> Entries<'a, R> {
        Entries { left: Left::new(bytes, Major::Map), read }
    }
}

impl<'a, T, R: Fn(&mut Cursor<'a>) -> Result<T, ImageError>> Iterator for Entries<'a, R> {
    type Item = Result<(&'a str, T), ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = &self.read;
        self.left.next(|at| Ok((text(at.name()?)?, read(at)?)))
    }
}

/// An array's elements, read by `R`.
pub(super) struct Values<'a, R> {
    left: Left<'a>,
    read: R,
}

impl<'a, R> Values<'a, R> {
    pub(super) fn new(bytes: &'a [u8], read: R) -> Values<'a, R> {
        Values { left: Left::new(bytes, Major::Array), read }
    }
}

impl<'a, T, R: Fn(&mut Cursor<'a>) -> Result<T, ImageError>> Iterator for Values<'a, R> {
    type Item = Result<T, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = &self.read;
        self.left.next(read)
    }
}

/// Decodes a map whole, so many levels deep at most.
pub(super) fn to_map(map: MapRef<'_>, depth: usize) -> Result<Map, ImageError> {
    let deeper = depth.checked_sub(1).ok_or(ImageError)?;
    let mut pairs = Vec::with_capacity(map.len()?.min(RESERVE));
    for entry in map.iter() {
        let (name, value) = entry?;
        pairs.push((Name::new(name), to_value(value, deeper)?));
    }
    Map::from_pairs(pairs).map_err(|_| ImageError)
}

/// Decodes a value whole, so many levels deep at most.
pub(super) fn to_value(value: ValueRef<'_>, depth: usize) -> Result<AttributeValue, ImageError> {
    Ok(match value {
        ValueRef::S(text) => AttributeValue::S(text.into()),
        ValueRef::N(number) => AttributeValue::N(number),
        ValueRef::B(bytes) => AttributeValue::B(bytes.to_vec()),
        ValueRef::Bool(yes) => AttributeValue::Bool(yes),
        ValueRef::Null => AttributeValue::Null,
        ValueRef::L(list) => {
            let deeper = depth.checked_sub(1).ok_or(ImageError)?;
            let mut elements = Vec::with_capacity(list.len()?.min(RESERVE));
            for element in list.iter() {
                elements.push(to_value(element?, deeper)?);
            }
            AttributeValue::L(elements)
        }
        ValueRef::M(map) => AttributeValue::M(to_map(map, depth)?),
        ValueRef::SS(set) => AttributeValue::SS(to_set(set, |element| match element {
            ValueRef::S(text) => Some(text.into()),
            _ => None,
        })?),
        ValueRef::NS(set) => AttributeValue::NS(to_set(set, |element| match element {
            ValueRef::N(number) => Some(number),
            _ => None,
        })?),
        ValueRef::BS(set) => AttributeValue::BS(to_set(set, |element| match element {
            ValueRef::B(bytes) => Some(bytes.to_vec()),
            _ => None,
        })?),
    })
}

fn to_set<'a, T: Ord>(
    set: SetRef<'a>,
    take: impl Fn(ValueRef<'a>) -> Option<T>,
) -> Result<Set<T>, ImageError> {
    let mut elements = Vec::with_capacity(set.len()?.min(RESERVE));
    for element in set.iter() {
        elements.push(take(element?).ok_or(ImageError)?);
    }
    Set::new(elements).map_err(|_| ImageError)
}
