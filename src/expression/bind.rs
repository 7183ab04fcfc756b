//! From a checked condition to a bound one: names and values are looked up, numbers and types of operands checked, operand
//! by operand in the order of the text.

use super::condition::{Operand, Test};
use super::error::Fault;
use super::limits;
use super::placeholders::Placeholders;
use super::syntax::{Call, Comparator, Condition, Operand as Written};
use crate::model::AttributeValue;

/// The names of types that `attribute_type` takes.
const TYPES: [&str; 10] = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];
/// What the service calls an operand of any type.
const ANY_TYPE: &str = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}";

/// Binds a condition.
pub(super) fn condition(condition: &Condition<'_>, to: &mut Placeholders) -> Result<Test, Fault> {
    let all = |parts: &[Condition<'_>], to: &mut Placeholders| {
        parts.iter().map(|part| self::condition(part, to)).collect::<Result<Vec<_>, Fault>>()
    };
    Ok(match condition {
        Condition::Any(parts) => Test::Any(all(parts, to)?),
        Condition::All(parts) => Test::All(all(parts, to)?),
        Condition::Not(inner) => Test::Not(Box::new(self::condition(inner, to)?)),
        Condition::Compare(comparator, left, right) => {
            let (left, right) = (operand(left, to)?, operand(right, to)?);
            distinct(comparator.text(), &left, [&right])?;
            if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
                ordered(comparator.text(), [&left, &right])?;
            }
            Test::Compare(*comparator, left, right)
        }
        Condition::Between([value, low, high]) => {
            let operands = [operand(value, to)?, operand(low, to)?, operand(high, to)?];
            let [value, low, high] = &operands;
            ordered("BETWEEN", [value, low, high])?;
            distinct("BETWEEN", value, [low, high])?;
            bounds(low, high)?;
            Test::Between(operands)
        }
        Condition::In(value, list) => {
            if list.len() > limits::IN_OPERANDS {
                return Err(Fault::TooManyInOperands(list.len()));
            }
            let value = operand(value, to)?;
            let list = list.iter().map(|element| operand(element, to)).collect::<Result<Vec<_>, _>>()?;
            distinct("IN", &value, &list)?;
            Test::In(value, list)
        }
        Condition::Call(call) => function(call, to)?,
    })
}

fn operand(written: &Written<'_>, to: &mut Placeholders) -> Result<Operand, Fault> {
    Ok(match written {
        Written::Path(path) => Operand::Path(to.path(path)?),
        Written::Value(key) => Operand::Value(to.value(key)?),
        // No other function may stand here.
        Written::Call(call) => {
            let [inner] = operands("size", call, to)?;
            if let Some(found @ ("N" | "BOOL" | "NULL")) = type_of(&inner) {
                return Err(Fault::OperandType { name: "size", found });
            }
            Operand::Size(Box::new(inner))
        }
    })
}

/// A function's operands, as many as it takes.
fn operands<const N: usize>(
    name: &'static str,
    call: &Call<'_>,
    to: &mut Placeholders,
) -> Result<[Operand; N], Fault> {
    let bound = call.operands.iter().map(|written| operand(written, to)).collect::<Result<Vec<_>, _>>()?;
    let bound: [Operand; N] =
        bound.try_into().map_err(|bound: Vec<_>| Fault::OperandCount { name, count: bound.len() })?;
    if let Some((first, rest)) = bound.split_first() {
        distinct(name, first, rest)?;
    }
    Ok(bound)
}

fn function(call: &Call<'_>, to: &mut Placeholders) -> Result<Test, Fault> {
    let path = |name: &'static str, operand: Operand| match operand {
        Operand::Path(_) => Ok(operand),
        _ => Err(Fault::PathRequired(name)),
    };
    Ok(match call.name {
        "attribute_exists" => {
            let [operand] = operands("attribute_exists", call, to)?;
            Test::Exists(path("attribute_exists", operand)?)
        }
        "attribute_not_exists" => {
            let [operand] = operands("attribute_not_exists", call, to)?;
            Test::NotExists(path("attribute_not_exists", operand)?)
        }
        "attribute_type" => {
            let [value, name] = operands("attribute_type", call, to)?;
            type_name(&name)?;
            Test::HasType(value, name)
        }
        "begins_with" => {
            let [value, prefix] = operands("begins_with", call, to)?;
            for operand in [&value, &prefix] {
                if let Some(found) = type_of(operand).filter(|found| !matches!(*found, "S" | "B")) {
                    return Err(Fault::OperandType { name: "begins_with", found });
                }
            }
            Test::BeginsWith(value, prefix)
        }
        // size may not stand here, and there is no other.
        _ => {
            let [value, element] = operands("contains", call, to)?;
            Test::Contains(value, element)
        }
    })
}

/// An operand's type, where it is known beforehand.
fn type_of(operand: &Operand) -> Option<&'static str> {
    match operand {
        Operand::Path(_) => None,
        Operand::Value(constant) => Some(constant.value().type_name()),
        Operand::Size(_) => Some("N"),
    }
}

/// Comparing something with itself is a mistake.
fn distinct<'o>(
    operator: &'static str,
    first: &Operand,
    rest: impl IntoIterator<Item = &'o Operand>,
) -> Result<(), Fault> {
    let Operand::Path(path) = first else { return Ok(()) };
    if rest.into_iter().any(|other| other == first) {
        return Err(Fault::NotDistinct { operator, path: path.to_string() });
    }
    Ok(())
}

/// Only strings, numbers and binaries have an order.
fn ordered<'o>(name: &'static str, operands: impl IntoIterator<Item = &'o Operand>) -> Result<(), Fault> {
    for operand in operands {
        if let Some(found) = type_of(operand).filter(|found| !matches!(*found, "S" | "N" | "B")) {
            return Err(Fault::OperandType { name, found });
        }
    }
    Ok(())
}

/// The bounds of BETWEEN, where both are constants: of one type, and in order.
fn bounds(low: &Operand, high: &Operand) -> Result<(), Fault> {
    let (Operand::Value(low), Operand::Value(high)) = (low, high) else { return Ok(()) };
    let texts = || (low.to_string(), high.to_string());
    let greater = match (low.value(), high.value()) {
        (AttributeValue::S(low), AttributeValue::S(high)) => low.as_bytes() > high.as_bytes(),
        (AttributeValue::N(low), AttributeValue::N(high)) => low > high,
        (AttributeValue::B(low), AttributeValue::B(high)) => low > high,
        _ => {
            let (low, high) = texts();
            return Err(Fault::BoundTypes { low, high });
        }
    };
    if greater {
        let (low, high) = texts();
        return Err(Fault::BoundOrder { low, high });
    }
    Ok(())
}

/// The second operand of `attribute_type`: a constant that names a type.
fn type_name(operand: &Operand) -> Result<(), Fault> {
    let wrong = |found| Err(Fault::OperandType { name: "attribute_type", found });
    match operand {
        Operand::Value(constant) => match constant.value() {
            AttributeValue::S(name) if TYPES.contains(&name.as_str()) => Ok(()),
            AttributeValue::S(name) => Err(Fault::TypeName(name.to_string())),
            other => wrong(other.type_name()),
        },
        Operand::Size(_) => wrong("N"),
        Operand::Path(_) => wrong(ANY_TYPE),
    }
}
