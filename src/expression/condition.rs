//! Conditions and filters, bound, and their evaluation over an item's image in place.
//!
//! Nothing is decoded or copied: operands are bytes of the image or of a constant, equal exactly when the bytes are.

use std::cmp::Ordering;
use std::sync::Arc;

use super::constant::Constant;
use super::path::Path;
use super::syntax::Comparator;
use crate::model::{ImageError, MapRef, Number, ValueRef};

/// A ConditionExpression or FilterExpression, or its legacy form, ready to be asked of items.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub(super) test: Test,
    /// It comes from a legacy parameter.
    pub(super) legacy: bool,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Any(Vec<Test>),
    All(Vec<Test>),
    Not(Box<Test>),
    Compare(Comparator, Operand, Operand),
    /// The value, the lower and the upper bound, both included.
    Between([Operand; 3]),
    In(Operand, Vec<Operand>),
    /// Of a path.
    Exists(Operand),
    /// Of a path.
    NotExists(Operand),
    /// The type's letters.
    HasType(Operand, Operand),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
    /// NOT_CONTAINS of the legacy parameters: the attribute is there, and does not contain the value.
    Lacks(Operand, Operand),
}

/// What is looked at.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Path(Path),
    Value(Arc<Constant>),
    Size(Box<Operand>),
}

/// An operand's value.
#[derive(Clone, Copy)]
enum Found<'v> {
    Stored(&'v [u8]),
    Size(Number),
}

impl<'v> Found<'v> {
    fn value(self) -> Result<ValueRef<'v>, ImageError> {
        match self {
            Found::Stored(bytes) => ValueRef::read(bytes),
            Found::Size(size) => Ok(ValueRef::N(size)),
        }
    }

    fn equals(self, other: Found<'_>) -> Result<bool, ImageError> {
        Ok(match (self, other) {
            (Found::Stored(a), Found::Stored(b)) => a == b,
            (Found::Size(a), Found::Size(b)) => a == b,
            (Found::Stored(bytes), Found::Size(size)) | (Found::Size(size), Found::Stored(bytes)) => {
                matches!(ValueRef::read(bytes)?, ValueRef::N(number) if number == size)
            }
        })
    }

    /// The order of two strings, numbers or binaries; anything else has none.
    fn order(self, other: Found<'_>) -> Result<Option<Ordering>, ImageError> {
        Ok(match (self.value()?, other.value()?) {
            (ValueRef::S(a), ValueRef::S(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (ValueRef::N(a), ValueRef::N(b)) => Some(a.cmp(&b)),
            (ValueRef::B(a), ValueRef::B(b)) => Some(a.cmp(b)),
            _ => None,
        })
    }
}

impl Condition {
    /// Whether the item fulfils the condition. An item that is not there is an empty map.
    pub fn holds(&self, item: MapRef<'_>) -> Result<bool, ImageError> {
        self.test.holds(item)
    }

    /// Whether it comes from a legacy parameter: the service words some refusals by it.
    pub fn is_legacy(&self) -> bool {
        self.legacy
    }

    /// The attributes that it looks at, in the order of the expression; and whether inside of them.
    pub fn attributes(&self) -> Vec<(&str, bool)> {
        let mut found = Vec::new();
        self.test.each_operand(&mut |operand| operand.collect(&mut found));
        found
    }
}

impl Operand {
    fn find<'v>(&'v self, item: MapRef<'v>) -> Result<Option<Found<'v>>, ImageError> {
        match self {
            Operand::Path(path) => Ok(path.find(item)?.map(Found::Stored)),
            Operand::Value(constant) => Ok(Some(Found::Stored(constant.bytes()))),
            Operand::Size(inner) => match inner.find(item)? {
                Some(found) => Ok(size(found.value()?)?.map(Found::Size)),
                None => Ok(None),
            },
        }
    }

    fn collect<'o>(&'o self, found: &mut Vec<(&'o str, bool)>) {
        match self {
            Operand::Path(path) => found.push((&path.attribute, !path.inside.is_empty())),
            Operand::Value(_) => {}
            Operand::Size(inner) => inner.collect(found),
        }
    }
}

/// What `size` is of a value: UTF-16 units, bytes or elements; numbers, booleans and null have none.
fn size(value: ValueRef<'_>) -> Result<Option<Number>, ImageError> {
    let count = match value {
        ValueRef::S(text) => text.encode_utf16().count(),
        ValueRef::B(bytes) => bytes.len(),
        ValueRef::L(list) => list.len()?,
        ValueRef::M(map) => map.len()?,
        ValueRef::SS(set) | ValueRef::NS(set) | ValueRef::BS(set) => set.len()?,
        ValueRef::N(_) | ValueRef::Bool(_) | ValueRef::Null => return Ok(None),
    };
    Ok(Some(Number::from(count as u64)))
}

impl Test {
    fn holds(&self, item: MapRef<'_>) -> Result<bool, ImageError> {
        match self {
            Test::Any(parts) => {
                for part in parts {
                    if part.holds(item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::All(parts) => {
                for part in parts {
                    if !part.holds(item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Test::Not(inner) => inner.holds(item).map(|holds| !holds),
            Test::Compare(comparator, left, right) => {
                compare(*comparator, left.find(item)?, right.find(item)?)
            }
            Test::Between([value, low, high]) => {
                let value = value.find(item)?;
                Ok(compare(Comparator::GreaterOrEqual, value, low.find(item)?)?
                    && compare(Comparator::LessOrEqual, value, high.find(item)?)?)
            }
            Test::In(value, list) => {
                let value = value.find(item)?;
                for operand in list {
                    if compare(Comparator::Equal, value, operand.find(item)?)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Test::Exists(operand) => Ok(operand.find(item)?.is_some()),
            Test::NotExists(operand) => Ok(operand.find(item)?.is_none()),
            Test::HasType(value, name) => both(value, name, item, |value, name| {
                Ok(matches!(name.value()?, ValueRef::S(name) if name == value.value()?.type_name()))
            }),
            Test::BeginsWith(value, prefix) => both(value, prefix, item, |value, prefix| {
                Ok(match (value.value()?, prefix.value()?) {
                    (ValueRef::S(value), ValueRef::S(prefix)) => value.starts_with(prefix),
                    (ValueRef::B(value), ValueRef::B(prefix)) => value.starts_with(prefix),
                    _ => false,
                })
            }),
            Test::Contains(value, element) => both(value, element, item, contains),
            Test::Lacks(value, element) => both(value, element, item, |value, element| {
                contains(value, element).map(|contains| !contains)
            }),
        }
    }

    /// Calls for every operand, in order.
    fn each_operand<'t>(&'t self, each: &mut dyn FnMut(&'t Operand)) {
        match self {
            Test::Any(parts) | Test::All(parts) => parts.iter().for_each(|part| part.each_operand(each)),
            Test::Not(inner) => inner.each_operand(each),
            Test::Between(operands) => operands.iter().for_each(each),
            Test::In(value, list) => {
                each(value);
                list.iter().for_each(each);
            }
            Test::Exists(operand) | Test::NotExists(operand) => each(operand),
            Test::Compare(_, a, b)
            | Test::HasType(a, b)
            | Test::BeginsWith(a, b)
            | Test::Contains(a, b)
            | Test::Lacks(a, b) => {
                each(a);
                each(b);
            }
        }
    }
}

/// A test of two values, false where one is missing.
fn both<'v>(
    a: &'v Operand,
    b: &'v Operand,
    item: MapRef<'v>,
    test: impl FnOnce(Found<'v>, Found<'v>) -> Result<bool, ImageError>,
) -> Result<bool, ImageError> {
    match (a.find(item)?, b.find(item)?) {
        (Some(a), Some(b)) => test(a, b),
        _ => Ok(false),
    }
}

/// A comparison. What is missing equals nothing, not even what is missing too, and differs from everything; it fails
/// every order, as do values of types without one or of two types.
fn compare(
    comparator: Comparator,
    left: Option<Found<'_>>,
    right: Option<Found<'_>>,
) -> Result<bool, ImageError> {
    let (Some(left), Some(right)) = (left, right) else { return Ok(comparator == Comparator::NotEqual) };
    let order = match comparator {
        Comparator::Equal => return left.equals(right),
        Comparator::NotEqual => return left.equals(right).map(|equal| !equal),
        _ => left.order(right)?,
    };
    Ok(order.is_some_and(|order| match comparator {
        Comparator::Less => order.is_lt(),
        Comparator::LessOrEqual => order.is_le(),
        Comparator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

/// A part of a string or binary, an element of a set or list.
fn contains(value: Found<'_>, element: Found<'_>) -> Result<bool, ImageError> {
    match (value.value()?, element.value()?) {
        (ValueRef::S(value), ValueRef::S(part)) => Ok(value.contains(part)),
        (ValueRef::B(value), ValueRef::B(part)) => {
            Ok(part.is_empty() || value.windows(part.len()).any(|window| window == part))
        }
        (ValueRef::SS(set), ValueRef::S(_))
        | (ValueRef::NS(set), ValueRef::N(_))
        | (ValueRef::BS(set), ValueRef::B(_)) => among(set.iter_bytes(), element),
        (ValueRef::L(list), _) => among(list.iter_bytes(), element),
        _ => Ok(false),
    }
}

fn among<'v>(
    elements: impl Iterator<Item = Result<&'v [u8], ImageError>>,
    wanted: Found<'_>,
) -> Result<bool, ImageError> {
    for bytes in elements {
        if Found::Stored(bytes?).equals(wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}
