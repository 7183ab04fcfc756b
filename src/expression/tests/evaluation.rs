//! What conditions say of items, and what projections leave of them.

use super::{image, item, placeholders};
use crate::expression::{KeyCondition, Kind, SortCondition, condition, key_condition, projection};
use crate::model::{AttributeValue, Number};

/// Captured from DynamoDB Local.
const TRUTHS: [(&str, &str, bool); 72] = [
    ("z = q", "{}", false),
    ("z <> q", "{}", true),
    ("z < q", "{}", false),
    ("z <> :n", "{}", true),
    ("NOT z = :n", "{}", true),
    ("NOT z < :n", "{}", true),
    ("a <> q", r#"{"a":{"N":"1"}}"#, true),
    ("z IN (q)", "{}", false),
    ("NOT z IN (q)", "{}", true),
    ("a IN (b, c)", r#"{"c":{"N":"1"}}"#, false),
    ("a IN (:l, :one)", r#"{"a":{"L":[{"N":"1"}]}}"#, true),
    ("z BETWEEN q AND r", "{}", false),
    ("a BETWEEN :one AND b", r#"{"a":{"N":"3"},"b":{"N":"5"}}"#, true),
    ("a BETWEEN :one AND b", r#"{"a":{"N":"3"},"b":{"S":"5"}}"#, false),
    ("a BETWEEN c AND b", r#"{"a":{"N":"3"},"b":{"N":"1"},"c":{"N":"5"}}"#, false),
    ("a BETWEEN :n AND :n", r#"{"a":{"N":"5.0"}}"#, true),
    (":n BETWEEN a AND b", r#"{"a":{"N":"3"},"b":{"N":"5"}}"#, true),
    ("a = :true", r#"{"a":{"BOOL":true}}"#, true),
    ("a < b", r#"{"a":{"BOOL":false},"b":{"BOOL":true}}"#, false),
    ("a < b", r#"{"a":{"N":"1"},"b":{"S":"1"}}"#, false),
    ("a < b", r#"{"a":{"S":"B"},"b":{"S":"a"}}"#, true),
    ("a < b", r#"{"a":{"N":"9"},"b":{"N":"10"}}"#, true),
    ("a > b", r#"{"a":{"B":"/w=="},"b":{"B":"AQ=="}}"#, true),
    ("a <= b", r#"{"a":{"NULL":true},"b":{"NULL":true}}"#, false),
    ("a = b", r#"{"a":{"NULL":true},"b":{"NULL":true}}"#, true),
    ("a <= b", r#"{"a":{"L":[]},"b":{"L":[]}}"#, false),
    ("a = b", r#"{"a":{"SS":["a","b"]},"b":{"SS":["b","a"]}}"#, true),
    ("a = b", r#"{"a":{"L":[{"NS":["1","2"]}]},"b":{"L":[{"NS":["2.0","1"]}]}}"#, true),
    ("a = b", r#"{"a":{"N":"1"},"b":{"S":"1"}}"#, false),
    ("contains(a, :x)", r#"{"a":{"S":"axb"}}"#, true),
    ("contains(a, :e)", r#"{"a":{"S":"axb"}}"#, true),
    ("contains(a, :x)", r#"{"a":{"SS":["x","y"]}}"#, true),
    ("contains(a, :seta)", r#"{"a":{"SS":["a","b"]}}"#, false),
    ("contains(a, :one)", r#"{"a":{"NS":["1","2"]}}"#, true),
    ("contains(a, :one)", r#"{"a":{"L":[{"N":"1.0"}]}}"#, true),
    ("contains(a, :l)", r#"{"a":{"L":[{"L":[{"N":"1"}]}]}}"#, true),
    ("contains(a, :ma)", r#"{"a":{"L":[{"M":{"aa":{"N":"1"}}}]}}"#, true),
    ("contains(a, :x)", r#"{"a":{"M":{"x":{"N":"1"}}}}"#, false),
    ("contains(a, :true)", r#"{"a":{"L":[{"BOOL":true}]}}"#, true),
    ("contains(a, :bb)", r#"{"a":{"B":"AAEC"}}"#, true),
    ("contains(a, :bb)", r#"{"a":{"BS":["AQ=="]}}"#, true),
    ("contains(a, :bb)", r#"{"a":{"S":"x"}}"#, false),
    ("contains(:x, a)", r#"{"a":{"S":"x"}}"#, true),
    ("contains(a, size(b))", r#"{"a":{"L":[{"N":"1"}]},"b":{"S":"x"}}"#, true),
    ("contains(a, b)", "{}", false),
    ("NOT contains(a, b)", "{}", true),
    ("begins_with(a, :e)", r#"{"a":{"S":"x"}}"#, true),
    ("begins_with(a, :bb)", r#"{"a":{"B":"AQI="}}"#, true),
    ("begins_with(a, :x)", r#"{"a":{"N":"1"}}"#, false),
    ("begins_with(:x, a)", r#"{"a":{"S":"x"}}"#, true),
    ("size(a) = :one", r#"{"a":{"S":"é"}}"#, true),
    ("size(a) = :two", r#"{"a":{"S":"😀"}}"#, true),
    ("size(a) = :one", r#"{"a":{"N":"1"}}"#, false),
    ("size(a) <> :one", r#"{"a":{"N":"1"}}"#, true),
    ("size(a) <> :one", "{}", true),
    ("NOT size(a) = :one", "{}", true),
    ("size(a) = :one", r#"{"a":{"M":{"aa":{"N":"1"}}}}"#, true),
    ("size(a) = :one", r#"{"a":{"NULL":true}}"#, false),
    ("size(a) <> :x", r#"{"a":{"S":"x"}}"#, true),
    ("size(a) < :n", r#"{"a":{"SS":["a","b"]}}"#, true),
    ("size(a) = :one", r#"{"a":{"B":"AQ=="}}"#, true),
    ("size(a) = size(b)", r#"{"a":{"L":[{"N":"7"}]},"b":{"BS":["AQ=="]}}"#, true),
    ("attribute_type(a, :t)", r#"{"a":{"N":"3"}}"#, true),
    ("attribute_type(a, :t)", "{}", false),
    ("attribute_type(size(a), :t)", r#"{"a":{"S":"3"}}"#, true),
    ("attribute_exists(a.b)", r#"{"a":{"S":"3"}}"#, false),
    ("attribute_not_exists(a.b)", r#"{"a":{"S":"3"}}"#, true),
    ("a[0] = :one", r#"{"a":{"NS":["1"]}}"#, false),
    ("a.b[1] = :one", r#"{"a":{"M":{"b":{"L":[{"N":"2"},{"N":"1"}]}}}}"#, true),
    ("a = :one OR a < :one AND a > :one", r#"{"a":{"N":"1"}}"#, true),
    ("(a = :one OR a < :one) AND a > :one", r#"{"a":{"N":"1"}}"#, false),
    ("NOT a = :one OR a = :one", r#"{"a":{"N":"1"}}"#, true),
];

#[test]
fn conditions_hold_as_the_service_has_them() {
    for (text, json, wanted) in TRUTHS {
        let condition = condition(Kind::Filter, text, &mut placeholders(text)).unwrap();
        assert_eq!(condition.holds(image(json).as_map()), Ok(wanted), "{text} of {json}");
    }
}

#[test]
fn a_condition_knows_its_attributes() {
    let text = "h = :n AND size(a.b) > :n AND NOT attribute_exists(c)";
    let condition = condition(Kind::Filter, text, &mut placeholders(text)).unwrap();
    assert_eq!(condition.attributes(), [("h", false), ("a", true), ("c", false)]);
}

const ITEM: &str = r#"{"h":{"S":"x"},"n":{"N":"5"},"l":{"L":[{"N":"1"},{"S":"b"},{"L":[{"N":"9"}]}]},
    "m1":{"M":{"aa":{"N":"1"},"bb":{"M":{"c":{"N":"2"}}}}}}"#;

#[test]
fn projections_keep_what_is_wanted() {
    let cases = [
        ("n, z", r#"{"n":{"N":"5"}}"#),
        ("l[2], l[0]", r#"{"l":{"L":[{"N":"1"},{"L":[{"N":"9"}]}]}}"#),
        ("l[9], n", r#"{"n":{"N":"5"}}"#),
        ("#m.#aa", r#"{"m1":{"M":{"aa":{"N":"1"}}}}"#),
        ("m1.bb.c, m1.zz, h", r#"{"h":{"S":"x"},"m1":{"M":{"bb":{"M":{"c":{"N":"2"}}}}}}"#),
        ("m1.zz, n.x, l.y", "{}"),
        ("m1[0]", "{}"),
        ("l[2][0], l[1].x", r#"{"l":{"L":[{"L":[{"N":"9"}]}]}}"#),
    ];
    for (text, wanted) in cases {
        let projection = projection(text, &mut placeholders(text)).unwrap();
        let found = projection.apply(image(ITEM).as_map()).unwrap();
        assert_eq!(found.as_map().to_map().unwrap(), item(wanted), "{text}");
    }
}

#[test]
fn key_conditions_are_one_for_each_attribute() {
    let text = ":n < k AND (#h = :h)";
    let found = key_condition(text, &mut placeholders(text)).unwrap().conditions().unwrap();
    let number = AttributeValue::N(Number::from(5_u64));
    assert_eq!(
        found,
        [
            KeyCondition { attribute: "k".to_owned(), condition: SortCondition::Greater(number.clone()) },
            KeyCondition {
                attribute: "h".to_owned(),
                condition: SortCondition::Equal(AttributeValue::S("x".into()))
            },
        ]
    );
    let text = "h = :h AND k BETWEEN :n AND :n AND begins_with(x, :s) AND y = :n AND z >= :n";
    assert_eq!(key_condition(text, &mut placeholders(text)).unwrap().conditions().unwrap().len(), 5);
}
