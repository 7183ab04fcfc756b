//! Writing images: one pass, into the caller's buffer.

use minicbor::Encoder;
use minicbor::data::{Int, Tag};

use super::super::number::Number;
use super::super::value::{AttributeValue, Map};
use super::decode::{BIGNUM, DECIMAL, NEGATIVE_BIGNUM, SET};

/// Writing into a `Vec` cannot fail.
type Infallible = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

/// Something that has a canonical encoding by itself: what can stand in an image.
pub trait Canonical {
    /// Appends the encoding.
    fn encode_canonical(&self, out: &mut Vec<u8>);
}

impl Canonical for AttributeValue {
    fn encode_canonical(&self, out: &mut Vec<u8>) {
        let _: Infallible = value(self, &mut Encoder::new(out));
    }
}

impl Canonical for Number {
    fn encode_canonical(&self, out: &mut Vec<u8>) {
        let _: Infallible = number(self, &mut Encoder::new(out));
    }
}

/// Appends a map.
pub(super) fn map(item: &Map, out: &mut Vec<u8>) {
    let _: Infallible = members(item, &mut Encoder::new(out));
}

/// Appends a map of values that are encoded already, in the order of their names.
pub(super) fn entries(entries: &[(&str, &[u8])], out: &mut Vec<u8>) {
    let write = |out: &mut Vec<u8>| -> Infallible {
        Encoder::new(&mut *out).map(entries.len() as u64)?;
        for (name, value) in entries {
            Encoder::new(&mut *out).str(name)?;
            out.extend_from_slice(value);
        }
        Ok(())
    };
    let _: Infallible = write(out);
}

fn members(item: &Map, to: &mut Encoder<&mut Vec<u8>>) -> Infallible {
    to.map(item.len() as u64)?;
    for (name, member) in item.iter() {
        to.str(name)?;
        value(member, to)?;
    }
    Ok(())
}

fn value(what: &AttributeValue, to: &mut Encoder<&mut Vec<u8>>) -> Infallible {
    match what {
        AttributeValue::S(text) => to.str(text).map(drop),
        AttributeValue::N(n) => number(n, to),
        AttributeValue::B(bytes) => to.bytes(bytes).map(drop),
        AttributeValue::Bool(yes) => to.bool(*yes).map(drop),
        AttributeValue::Null => to.null().map(drop),
        AttributeValue::L(list) => {
            to.array(list.len() as u64)?;
            list.iter().try_for_each(|element| value(element, to))
        }
        AttributeValue::M(map) => members(map, to),
        AttributeValue::SS(set) => {
            set_head(set.as_slice().len(), to)?;
            set.as_slice().iter().try_for_each(|text| to.str(text).map(drop))
        }
        AttributeValue::NS(set) => {
            set_head(set.as_slice().len(), to)?;
            set.as_slice().iter().try_for_each(|n| number(n, to))
        }
        AttributeValue::BS(set) => {
            set_head(set.as_slice().len(), to)?;
            set.as_slice().iter().try_for_each(|bytes| to.bytes(bytes).map(drop))
        }
    }
}

fn set_head(len: usize, to: &mut Encoder<&mut Vec<u8>>) -> Infallible {
    to.tag(Tag::new(SET))?.array(len as u64).map(drop)
}

/// An integer where CBOR's 64 bits hold it, else exponent and coefficient. A [`Number`] is normalised, so that each
/// has one encoding.
fn number(what: &Number, to: &mut Encoder<&mut Vec<u8>>) -> Infallible {
    let (negative, coefficient, exponent) = what.parts();
    if let Some(int) = integer(negative, coefficient, exponent) {
        return to.int(int).map(drop);
    }
    to.tag(Tag::new(DECIMAL))?.array(2)?.i16(exponent)?;
    if let Some(int) = integer(negative, coefficient, 0) {
        return to.int(int).map(drop);
    }
    // RFC 8949, 3.4.3: a negative bignum n stands for -1 - n.
    let magnitude = if negative { coefficient - 1 } else { coefficient };
    let bytes = magnitude.to_be_bytes();
    let digits = bytes.get(magnitude.leading_zeros() as usize / 8..).unwrap_or_default();
    to.tag(Tag::new(if negative { NEGATIVE_BIGNUM } else { BIGNUM }))?.bytes(digits).map(drop)
}

/// The number as an integer from -2^64 to 2^64 - 1, where it is one.
fn integer(negative: bool, coefficient: u128, exponent: i16) -> Option<Int> {
    // 10^20 is beyond 2^64: no need to look further.
    let exponent = u32::try_from(exponent).ok().filter(|exponent| *exponent < 20)?;
    let magnitude = coefficient.checked_mul(10u128.pow(exponent))?;
    let signed = i128::try_from(magnitude).ok()?;
    Int::try_from(if negative { -signed } else { signed }).ok()
}
