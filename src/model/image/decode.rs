//! Reading images in place, every step checked.

use minicbor::Decoder;
use minicbor::data::{Tag, Type};

use super::super::number::Number;
use super::super::value::{AttributeValue, Map, Name, Set};
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

/// Reads a map's head; returns the number of its entries, which is never more than could stand in the bytes left.
pub(super) fn map_head(at: &mut Decoder<'_>) -> Result<usize, ImageError> {
    let len = at.map()?;
    plausible(at, len)
}

/// Reads an array's head; returns the number of its elements, likewise.
pub(super) fn array_head(at: &mut Decoder<'_>) -> Result<usize, ImageError> {
    let len = at.array()?;
    plausible(at, len)
}

fn plausible(at: &Decoder<'_>, len: Option<u64>) -> Result<usize, ImageError> {
    let len = len.and_then(|len| usize::try_from(len).ok()).ok_or(ImageError)?;
    let left = at.input().len().saturating_sub(at.position());
    if len <= left { Ok(len) } else { Err(ImageError) }
}

/// Passes over a value; returns its bytes.
pub(super) fn skipped<'a>(at: &mut Decoder<'a>) -> Result<&'a [u8], ImageError> {
    let start = at.position();
    at.skip()?;
    since(at, start)
}

fn since<'a>(at: &Decoder<'a>, start: usize) -> Result<&'a [u8], ImageError> {
    at.input().get(start..at.position()).ok_or(ImageError)
}

/// Reads one value; of lists, maps and sets only where they begin and end.
pub(super) fn value<'a>(at: &mut Decoder<'a>) -> Result<ValueRef<'a>, ImageError> {
    Ok(match at.datatype()? {
        Type::String => ValueRef::S(at.str()?),
        Type::Bytes => ValueRef::B(at.bytes()?),
        Type::Bool => ValueRef::Bool(at.bool()?),
        Type::Null => {
            at.null()?;
            ValueRef::Null
        }
        Type::Array => ValueRef::L(ListRef(skipped(at)?)),
        Type::Map => ValueRef::M(MapRef(skipped(at)?)),
        Type::Tag => return tagged(at),
        _ => ValueRef::N(integer(at)?),
    })
}

fn tagged<'a>(at: &mut Decoder<'a>) -> Result<ValueRef<'a>, ImageError> {
    match at.tag()?.as_u64() {
        DECIMAL => Ok(ValueRef::N(decimal(at)?)),
        SET => {
            let mut first = at.clone();
            if array_head(&mut first)? == 0 {
                return Err(ImageError);
            }
            let kind = value(&mut first)?;
            let elements = SetRef(skipped(at)?);
            match kind {
                ValueRef::S(_) => Ok(ValueRef::SS(elements)),
                ValueRef::N(_) => Ok(ValueRef::NS(elements)),
                ValueRef::B(_) => Ok(ValueRef::BS(elements)),
                _ => Err(ImageError),
            }
        }
        _ => Err(ImageError),
    }
}

fn integer(at: &mut Decoder<'_>) -> Result<Number, ImageError> {
    let int = i128::from(at.int()?);
    Number::from_parts(int < 0, int.unsigned_abs(), 0).map_err(|_| ImageError)
}

fn decimal(at: &mut Decoder<'_>) -> Result<Number, ImageError> {
    if at.array()? != Some(2) {
        return Err(ImageError);
    }
    let exponent = at.i32()?;
    if at.datatype()? != Type::Tag {
        let int = i128::from(at.int()?);
        return Number::from_parts(int < 0, int.unsigned_abs(), exponent).map_err(|_| ImageError);
    }
    let tag = at.tag()?;
    let mut magnitude = 0u128;
    let digits = at.bytes()?;
    if digits.len() > 16 {
        return Err(ImageError);
    }
    for digit in digits {
        magnitude = magnitude << 8 | u128::from(*digit);
    }
    let negative = tag == Tag::new(NEGATIVE_BIGNUM);
    if !negative && tag != Tag::new(BIGNUM) {
        return Err(ImageError);
    }
    let coefficient = if negative { magnitude.checked_add(1).ok_or(ImageError)? } else { magnitude };
    Number::from_parts(negative, coefficient, exponent).map_err(|_| ImageError)
}

/// What a map or an array is read with: the decoder, and how many entries are left. Empty after an error.
struct Left<'a> {
    at: Decoder<'a>,
    left: usize,
    /// The head could not be read.
    broken: bool,
}

impl<'a> Left<'a> {
    fn new(bytes: &'a [u8], head: impl Fn(&mut Decoder<'a>) -> Result<usize, ImageError>) -> Left<'a> {
        let mut at = Decoder::new(bytes);
        match head(&mut at) {
            Ok(left) => Left { at, left, broken: false },
            Err(ImageError) => Left { at, left: 0, broken: true },
        }
    }

    fn next<T>(
        &mut self,
        read: impl Fn(&mut Decoder<'a>) -> Result<T, ImageError>,
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
        Entries { left: Left::new(bytes, map_head), read }
    }
}

impl<'a, T, R: Fn(&mut Decoder<'a>) -> Result<T, ImageError>> Iterator for Entries<'a, R> {
    type Item = Result<(&'a str, T), ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = &self.read;
        self.left.next(|at| Ok((at.str()?, read(at)?)))
    }
}

/// An array's elements.
pub(super) struct Values<'a>(Left<'a>);

impl<'a> Values<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Values<'a> {
        Values(Left::new(bytes, array_head))
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = Result<ValueRef<'a>, ImageError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next(value)
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
