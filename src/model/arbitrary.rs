//! Random values for property tests.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::number::Number;
use super::value::{AttributeValue, Map, Name, Set};

/// Any number DynamoDB can hold; small integers are frequent.
pub(crate) fn number() -> impl Strategy<Value = Number> {
    let small = any::<i64>().prop_map(|n| parts(n < 0, u128::from(n.unsigned_abs()), 0));
    let large = (any::<bool>(), any::<u64>(), 0..20i32).prop_map(|(n, c, e)| parts(n, u128::from(c), e));
    let tiny = (any::<bool>(), 0..1000u128, -130..124i32).prop_map(|(n, c, e)| parts(n, c, e));
    let wide = (any::<bool>(), 0..10u128.pow(38), -130..88i32).prop_map(|(n, c, e)| parts(n, c, e));
    let edge = prop_oneof![
        Just(parts(false, u128::from(u64::MAX), 0)),
        Just(parts(false, u128::from(u64::MAX) + 1, 0)),
        Just(parts(true, u128::from(u64::MAX) + 1, 0)),
        Just(parts(true, u128::from(u64::MAX) + 2, 0)),
        Just(parts(false, 10u128.pow(38) - 1, 88)),
        Just(parts(true, 1, -130)),
        Just(Number::ZERO),
    ];
    prop_oneof![4 => small, 1 => large, 2 => tiny, 2 => wide, 1 => edge]
}

fn parts(negative: bool, coefficient: u128, exponent: i32) -> Number {
    Number::from_parts(negative, coefficient, exponent).expect("in range")
}

/// Any text: plain, escapes, controls, beyond the basic plane.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9 ]{0,12}",
        1 => "[\\x00-\\x7f]{0,40}",
        1 => vec(any::<char>(), 0..24).prop_map(|chars| chars.into_iter().collect::<String>()),
    ]
}

/// Any attribute name: text, never empty.
pub(crate) fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        4 => "[a-f]{1,2}".prop_map(Name::from),
        1 => text().prop_filter("a name is not empty", |t| !t.is_empty()).prop_map(Name::from),
    ]
}

fn scalar() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        3 => text().prop_map(|text| AttributeValue::S(text.into())),
        3 => number().prop_map(AttributeValue::N),
        1 => vec(any::<u8>(), 0..40).prop_map(AttributeValue::B),
        1 => any::<bool>().prop_map(AttributeValue::Bool),
        1 => Just(AttributeValue::Null),
        1 => btree_set(text(), 1..4).prop_map(|texts| {
            AttributeValue::SS(Set::new(texts.into_iter().map(Name::from).collect()).expect("a set"))
        }),
        1 => btree_set(number(), 1..4).prop_map(|numbers| {
            AttributeValue::NS(Set::new(numbers.into_iter().collect()).expect("a set"))
        }),
        1 => btree_set(vec(any::<u8>(), 0..8), 1..4).prop_map(|elements| {
            AttributeValue::BS(Set::new(elements.into_iter().collect()).expect("a set"))
        }),
    ]
}

/// Any value of the ten types, nested.
pub(crate) fn value() -> impl Strategy<Value = AttributeValue> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(AttributeValue::L),
            pairs(inner).prop_map(AttributeValue::M),
        ]
    })
}

fn pairs(value: impl Strategy<Value = AttributeValue>) -> impl Strategy<Value = Map> {
    vec((name(), value), 0..5).prop_map(|pairs| {
        let mut map = Map::new();
        for (name, value) in pairs {
            map.insert(name, value);
        }
        map
    })
}

/// Any item.
pub(crate) fn item() -> impl Strategy<Value = Map> {
    pairs(value())
}

/// Lists nested so many levels deep.
pub(crate) fn nested(levels: usize) -> AttributeValue {
    (0..levels).fold(AttributeValue::Null, |inner, _| AttributeValue::L(vec![inner]))
}
