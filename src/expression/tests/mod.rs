//! Tests of the room as a whole.

mod evaluation;
mod properties;
mod refusals;
mod updates;

use super::{ExpressionError, Kind, Placeholders};
use crate::model::dynamodb_json;
use crate::model::{AttributeValue, Image, Map};

/// What `#names` and `:values` stand for in these tests.
const NAMES: [(&str, &str); 6] =
    [("#a", "a"), ("#n", "n"), ("#s", "size"), ("#h", "h"), ("#m", "m1"), ("#aa", "aa")];
const VALUES: [(&str, &str); 24] = [
    (":n", r#"{"N":"5"}"#),
    (":n2", r#"{"N":"7"}"#),
    (":one", r#"{"N":"1"}"#),
    (":two", r#"{"N":"2"}"#),
    (":s", r#"{"S":"str"}"#),
    (":s2", r#"{"S":"zz"}"#),
    (":x", r#"{"S":"x"}"#),
    (":e", r#"{"S":""}"#),
    (":t", r#"{"S":"N"}"#),
    (":h", r#"{"S":"x"}"#),
    (":es", r#"{"S":""}"#),
    (":l", r#"{"L":[{"N":"1"}]}"#),
    (":m", r#"{"M":{"a":{"N":"1"}}}"#),
    (":ma", r#"{"M":{"aa":{"N":"1"}}}"#),
    (":ss", r#"{"SS":["a","b"]}"#),
    (":seta", r#"{"SS":["a"]}"#),
    (":ns", r#"{"NS":["1"]}"#),
    (":bs", r#"{"BS":["AAEC"]}"#),
    (":b", r#"{"BOOL":true}"#),
    (":true", r#"{"BOOL":true}"#),
    (":nl", r#"{"NULL":true}"#),
    (":bi", r#"{"B":"AAEC"}"#),
    (":bb", r#"{"B":"AQ=="}"#),
    (":big", r#"{"N":"9e125"}"#),
];

/// All of the placeholders that a text mentions.
fn placeholders(text: &str) -> Placeholders {
    let mentioned = |key: &str| {
        text.match_indices(key).any(|(at, _)| {
            let next = text.as_bytes().get(at + key.len());
            !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        })
    };
    let names: Vec<_> = NAMES
        .iter()
        .filter(|(key, _)| mentioned(key))
        .map(|(key, name)| ((*key).to_owned(), (*name).to_owned()))
        .collect();
    let values: Vec<_> = VALUES
        .iter()
        .filter(|(key, _)| mentioned(key))
        .map(|(key, json)| ((*key).to_owned(), Ok(value(json))))
        .collect();
    Placeholders::new(
        Some(names).filter(|names| !names.is_empty()),
        Some(values).filter(|values| !values.is_empty()),
    )
    .unwrap()
}

fn value(json: &str) -> AttributeValue {
    dynamodb_json::read_value(&mut jiter::Jiter::new(json.as_bytes())).unwrap()
}

fn item(json: &str) -> Map {
    dynamodb_json::read_item(&mut jiter::Jiter::new(json.as_bytes())).unwrap()
}

fn image(json: &str) -> Image {
    Image::encode(&item(json))
}

/// Binds an expression of any kind to the placeholders above.
fn bind(kind: Kind, text: &str) -> Result<(), ExpressionError> {
    let mut to = placeholders(text);
    match kind {
        Kind::Condition | Kind::Filter => super::condition(kind, text, &mut to).map(drop)?,
        Kind::KeyCondition => super::key_condition(text, &mut to).map(drop)?,
        Kind::Update => super::update(text, &mut to).map(drop)?,
        Kind::Projection => super::projection(text, &mut to).map(drop)?,
    }
    to.finish()
}
