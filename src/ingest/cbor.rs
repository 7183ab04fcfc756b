//! CBOR (RFC 8949) payloads, bounded in depth and number of values.

use minicbor::data::{Tag, Type};
use minicbor::decode::Decoder;

use super::float;
use crate::model::{AttributeValue, Map, Name, Number, Set, limits};

/// The most values kept of one item: each counts for a byte at least, so that more of them cannot be an item. A byte may
/// claim to be one, and each takes some fifty in memory.
const VALUES: usize = limits::ITEM_SIZE;

/// The tag that only says that this is CBOR.
const SELF_DESCRIBED: u64 = 55_799;

/// Why bytes are not CBOR that can be kept as a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// Not CBOR, or cut off.
    #[error("not CBOR at byte {at}: {what}")]
    Syntax {
        /// Where, from 0.
        at: usize,
        /// What is wrong.
        what: String,
    },
    /// CBOR, but not a value DynamoDB can hold.
    #[error("{0}")]
    Value(String),
}

/// Reads one CBOR value; nothing may follow it.
pub fn cbor_value(bytes: &[u8]) -> Result<AttributeValue, CborError> {
    let mut reader = Reader::new(bytes)?;
    let value = reader.value(0)?;
    reader.end()?;
    Ok(value)
}

/// Reads one CBOR value, or the elements of an array of them, each as by [`cbor_value`], and hands them on one by one: the
/// array is never in memory. An error of `each` ends the reading. Tells whether it was an array.
pub fn cbor_values<E: From<CborError>>(
    bytes: &[u8],
    mut each: impl FnMut(AttributeValue) -> Result<(), E>,
) -> Result<bool, E> {
    let mut reader = Reader::new(bytes)?;
    if !matches!(reader.read(|d| d.datatype())?, Type::Array | Type::ArrayIndef) {
        let value = reader.value(0)?;
        reader.end()?;
        each(value)?;
        return Ok(false);
    }
    let mut left = reader.read(Decoder::array)?;
    let mut at = 0usize;
    while reader.more(&mut left)? {
        reader.left = VALUES;
        let value = reader.value(0).map_err(|error| match error {
            CborError::Value(text) => CborError::Value(format!("element {at}: {text}")),
            syntax => syntax,
        })?;
        each(value)?;
        at += 1;
    }
    reader.end()?;
    Ok(true)
}

struct Reader<'b> {
    decoder: Decoder<'b>,
    left: usize,
}

type Read = Result<AttributeValue, CborError>;

impl<'b> Reader<'b> {
    fn new(bytes: &'b [u8]) -> Result<Reader<'b>, CborError> {
        let mut reader = Reader { decoder: Decoder::new(bytes), left: VALUES };
        while reader.read(|d| d.datatype())? == Type::Tag {
            let start = reader.decoder.position();
            if reader.read(Decoder::tag)?.as_u64() != SELF_DESCRIBED {
                reader.decoder.set_position(start);
                break;
            }
        }
        Ok(reader)
    }

    fn end(&self) -> Result<(), CborError> {
        match self.decoder.position() {
            at if at == self.decoder.input().len() => Ok(()),
            at => Err(CborError::Syntax { at, what: "something follows the value".into() }),
        }
    }

    fn syntax(&self, error: &minicbor::decode::Error) -> CborError {
        CborError::Syntax { at: self.decoder.position(), what: error.to_string() }
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<T, minicbor::decode::Error>,
    ) -> Result<T, CborError> {
        read(&mut self.decoder).map_err(|error| self.syntax(&error))
    }

    /// The value at this depth of lists, maps and tags.
    fn value(&mut self, depth: usize) -> Read {
        self.left = self.left.checked_sub(1).ok_or_else(|| refuse(format!("more than {VALUES} values")))?;
        let start = self.decoder.position();
        match self.read(|d| d.datatype())? {
            Type::Bool => self.read(Decoder::bool).map(AttributeValue::Bool),
            Type::Null => self.read(Decoder::null).map(|()| AttributeValue::Null),
            Type::Undefined => self.read(Decoder::undefined).map(|()| AttributeValue::Null),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
                self.read(Decoder::u64).map(|n| AttributeValue::N(n.into()))
            }
            Type::I8 | Type::I16 | Type::I32 | Type::I64 | Type::Int => {
                let int = i128::from(self.read(Decoder::int)?);
                integer(int < 0, int.unsigned_abs())
            }
            Type::F16 => {
                self.read(Decoder::f16)?;
                let bits = self.decoder.input().get(start + 1..start + 3).and_then(|b| b.try_into().ok());
                number(bits.and_then(|b| float::half(u16::from_be_bytes(b))))
            }
            Type::F32 => self.read(Decoder::f32).and_then(|f| number(float::single(f))),
            Type::F64 => self.read(Decoder::f64).and_then(|f| number(float::double(f))),
            Type::Bytes | Type::BytesIndef => self.bytes().map(AttributeValue::B),
            Type::String => self.read(Decoder::str).map(|text| AttributeValue::S(text.into())),
            Type::StringIndef => self.text().map(|text| AttributeValue::S(text.into())),
            Type::Array | Type::ArrayIndef => self.list(deeper(depth)?).map(AttributeValue::L),
            Type::Map | Type::MapIndef => self.map(deeper(depth)?),
            Type::Tag => self.tagged(deeper(depth)?),
            Type::Simple | Type::Break | Type::Unknown(_) => {
                Err(CborError::Syntax { at: start, what: "a simple value without a meaning here".into() })
            }
        }
    }

    fn bytes(&mut self) -> Result<Vec<u8>, CborError> {
        self.read(|d| {
            let mut all = Vec::new();
            for chunk in d.bytes_iter()? {
                all.extend_from_slice(chunk?);
            }
            Ok(all)
        })
    }

    fn text(&mut self) -> Result<String, CborError> {
        self.read(|d| {
            let mut all = String::new();
            for chunk in d.str_iter()? {
                all.push_str(chunk?);
            }
            Ok(all)
        })
    }

    /// Whether another element follows, given how many a definite length has left.
    fn more(&mut self, left: &mut Option<u64>) -> Result<bool, CborError> {
        match left {
            Some(0) => Ok(false),
            Some(n) => {
                *n -= 1;
                Ok(true)
            }
            None if self.read(|d| d.datatype())? == Type::Break => {
                self.decoder.set_position(self.decoder.position() + 1);
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Vec<AttributeValue>, CborError> {
        let mut left = self.read(Decoder::array)?;
        let mut list = Vec::new();
        while self.more(&mut left)? {
            list.push(self.value(depth)?);
        }
        Ok(list)
    }

    fn map(&mut self, depth: usize) -> Read {
        let mut left = self.read(Decoder::map)?;
        let mut pairs = Vec::new();
        while self.more(&mut left)? {
            let name = self.name()?;
            pairs.push((name, self.value(depth)?));
        }
        let map = Map::from_pairs(pairs);
        map.map(AttributeValue::M).map_err(|name| refuse(format!("the name \"{name}\" is there twice")))
    }

    /// A member's name: text, or an integer (as SenML has them).
    fn name(&mut self) -> Result<Name, CborError> {
        let name: Name = match self.read(|d| d.datatype())? {
            Type::String => self.read(Decoder::str)?.into(),
            Type::StringIndef => self.text()?.into(),
            Type::U8
            | Type::U16
            | Type::U32
            | Type::U64
            | Type::I8
            | Type::I16
            | Type::I32
            | Type::I64
            | Type::Int => {
                compact_str::format_compact!("{}", i128::from(self.read(Decoder::int)?))
            }
            _ => return Err(refuse("a member's name is neither text nor an integer".into())),
        };
        match name.len() {
            0 => Err(refuse("a member's name is empty".into())),
            n if n > limits::ATTRIBUTE_NAME => {
                Err(refuse("a member's name is longer than 65,535 bytes".into()))
            }
            _ => Ok(name),
        }
    }

    fn tagged(&mut self, depth: usize) -> Read {
        let tag = self.read(Decoder::tag)?;
        match tag.as_u64() {
            2 | 3 => self.bignum(tag == Tag::new(3)),
            4 => self.decimal(depth),
            5 => Err(refuse("bigfloats (tag 5) can't be stored exactly".into())),
            258 => set(self.list(depth)?),
            _ => self.value(depth),
        }
    }

    /// Tags 2 and 3: `n`, or `-1 - n`.
    fn bignum(&mut self, negative: bool) -> Read {
        let bytes = self.bytes()?;
        let mut magnitude: u128 = 0;
        for byte in bytes {
            magnitude = magnitude
                .checked_mul(256)
                .and_then(|m| m.checked_add(u128::from(byte)))
                .ok_or_else(|| refuse("a bignum beyond 38 digits".into()))?;
        }
        match negative {
            true => {
                magnitude.checked_add(1).map_or_else(|| number(None), |magnitude| integer(true, magnitude))
            }
            false => integer(false, magnitude),
        }
    }

    /// Tag 4: an array of exponent and coefficient.
    fn decimal(&mut self, depth: usize) -> Read {
        let parts = self.list(depth)?;
        let [AttributeValue::N(exponent), AttributeValue::N(coefficient)] = parts.as_slice() else {
            return Err(refuse("a decimal fraction (tag 4) is not an array of two integers".into()));
        };
        let (negative, digits, own) = coefficient.parts();
        let exponent = exponent.to_i64().filter(|e| (-10_000..=10_000).contains(e) && own >= 0);
        let exponent = exponent.and_then(|e| i32::try_from(e + i64::from(own)).ok());
        let exponent = exponent.ok_or_else(|| refuse("a decimal fraction (tag 4) out of range".into()))?;
        number(Number::from_parts(negative, digits, exponent).ok())
    }
}

/// Tag 258: a set, where the elements make one.
fn set(elements: Vec<AttributeValue>) -> Read {
    let (mut strings, mut numbers, mut binaries) = (Vec::new(), Vec::new(), Vec::new());
    let count = elements.len();
    for element in elements {
        match element {
            AttributeValue::S(text) => strings.push(text),
            AttributeValue::N(number) => numbers.push(number),
            AttributeValue::B(bytes) => binaries.push(bytes),
            _ => {
                return Err(refuse(
                    "a set (tag 258) holds something else than text, numbers or bytes".into(),
                ));
            }
        }
    }
    let set = if strings.len() == count {
        Set::new(strings).map(AttributeValue::SS)
    } else if numbers.len() == count {
        Set::new(numbers).map(AttributeValue::NS)
    } else if binaries.len() == count {
        Set::new(binaries).map(AttributeValue::BS)
    } else {
        return Err(refuse("a set (tag 258) holds different types".into()));
    };
    set.map_err(|reason| refuse(reason.to_string()))
}

fn deeper(depth: usize) -> Result<usize, CborError> {
    match depth + 1 {
        depth if depth > limits::NESTING => {
            Err(refuse(format!("nested deeper than {} levels", limits::NESTING)))
        }
        depth => Ok(depth),
    }
}

fn integer(negative: bool, magnitude: u128) -> Read {
    number(Number::from_parts(negative, magnitude, 0).ok())
}

fn number(number: Option<Number>) -> Read {
    number.map(AttributeValue::N).ok_or_else(|| {
        refuse("a number that DynamoDB can't hold (NaN, infinite, beyond 38 digits or out of range)".into())
    })
}

fn refuse(reason: String) -> CborError {
    CborError::Value(reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::plain_json;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    fn shown(text: &str) -> Result<String, CborError> {
        let mut out = Vec::new();
        plain_json::write_value(&cbor_value(&hex(text))?, &mut out);
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_examples_of_rfc_8949() {
        for (bytes, wanted) in [
            ("00", "0"),
            ("1818", "24"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("c249010000000000000000", "18446744073709551616"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("c349010000000000000000", "-18446744073709551617"),
            ("f90000", "0"),
            ("f98000", "0"),
            ("f93c00", "1"),
            ("fb3ff199999999999a", "1.1"),
            ("f93e00", "1.5"),
            ("f97bff", "65500"),
            ("fa47c35000", "100000"),
            ("fa3dcccccd", "0.1"),
            ("f90001", "0.00000006"),
            ("f90400", "0.00006104"),
            ("fbc010666666666666", "-4.1"),
            ("f5", "true"),
            ("f6", "null"),
            ("f7", "null"),
            ("c11a514b67b0", "1363896240"),
            ("c074323031332d30332d32315432303a30343a30305a", "\"2013-03-21T20:04:00Z\""),
            ("4401020304", "\"AQIDBA==\""),
            ("62c3bc", "\"ü\""),
            ("8301820203820405", "[1,[2,3],[4,5]]"),
            ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#),
            ("a201020304", r#"{"1":2,"3":4}"#),
            ("5f42010243030405ff", "\"AQIDBAU=\""),
            ("7f657374726561646d696e67ff", "\"streaming\""),
            ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
            ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
            ("c48221196ab3", "273.15"),
            ("d9d9f701", "1"),
        ] {
            assert_eq!(shown(bytes).as_deref(), Ok(wanted), "{bytes}");
        }
    }

    #[test]
    fn sets_keep_their_type() {
        let set = Set::new(vec![Number::from(1u64), Number::from(2u64)]).unwrap();
        assert_eq!(cbor_value(&hex("d90102820201")), Ok(AttributeValue::NS(set)));
        assert!(shown("d9010280").is_err());
        assert!(shown("d9010282016161").is_err());
    }

    #[test]
    fn what_cannot_be_kept_is_refused() {
        for bytes in [
            "f97e00",
            "f97c00",
            "fa7f800000",
            "fb7ff8000000000000",
            "fb7e37e43c8800759c",
            "c24f01000000000000000000000000000000",
            "f0",
            "ff",
            "a2616101616102",
            "a16001",
            "a1f501",
            "c5822003",
            "",
            "18",
            "0000",
            "61ff",
            "9f01",
            "bf6161ff",
            "c482f50a",
            "5bffffffffffffffff",
            "9bffffffffffffffff",
            "bbffffffffffffffff",
        ] {
            assert!(shown(bytes).is_err(), "{bytes}: {:?}", shown(bytes));
        }
        assert!(cbor_value(&[0x81; 100_000]).unwrap_err().to_string().contains("nested deeper"));
        assert!(cbor_value(&[0xc6; 100_000]).unwrap_err().to_string().contains("nested deeper"));
        let mut many = vec![0x9a, 0x00, 0x20, 0x00, 0x00];
        many.resize(5 + 0x20_0000, 0);
        assert!(cbor_value(&many).unwrap_err().to_string().contains("values"));
    }

    #[test]
    fn an_arrays_elements_one_by_one() {
        let all = |text: &str| {
            let mut seen = Vec::new();
            let array = cbor_values(&hex(text), |value| {
                seen.push(value);
                Ok::<(), CborError>(())
            });
            (array, seen.len())
        };
        assert_eq!(all("8301820203820405"), (Ok(true), 3));
        assert_eq!(all("9f01820203ff"), (Ok(true), 2));
        assert_eq!(all("d9d9f78101"), (Ok(true), 1));
        assert_eq!(all("a10102"), (Ok(false), 1));
        let (error, seen) = all("8201f97e00");
        assert!(error.unwrap_err().to_string().starts_with("element 1: "));
        assert_eq!(seen, 1);
        assert!(all("810100").0.is_err());
        let refused = cbor_values(&hex("8101"), |_| Err(CborError::Value("stop".into())));
        assert_eq!(refused, Err(CborError::Value("stop".into())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = cbor_value(&bytes);
            let _ = cbor_values(&bytes, |_| Ok::<(), CborError>(()));
        }
    }
}
