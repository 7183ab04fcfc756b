use proptest::prelude::*;

use super::super::arbitrary;
use super::super::image::Image;
use super::super::limits;
use super::super::number::Number;
use super::super::value::Set;
use super::*;

fn again(json: &str) -> String {
    let mut out = Vec::new();
    write_value(&read_value(json.as_bytes()).unwrap(), &mut out);
    String::from_utf8(out).unwrap()
}

fn wrong(json: &str) -> String {
    match read_value(json.as_bytes()) {
        Err(PlainError::Value(text)) => text,
        other => panic!("{json}: {other:?}"),
    }
}

#[test]
fn shapes() {
    assert_eq!(
        again(r#" {"b":[1,"x",null,true,{}],"a":{"é":"\u00e9"}} "#),
        r#"{"a":{"é":"é"},"b":[1,"x",null,true,{}]}"#
    );
    assert_eq!(again("[]"), "[]");
    assert_eq!(again("\"\""), "\"\"");
}

#[test]
fn numbers_keep_every_digit() {
    for (given, back) in [
        ("23.20", "23.2"),
        ("43.70", "43.7"),
        ("0.1", "0.1"),
        ("-0", "0"),
        ("1e3", "1000"),
        ("1E+2", "100"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551616", "18446744073709551616"),
        ("12345678901234567890123456789012345678", "12345678901234567890123456789012345678"),
        ("0.12345678901234567890123456789012345678", "0.12345678901234567890123456789012345678"),
        ("10000000000000000000000000000000000000000000", "10000000000000000000000000000000000000000000"),
    ] {
        assert_eq!(again(given), back);
    }
}

#[test]
fn what_no_item_can_hold() {
    assert_eq!(wrong("1e126"), "the number 1e126 is too large: magnitudes end below 1E126");
    assert_eq!(
        wrong(r#"{"a":[1,{"b":1e-131}]}"#),
        "at /a/1/b: the number 1e-131 is too small: magnitudes begin at 1E-130"
    );
    assert!(wrong(&"1".repeat(39)).ends_with("has more than 38 significant digits"));
    assert!(wrong(&"1".repeat(5000)).ends_with("more than 38 significant digits"));
    assert_eq!(wrong(r#"{"a":{"x":1,"x":2}}"#), "at /a: the name \"x\" is there twice");
    assert_eq!(wrong(r#"{"":1}"#), "a name is empty");
    assert!(wrong(&format!(r#"{{"{}":1}}"#, "n".repeat(limits::ATTRIBUTE_NAME + 1))).contains("longer than"));
    assert!(
        wrong(&format!("[{}]", vec!["[]"; limits::ITEM_SIZE].join(","))).contains("values cannot be an item")
    );
}

#[test]
fn nesting_to_32_levels() {
    let nested = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read_value(nested(limits::NESTING).as_bytes()).is_ok());
    assert!(wrong(&nested(limits::NESTING + 1)).ends_with("nested deeper than 32 levels"));
    assert!(wrong(&"[".repeat(200_000)).ends_with("nested deeper than 32 levels"));
    assert!(wrong(&r#"{"a":"#.repeat(200_000)).ends_with("nested deeper than 32 levels"));
}

#[test]
fn syntax_errors_have_a_position() {
    let Err(PlainError::Syntax { line, column, .. }) = read_value(b"{\"a\": 1,\n \"b\": nope}") else {
        panic!("not JSON")
    };
    assert_eq!((line, column > 1), (2, true));
    for json in [
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "1 2",
        "NaN",
        "Infinity",
        "-",
        "01",
        "1.",
        "+1",
        "'a'",
        "{a:1}",
        "\u{feff}1",
        "\"\\x\"",
        "\"\\ud800\"",
        "\"a\nb\"",
        "tru",
    ] {
        assert!(matches!(read_value(json.as_bytes()), Err(PlainError::Syntax { .. })), "{json}");
    }
    for bytes in [&b"\"\xff\""[..], b"{\"\xff\":1}", b"\"\xed\xa0\x80\"", b"\xff", b"\"\xc3"] {
        assert!(matches!(read_value(bytes), Err(PlainError::Syntax { .. })), "{bytes:?}");
    }
}

#[test]
fn sets_and_binary() {
    let mut item = Map::new();
    item.insert("b", AttributeValue::B(vec![255, 239]));
    item.insert("bs", AttributeValue::BS(Set::new(vec![vec![0], vec![]]).unwrap()));
    item.insert("ns", AttributeValue::NS(Set::new(vec![Number::from(2i64), Number::from(-1i64)]).unwrap()));
    item.insert("ss", AttributeValue::SS(Set::new(vec!["b".into(), "a".into()]).unwrap()));
    let mut out = Vec::new();
    write_map(&item, &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        r#"{"b":"/+8=","bs":["","AA=="],"ns":[-1,2],"ss":["a","b"]}"#
    );
}

#[test]
fn elements_one_by_one() {
    let read = |json: &str| {
        let mut seen = Vec::new();
        read_values::<PlainError>(json.as_bytes(), |value| {
            seen.push(value);
            Ok(())
        })
        .map(|array| (array, seen.len()))
    };
    assert_eq!(read("{\"a\":[1,2]}"), Ok((false, 1)));
    assert_eq!(read("[{\"a\":1},2,[3]]"), Ok((true, 3)));
    assert_eq!(read("[]"), Ok((true, 0)));
    assert_eq!(
        read("[1,{\"a\":1e126}]").unwrap_err().to_string().split(": the").next(),
        Some("element 1: at /a")
    );
    assert!(matches!(read("[1] 2"), Err(PlainError::Syntax { .. })));
    assert!(matches!(read("[1"), Err(PlainError::Syntax { .. })));
    // The bound on values is each element's own.
    assert!(read(&format!("[{}]", vec!["{}"; limits::ITEM_SIZE + 1].join(","))).is_ok());
}

/// What plain JSON can express.
fn plain(value: AttributeValue) -> AttributeValue {
    match value {
        AttributeValue::L(list) => AttributeValue::L(list.into_iter().map(plain).collect()),
        AttributeValue::M(map) => {
            let pairs = map.into_iter().map(|(name, value)| (name, plain(value))).collect();
            AttributeValue::M(Map::from_pairs(pairs).unwrap())
        }
        AttributeValue::B(_) | AttributeValue::SS(_) | AttributeValue::NS(_) | AttributeValue::BS(_) => {
            AttributeValue::Null
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn plain_values_come_back(value in arbitrary::value().prop_map(plain)) {
        let mut out = Vec::new();
        write_value(&value, &mut out);
        prop_assert_eq!(read_value(&out).unwrap(), value);
    }

    #[test]
    fn images_and_items_are_written_alike_and_as_json(item in arbitrary::item()) {
        let (mut from_item, mut from_image) = (Vec::new(), Vec::new());
        write_map(&item, &mut from_item);
        write_image(Image::encode(&item).as_map(), &mut from_image).unwrap();
        prop_assert_eq!(&from_item, &from_image);
        prop_assert!(read_value(&from_item).is_ok());
        prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&from_item).is_ok());
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        item in arbitrary::item(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = Vec::new();
        write_map(&item, &mut bytes);
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        let _ = read_value(&bytes);
        let _ = read_values::<PlainError>(&bytes, |_| Ok(()));
    }
}
