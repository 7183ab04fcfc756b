//! What holds for any bytes. `tests/fuzz/run` feeds these with a fuzzer; `tests/fuzz_seeds.rs` with the seeds kept here.

// Each target uses its part.
#![allow(dead_code, unreachable_pub, clippy::expect_used)]

use std::cmp::Ordering;

use bytes::Bytes;
use forebay::expression::{self, ExpressionError, Kind, Placeholders};
use forebay::ingest::cbor_value;
use forebay::model::dynamodb_json::{read_item, write_image, write_item};
use forebay::model::key::encode_sort;
use forebay::model::{AttributeValue, Image, KeyValue, Map, Number, index_key, plain_json, size};
use jiter::Jiter;

/// What is asked of some bytes.
pub type Check = fn(&[u8]);

/// Every target by its name, which is also its seeds' folder.
pub const TARGETS: [(&str, Check); 6] = [
    ("expressions", expressions),
    ("dynamodb_json", dynamodb_json),
    ("payloads", payloads),
    ("numbers", numbers),
    ("keys", keys),
    ("images", images),
];

/// An item of all types, with what the seeds' expressions name.
fn item() -> Map {
    let json = br#"{"pk":{"S":"p"},"a":{"S":"text"},"b":{"N":"12.5"},"c":{"L":[{"N":"1"},{"S":"x"},{"M":{"d":{"BOOL":true}}}]},
        "d":{"M":{"a":{"N":"-3"},"b":{"L":[{"NULL":true}]}}},"e":{"SS":["x","y"]},"f":{"NS":["1","2"]},"g":{"BS":["AA=="]},"h":{"B":"AAEC"}}"#;
    read_item(&mut Jiter::new(json)).expect("an item")
}

fn placeholders() -> Placeholders {
    let names =
        [("#n", "a"), ("#m", "d"), ("#s", "select")].map(|(key, name)| (key.to_owned(), name.to_owned()));
    let values = item().into_iter().map(|(name, value)| (format!(":{name}"), Ok(value))).collect();
    Placeholders::new(Some(names.to_vec()), Some(values)).expect("placeholders")
}

/// No text makes the parser panic; what it takes is evaluated, printed errors included. What an update makes is an item.
pub fn expressions(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let image = Image::encode(&item());
    let say = |error: ExpressionError| {
        let _ = error.to_string();
    };
    for kind in [Kind::Condition, Kind::Filter] {
        match expression::condition(kind, text, &mut placeholders()) {
            Ok(condition) => {
                let first = condition.holds(image.as_map()).expect("an image that was just made");
                assert_eq!(first, condition.holds(image.as_map()).expect("the same"), "{text}");
                condition.attributes();
            }
            Err(error) => say(error),
        }
    }
    expression::key_condition(text, &mut placeholders()).map_or_else(say, drop);
    match expression::projection(text, &mut placeholders()) {
        Ok(projection) => {
            let once = projection.apply(image.as_map()).expect("an image that was just made");
            assert!(once.bytes().len() <= image.bytes().len() + 16, "{text}: a projection adds nothing");
        }
        Err(error) => say(error),
    }
    match expression::update(text, &mut placeholders()) {
        Ok(update) => {
            update.touched();
            if let Ok(new) = update.apply(image.as_map()) {
                let encoded = Image::encode(&new);
                assert_eq!(encoded.as_map().to_map().expect("what was encoded"), new, "{text}");
            }
        }
        Err(error) => say(error),
    }
}

/// An item that is read comes out as it went in, through its image as well.
pub fn dynamodb_json(bytes: &[u8]) {
    let Ok(item) = read_item(&mut Jiter::new(bytes)) else { return };
    let mut text = Vec::new();
    write_item(&item, &mut text);
    assert_eq!(read_item(&mut Jiter::new(&text)).expect("what was written"), item);
    let image = Image::encode(&item);
    assert_eq!(image.as_map().to_map().expect("what was encoded"), item);
    let mut of_image = Vec::new();
    write_image(image.as_map(), &mut of_image).expect("what was encoded");
    assert_eq!(read_item(&mut Jiter::new(&of_image)).expect("what was written"), item);
    assert_eq!(size::item_size(&item), size::image_size(image.as_map()));
}

/// Devices' payloads: plain JSON and CBOR. What is taken can be kept, and written as plain JSON.
pub fn payloads(bytes: &[u8]) {
    let taken = [plain_json::read_value(bytes).ok(), cbor_value(bytes).ok()];
    for value in taken.into_iter().flatten() {
        let mut text = Vec::new();
        plain_json::write_value(&value, &mut text);
        let again = plain_json::read_value(&text);
        assert!(again.is_ok() || !is_plain(&value), "{}", String::from_utf8_lossy(&text));
        if let AttributeValue::M(map) = &value {
            assert_eq!(Image::encode(map).as_map().to_map().expect("what was encoded"), *map);
        }
    }
}

/// Sets and the like are written in forms that are read back as other types, or not at all.
fn is_plain(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::M(map) => map.iter().all(|(_, value)| is_plain(value)),
        AttributeValue::L(list) => list.iter().all(is_plain),
        AttributeValue::S(_) | AttributeValue::N(_) | AttributeValue::Bool(_) | AttributeValue::Null => true,
        _ => false,
    }
}

/// Two numbers, split by a line's end: each comes out as it went in, and their bytes are ordered as they are.
pub fn numbers(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, "0"));
    let (Ok(first), Ok(second)) = (Number::parse(first), Number::parse(second)) else { return };
    let ordered = |number: Number| {
        let mut bytes = Vec::new();
        number.encode_ordered(&mut bytes);
        bytes
    };
    for number in [first, second] {
        assert_eq!(Number::parse(&number.to_string()), Ok(number));
        let bytes = ordered(number);
        assert_eq!(Number::decode_ordered(&bytes), Some((number, bytes.len())));
        let (negative, coefficient, exponent) = number.parts();
        assert_eq!(Number::from_parts(negative, coefficient, exponent.into()), Ok(number));
    }
    assert_eq!(ordered(first).cmp(&ordered(second)), first.cmp(&second));
    if let Ok(sum) = first.checked_add(second) {
        assert_eq!(second.checked_add(first), Ok(sum));
        assert_eq!(
            sum.cmp(&first),
            second.cmp(&Number::parse("0").expect("zero")).then(Ordering::Equal),
            "{text}"
        );
    }
}

/// Two keys of one type, split by the first byte's count: order of encoded keys is order of values.
pub fn keys(bytes: &[u8]) {
    let Some((&at, rest)) = bytes.split_first() else { return };
    let (first, second) = rest.split_at(usize::from(at).min(rest.len()));
    in_order(KeyValue::B(first), KeyValue::B(second), first.cmp(second));
    if let (Ok(first), Ok(second)) = (std::str::from_utf8(first), std::str::from_utf8(second)) {
        in_order(KeyValue::S(first), KeyValue::S(second), first.cmp(second));
        if let (Ok(first), Ok(second)) = (Number::parse(first), Number::parse(second)) {
            in_order(KeyValue::N(first), KeyValue::N(second), first.cmp(&second));
        }
    }
}

fn in_order(first: KeyValue<'_>, second: KeyValue<'_>, order: Ordering) {
    let encoded = |encode: fn(KeyValue<'_>, &mut Vec<u8>), value| {
        let mut out = Vec::new();
        encode(value, &mut out);
        out
    };
    assert_eq!(encoded(encode_sort, first).cmp(&encoded(encode_sort, second)), order);
    let (a, b) = (encoded(index_key::encode_part, first), encoded(index_key::encode_part, second));
    assert_eq!(a.cmp(&b), order);
    assert!(order == Ordering::Equal || !b.starts_with(&a), "no value's bytes begin another's");
}

/// Bytes as they might stand on a damaged card: refused or read, never a panic.
pub fn images(bytes: &[u8]) {
    let image = Image::from_trusted(Bytes::copy_from_slice(bytes));
    let read = image.as_map().to_map();
    let _ = write_image(image.as_map(), &mut Vec::new());
    let _ = image.as_map().get("a");
    if let Ok(map) = read {
        let again = Image::encode(&map);
        assert_eq!(again.as_map().to_map().expect("what was encoded"), map);
    }
}
