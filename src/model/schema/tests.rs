use super::*;
use crate::model::Image;

fn attribute(name: &str, key_type: KeyType) -> KeyAttribute {
    KeyAttribute { name: name.into(), key_type }
}

fn table() -> TableDef {
    TableDef {
        ttl: Some(TtlAttribute { attribute: "expires_at".into() }),
        ..TableDef::new(
            TableId::FIRST,
            TableName::new("readings").unwrap(),
            KeySchema { partition: attribute("device", KeyType::S), sort: Some(attribute("ts", KeyType::N)) },
        )
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: &str) -> AttributeValue {
    AttributeValue::N(Number::parse(value).unwrap())
}

fn item(pairs: &[(&str, AttributeValue)]) -> Map {
    Map::from_pairs(pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()).unwrap()
}

#[test]
fn table_names() {
    let longest = "x".repeat(255);
    for name in ["abc", "a.b", "A-1_z", "...", &longest] {
        assert_eq!(TableName::new(name).unwrap().as_str(), name);
    }
    for name in ["", "ab", "a b", "täble", "a/b", "abc\0", &format!("{longest}x")] {
        assert_eq!(TableName::new(name), None, "{name:?}");
    }
}

#[test]
fn keys_come_from_items_and_images_alike() {
    let keys = table().keys;
    let missing = |name: &str| Err(KeyError::Missing { name: name.into() });
    let wrong =
        |name: &str, expected, actual| Err(KeyError::WrongType { name: name.into(), expected, actual });
    let five = Number::from(5_u64);
    let set = AttributeValue::NS(crate::model::Set::new(vec![five]).unwrap());
    let cases = [
        (item(&[("device", text("a")), ("ts", number("5.0")), ("x", text(""))]), Ok(("a", five))),
        (item(&[("ts", number("5"))]), missing("device")),
        (item(&[("device", text("a"))]), missing("ts")),
        (item(&[("device", number("1")), ("ts", number("5"))]), wrong("device", KeyType::S, "N")),
        (item(&[("device", text("a")), ("ts", text("5"))]), wrong("ts", KeyType::N, "S")),
        (item(&[("device", text("a")), ("ts", set)]), wrong("ts", KeyType::N, "NS")),
        (item(&[("device", AttributeValue::Null), ("ts", text("5"))]), wrong("device", KeyType::S, "NULL")),
        (item(&[("device", text("")), ("ts", number("5"))]), Err(KeyError::Empty { name: "device".into() })),
        (
            item(&[("device", text(&"x".repeat(2049))), ("ts", number("5"))]),
            Err(KeyError::TooLong { name: "device".into(), limit: 2048 }),
        ),
    ];
    for (item, expected) in cases {
        let image = Image::encode(&item);
        let expected = expected.map(|(device, ts)| (KeyValue::S(device), Some(KeyValue::N(ts))));
        assert_eq!(keys.key_of(&item), expected);
        assert_eq!(keys.key_of_image(image.as_map()), expected);
    }
}

#[test]
fn a_damaged_image_has_no_key() {
    let keys = table().keys;
    let item = item(&[("device", text("a")), ("ts", number("5"))]);
    let image = Image::encode(&item);
    let bytes = image.bytes();
    for length in 0..bytes.len() {
        assert!(keys.key_of_image(MapRef::new(&bytes[..length])).is_err());
    }
}

#[test]
fn expiry_times() {
    let table = table();
    let expiry = |value| {
        let item = item(&[("expires_at", value)]);
        let expiry = table.expiry_of(Image::encode(&item).as_map());
        assert_eq!(table.expiry_of_item(&item), expiry);
        expiry
    };
    assert_eq!(expiry(number("1732341600")), Some(1_732_341_600));
    assert_eq!(expiry(number("1732341600.001")), Some(1_732_341_601));
    assert_eq!(expiry(number("0")), Some(0));
    assert_eq!(expiry(number("-1")), None);
    assert_eq!(expiry(number("-0.5")), None);
    assert_eq!(expiry(number("1e40")), None);
    assert_eq!(expiry(text("1732341600")), None);
    assert_eq!(table.expiry_of_item(&Map::new()), None);
    let without = TableDef { ttl: None, ..table.clone() };
    assert_eq!(without.expiry_of_item(&item(&[("expires_at", number("1"))])), None);
}

#[test]
fn five_years_back_does_not_expire() {
    let now = 1_732_341_600;
    assert!(!is_expired(now + 1, now));
    assert!(is_expired(now, now));
    assert!(is_expired(now - TTL_PAST_SECONDS, now));
    assert!(!is_expired(now - TTL_PAST_SECONDS - 1, now));
    assert!(!is_expired(0, now));
    assert!(!is_expired(u64::MAX, now));
    let table = table();
    let expired = |text: &str, now| {
        table.is_expired(Image::encode(&item(&[("expires_at", number(text))])).as_map(), now)
    };
    assert!(expired("1732341600", Some(now)));
    assert!(!expired("1732341600.5", Some(now)));
    assert!(!expired("1732341600", None), "the clock is not trusted");
    assert!(!expired("0", Some(now)));
}

#[test]
fn a_definition_comes_back_from_its_stored_form() {
    let table = table();
    let text = serde_json::to_string(&table).unwrap();
    assert!(text.contains(r#""partition":{"name":"device","type":"S"}"#), "{text}");
    assert_eq!(serde_json::from_str::<TableDef>(&text).unwrap(), table);
}
