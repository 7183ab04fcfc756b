use proptest::prelude::*;

use super::*;
use crate::model::{Image, Set};

fn number(text: &str) -> Number {
    Number::parse(text).unwrap()
}

/// As dynalite counts them.
#[test]
fn numbers() {
    let cases = [
        ("0", 1),
        ("1", 2),
        ("12", 2),
        ("120", 3), // 01 20
        ("123", 3), // 01 23
        ("1200", 2),
        ("1234", 3),
        ("-1", 3),
        ("-12", 3),
        ("0.1", 2),
        ("0.12", 2),
        ("0.012", 3), // 01 20
        ("1.2", 3),   // 01 . 20
        ("12.3", 3),
        ("1.23", 3),
        ("1732341600123456", 9),
        ("99999999999999999999999999999999999999", 20),
        ("-9.9999999999999999999999999999999999999", 22),
        ("1e125", 2),
        ("1e-130", 2),
    ];
    for (text, size) in cases {
        assert_eq!(number_size(&number(text)), size, "{text}");
    }
}

#[test]
fn the_rule_of_pairs_is_what_the_digits_show() {
    for text in
        ["1", "10", "100", "12", "123", "1230", "1.2", "1.23", "0.1", "0.01", "0.012", "0.123", "10.01"]
    {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = if whole.len() % 2 == 1 { format!("0{whole}") } else { whole.to_owned() };
        let fraction = if fraction.len() % 2 == 1 { format!("{fraction}0") } else { fraction.to_owned() };
        let digits = whole + &fraction;
        let pairs: Vec<&str> = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]).collect();
        let first = pairs.iter().position(|pair| *pair != "00").unwrap();
        let last = pairs.iter().rposition(|pair| *pair != "00").unwrap();
        assert_eq!(number_size(&number(text)), 1 + last - first + 1, "{text}");
    }
}

#[test]
fn values() {
    let text = |text: &str| AttributeValue::S(text.into());
    let map = |pairs: &[(&str, AttributeValue)]| {
        Map::from_pairs(pairs.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()).unwrap()
    };
    let cases = [
        (text(""), 0),
        (text("grün"), 5),
        (AttributeValue::B(vec![0; 7]), 7),
        (AttributeValue::Bool(true), 1),
        (AttributeValue::Null, 1),
        (AttributeValue::L(vec![]), 3),
        (AttributeValue::L(vec![text("ab"), AttributeValue::Null]), 3 + 1 + 2 + 1 + 1),
        (AttributeValue::M(Map::new()), 3),
        (AttributeValue::M(map(&[("ab", text("c")), ("d", AttributeValue::L(vec![]))])), 3 + 1 + 3 + 1 + 4),
        (AttributeValue::SS(Set::new(vec!["a".into(), "bc".into()]).unwrap()), 3),
        (AttributeValue::NS(Set::new(vec![number("1"), number("-123")]).unwrap()), 2 + 4),
        (AttributeValue::BS(Set::new(vec![vec![1], vec![2, 3]]).unwrap()), 3),
    ];
    for (value, size) in cases {
        assert_eq!(value_size(&value), size, "{value:?}");
        let item = map(&[("näme", value)]);
        assert_eq!(item_size(&item), 5 + size);
        assert_eq!(image_size(Image::encode(&item).as_map()), 5 + size, "{item:?}");
    }
}

fn any_value() -> impl Strategy<Value = AttributeValue> {
    let leaf = prop_oneof![
        ".{0,9}".prop_map(|text| AttributeValue::S(text.into())),
        any::<i64>().prop_map(|value| AttributeValue::N(value.into())),
        any::<Vec<u8>>().prop_map(AttributeValue::B),
        any::<bool>().prop_map(AttributeValue::Bool),
        Just(AttributeValue::Null),
        prop::collection::btree_set(any::<u64>(), 1..4).prop_map(|set| AttributeValue::NS(
            Set::new(set.into_iter().map(Number::from).collect()).unwrap()
        )),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(AttributeValue::L),
            prop::collection::btree_map(".{1,5}", inner, 0..4).prop_map(|map| {
                AttributeValue::M(
                    Map::from_pairs(map.into_iter().map(|(k, v)| (k.into(), v)).collect()).unwrap(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn an_image_has_its_items_size(value in any_value()) {
        let mut item = Map::new();
        item.insert("v", value);
        prop_assert_eq!(image_size(Image::encode(&item).as_map()), item_size(&item));
    }
}
