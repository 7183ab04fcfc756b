//! Tests of the room as a whole.

mod evaluation;
mod properties;
mod refusals;
mod updates;

use super::{ExpressionError, Kind, Placeholders};
use crate::model::dynamodb_json;
use crate::model::{AttributeValue, Image, Map};

/// What `#names` (an attribute) and `:values` (its JSON) stand for in these tests.
const PLACEHOLDERS: &str = include_str!("placeholders.tsv");

/// All of the placeholders that a text mentions.
fn placeholders(text: &str) -> Placeholders {
    let mentioned = |key: &str| {
        text.match_indices(key).any(|(at, _)| {
            let next = text.as_bytes().get(at + key.len());
            !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        })
    };
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for (key, stands_for) in PLACEHOLDERS.lines().filter_map(|line| line.split_once('\t')) {
        match key.chars().next() {
            _ if !mentioned(key) => {}
            Some('#') => names.push((key.to_owned(), stands_for.to_owned())),
            _ => values.push((key.to_owned(), Ok(value(stands_for)))),
        }
    }
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
        Kind::KeyCondition => super::key_condition(text, &mut to)?.conditions().map(drop)?,
        Kind::Update => super::update(text, &mut to).map(drop)?,
        Kind::Projection => super::projection(text, &mut to).map(drop)?,
    }
    to.finish()
}
