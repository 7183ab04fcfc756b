use proptest::prelude::*;

use super::super::arbitrary;
use super::super::image::Image;
use super::super::limits;
use super::super::number::Number;
use super::*;

fn read(json: &str) -> Result<AttributeValue, DecodeError> {
    let mut parser = Jiter::new(json.as_bytes());
    let value = read_value(&mut parser);
    if !matches!(value, Err(DecodeError::Serialization(_))) {
        parser.finish().expect("the parser stands behind the value");
    }
    value
}

fn invalid(json: &str, text: &str) {
    match read(json) {
        Err(DecodeError::Validation(fault)) => assert_eq!(fault.to_string(), text, "{json}"),
        other => panic!("{json}: {other:?}"),
    }
}

fn misshapen(json: &str, text: &str) {
    assert_eq!(read(json), Err(DecodeError::Serialization(text.to_string())), "{json}");
}

#[test]
fn all_ten_types() {
    let json = r#"{"M":{"b":{"B":"/+8="},"bool":{"BOOL":false},"bs":{"BS":["","AA=="]},"l":{"L":[{"L":[]},{"M":{}}]},"n":{"N":"-23.2"},"ns":{"NS":["-1","0","1000"]},"null":{"NULL":true},"s":{"S":"\"\\\n\u0001é/😀"},"ss":{"SS":["","x"]}}}"#;
    let value = read(json).unwrap();
    let mut out = Vec::new();
    write_value(&value, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), json);
}

#[test]
fn leniency_of_the_service() {
    // Orders, spellings of numbers, unknown members, nulls, escapes, names given twice.
    assert_eq!(read(r#"{"NS":["1e3","-0.0"]}"#), read(r#"{"NS":["0","1000"]}"#));
    assert_eq!(read(r#" {"a":[{"b":{}}], "N":null,"S":"\u00e9"} "#), Ok(AttributeValue::S("é".into())));
    assert_eq!(
        read(r#"{"M":{"a":{"S":"x"},"a":{"S":"y"},"a":{"S":"z"}}}"#),
        read(r#"{"M":{"a":{"S":"z"}}}"#)
    );
    assert_eq!(read(r#"{"S":"x","S":"y"}"#), Ok(AttributeValue::S("y".into())));
}

#[test]
fn wrong_values() {
    let empty = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes";
    for json in [
        "{}",
        r#"{"a":""}"#,
        r#"{"S":null}"#,
        r#"{"M":{"a":{}}}"#,
        r#"{"L":[{}]}"#,
        r#"{"L":[{"a":1}]}"#,
        r#"{"L":[null]}"#,
    ] {
        invalid(json, empty);
    }
    let several = "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes";
    invalid(r#"{"S":"a","N":"1"}"#, several);
    let parameters = "One or more parameter values were invalid: ";
    for (json, text) in [
        (r#"{"NULL":false}"#, "Null attribute value types must have the value of true"),
        (r#"{"NULL":"no"}"#, "Null attribute value types must have the value of true"),
        (r#"{"SS":[]}"#, "An string set  may not be empty"),
        (r#"{"NS":[]}"#, "An number set  may not be empty"),
        (r#"{"BS":[]}"#, "Binary sets should not be empty"),
        (r#"{"SS":["a","a"]}"#, "Input collection [a, a] contains duplicates."),
        (r#"{"SS":["b","a","b"]}"#, "Input collection [b, a, b] contains duplicates."),
        (r#"{"BS":["Yg==","Yg=="]}"#, "Input collection [Yg==, Yg==]of type BS contains duplicates."),
    ] {
        invalid(json, &format!("{parameters}{text}"));
    }
    invalid(r#"{"M":{"":{"S":"a"}}}"#, "Empty attribute name");
    let numeric = "The parameter cannot be converted to a numeric value";
    invalid(r#"{"S":"","N":""}"#, numeric);
    invalid(r#"{"S":"a","N":"b"}"#, "The parameter cannot be converted to a numeric value: b");
    invalid(r#"{"NS":["1",""]}"#, numeric);
    invalid(r#"{"NS":["b"]}"#, "The parameter cannot be converted to a numeric value: b");
    for text in ["NaN", "Infinity", "-Infinity", " 1", "1 ", "0x10", "1_0", "--1", "1e", "."] {
        invalid(&format!(r#"{{"N":"{text}"}}"#), &format!("{numeric}: {text}"));
    }
    invalid(r#"{"NS":["1","1"]}"#, "Input collection contains duplicates");
    invalid(r#"{"NS":["1000","1e3"]}"#, "Input collection contains duplicates");
    let digits = "Attempting to store more than 38 significant digits in a Number";
    invalid(r#"{"N":"123456789012345678901234567890123456789"}"#, digits);
    invalid(r#"{"N":"-1.23456789012345678901234567890123456789"}"#, digits);
    let over = "Number overflow. Attempting to store a number with magnitude larger than supported range";
    invalid(r#"{"N":"1e126"}"#, over);
    invalid(r#"{"N":"-1e126"}"#, over);
    let under = "Number underflow. Attempting to store a number with magnitude smaller than supported range";
    invalid(r#"{"N":"1e-131"}"#, under);
}

#[test]
fn wrong_shapes() {
    for kind in ["S", "N"] {
        for (json, text) in [
            ("true", "TRUE_VALUE cannot be converted to String"),
            ("false", "FALSE_VALUE cannot be converted to String"),
            ("23", "NUMBER_VALUE cannot be converted to String"),
            ("-2147483648", "NUMBER_VALUE cannot be converted to String"),
            ("34.56", "DECIMAL_VALUE cannot be converted to String"),
            ("[]", "Unrecognized collection type class java.lang.String"),
            ("{}", "Start of structure or map found where not expected"),
        ] {
            misshapen(&format!(r#"{{"{kind}":{json}}}"#), text);
            misshapen(&format!(r#"{{"{kind}S":[{json}]}}"#), text);
        }
    }
    for (json, text) in [
        ("true", "only base-64-encoded strings are convertible to bytes"),
        ("23", "only base-64-encoded strings are convertible to bytes"),
        ("[]", "Unrecognized collection type class java.nio.ByteBuffer"),
        ("{}", "Start of structure or map found where not expected"),
        (r#""23456""#, "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
        (r#""=+/=""#, "Invalid last non-pad Base64 character dectected"),
        (r#""+/+=""#, "Invalid last non-pad Base64 character dectected"),
        (r#""ab-_""#, "Invalid Base64 character: '-'"),
    ] {
        misshapen(&format!(r#"{{"B":{json}}}"#), text);
        misshapen(&format!(r#"{{"BS":[{json}]}}"#), text);
    }
    for (json, text) in [
        (r#""23""#, "Unexpected token received from parser"),
        ("23", "NUMBER_VALUE cannot be converted to Boolean"),
        ("34.56", "DECIMAL_VALUE cannot be converted to Boolean"),
        ("[]", "Unrecognized collection type class java.lang.Boolean"),
        ("{}", "Start of structure or map found where not expected"),
    ] {
        misshapen(&format!(r#"{{"BOOL":{json}}}"#), text);
        misshapen(&format!(r#"{{"NULL":{json}}}"#), text);
    }
    for kind in ["L", "SS", "NS", "BS"] {
        misshapen(&format!(r#"{{"{kind}":"23"}}"#), "Unexpected field type");
        misshapen(&format!(r#"{{"{kind}":23}}"#), "Unexpected field type");
        misshapen(&format!(r#"{{"{kind}":{{}}}}"#), "Start of structure or map found where not expected");
    }
    misshapen(r#"{"M":true}"#, "Unexpected field type");
    misshapen(
        r#"{"M":[]}"#,
        "Unrecognized collection type java.util.Map<java.lang.String, com.amazonaws.dynamodb.v20120810.AttributeValue>",
    );
    misshapen("23", "Unexpected value type in payload");
    misshapen(r#"{"L":["x"]}"#, "Unexpected value type in payload");
    misshapen(
        r#"{"L":[[]]}"#,
        "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue",
    );
}

#[test]
fn broken_json() {
    for json in [
        "",
        "{",
        r#"{"S"#,
        r#"{"S":"x""#,
        r#"{"S":"x",}"#,
        r#"{"S":"x" "N":"1"}"#,
        r#"{S:"x"}"#,
        r#"{"S":"\ud800"}"#,
        "{\"S\":\"\n\"}",
        r#"{"L":[}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":nul}"#,
        r#"{"N":01}"#,
    ] {
        assert!(matches!(read(json), Err(DecodeError::Serialization(_))), "{json}");
    }
    for bytes in [&b"{\"S\":\"\xff\"}"[..], b"{\"a\":\"\xc3\"}", b"{\"\xff\":1}", b"{\"S\":\"\xed\xa0\x80\"}"]
    {
        let read = read_value(&mut Jiter::new(bytes));
        assert!(matches!(read, Err(DecodeError::Serialization(_))), "{bytes:?}");
    }
}

#[test]
fn a_wrong_shape_is_reported_before_a_wrong_value() {
    misshapen(r#"{"M":{"a":{"N":"x"},"b":{"S":1}}}"#, "NUMBER_VALUE cannot be converted to String");
    let mut parser = Jiter::new(br#"[{"a":{"N":"x"}},{"a":{"N":"1"}}]"#);
    parser.next_array().unwrap();
    assert!(matches!(read_item(&mut parser), Err(DecodeError::Validation(_))));
    parser.array_step().unwrap();
    assert_eq!(read_item(&mut parser).unwrap().get("a"), Some(&AttributeValue::N(Number::from(1i64))));
}

fn nested(levels: usize) -> String {
    format!("{}{{\"S\":\"leaf\"}}{}", r#"{"M":{"n":"#.repeat(levels), "}}".repeat(levels))
}

#[test]
fn nesting_to_32_levels() {
    let too_deep = "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit";
    assert!(read(&nested(limits::NESTING - 1)).is_ok());
    invalid(&nested(limits::NESTING), too_deep);
    invalid(&nested(200_000), too_deep);
    let lists = |levels: usize| format!("{}{}", r#"{"L":["#.repeat(levels), "]}".repeat(levels));
    assert!(read(&lists(limits::NESTING)).is_ok());
    invalid(&lists(200_000), too_deep);
    let unfinished = r#"{"L":["#.repeat(200_000);
    assert!(matches!(read(&unfinished), Err(DecodeError::Serialization(_))));
    // What is passed over may be as deep.
    let skipped = format!(r#"{{"x":{}{},"S":"y"}}"#, "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(read(&skipped), Ok(AttributeValue::S("y".into())));
    let endless = format!(r#"{{"x":{}"#, "[".repeat(3_000_000));
    assert!(matches!(read(&endless), Err(DecodeError::Serialization(_))));
}

#[test]
fn too_many_values_are_not_kept() {
    let too_large = "Item size has exceeded the maximum allowed size";
    let many = |element: &str| vec![element; limits::ITEM_SIZE + 1].join(",");
    invalid(&format!(r#"{{"L":[{}]}}"#, many(r#"{"L":[]}"#)), too_large);
    invalid(&format!(r#"{{"SS":[{}]}}"#, many(r#""""#)), too_large);
}

proptest! {
    #[test]
    fn items_come_back(item in arbitrary::item()) {
        let (mut from_item, mut from_image) = (Vec::new(), Vec::new());
        write_item(&item, &mut from_item);
        write_image(Image::encode(&item).as_map(), &mut from_image).unwrap();
        prop_assert_eq!(&from_item, &from_image);
        let mut parser = Jiter::new(&from_item);
        prop_assert_eq!(read_item(&mut parser).unwrap(), item);
        prop_assert!(parser.finish().is_ok());
    }

    #[test]
    fn strings_are_what_another_parser_reads(text in arbitrary::text()) {
        let mut out = Vec::new();
        write_string(&text, &mut out);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        item in arbitrary::item(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        write_item(&item, &mut bytes);
        for (at, with) in flips {
            let at = at.index(bytes.len());
            bytes[at] = with;
        }
        let _ = read_item(&mut Jiter::new(&bytes));
        bytes.truncate(cut.index(bytes.len() + 1));
        let _ = read_item(&mut Jiter::new(&bytes));
    }

    #[test]
    fn a_damaged_image_appends_nothing(item in arbitrary::item(), cut in any::<prop::sample::Index>()) {
        let bytes = Image::encode(&item).bytes().clone();
        let torn = &bytes[..cut.index(bytes.len())];
        let mut out = b"before".to_vec();
        prop_assert!(write_image(MapRef::new(torn), &mut out).is_err());
        prop_assert_eq!(out, b"before".to_vec());
    }
}
