//! Bodies: their type, and the items in them.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, ORIGIN};
use jiter::{Jiter, JiterError, Peek};

use super::parameter::{Form, binary};
use super::problem::{Kind, Problem};
use crate::ingest::payload::cbor_values;
use crate::model::dynamodb_json::{self, DecodeError};
use crate::model::{AttributeValue, Item, KeyType, TableDef, plain_json};

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// A JSON object, or an array of them.
    Json,
    /// A JSON object a line.
    Lines,
    /// A CBOR map, or an array of them.
    Cbor,
}

/// The body's type by its header.
///
/// What `curl -d` and simple clients send without being told is taken for JSON, but never from a browser (`Origin`): a page
/// of somebody else's can send those types without asking first.
pub(super) fn media(headers: &HeaderMap) -> Result<Media, Problem> {
    let named = match headers.get(CONTENT_TYPE) {
        Some(value) => value.to_str().unwrap_or("?"),
        None => "",
    };
    let essence = named.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" => Ok(Media::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Media::Lines),
        "application/cbor" => Ok(Media::Cbor),
        "" | "application/x-www-form-urlencoded" if !headers.contains_key(ORIGIN) => Ok(Media::Json),
        json if json.starts_with("application/") && json.ends_with("+json") => Ok(Media::Json),
        _ => Err(Problem::new(
            Kind::MediaType,
            "send application/json, application/x-ndjson or application/cbor as Content-Type",
        )),
    }
}

/// Reads the items of a whole body and hands them on one by one; tells whether it was an array.
pub(super) fn items(
    media: Media,
    form: Form,
    body: &[u8],
    mut each: impl FnMut(Item) -> Result<(), Problem>,
) -> Result<bool, Problem> {
    match (media, form) {
        (Media::Cbor, Form::Dynamodb) => {
            Err(Problem::bad_request("format=dynamodb is a form of JSON, not of CBOR"))
        }
        (Media::Cbor, Form::Plain) => {
            // Major type 4, behind the tag that only says that this is CBOR.
            let first = body.strip_prefix(b"\xd9\xd9\xf7").unwrap_or(body).first();
            let array = first.is_some_and(|byte| byte >> 5 == 4);
            let mut at = 0;
            cbor_values(body, |value| {
                let taken = object(value).and_then(&mut each);
                at += 1;
                taken.map_err(|problem| if array { in_element(at - 1, problem) } else { problem })
            })
        }
        (_, Form::Plain) => {
            let array = body.trim_ascii_start().first() == Some(&b'[');
            let mut at = 0;
            plain_json::read_values(body, |value| {
                let taken = object(value).and_then(&mut each);
                at += 1;
                taken.map_err(|problem| if array { in_element(at - 1, problem) } else { problem })
            })
        }
        (_, Form::Dynamodb) => dynamodb_items(body, each),
    }
}

/// Reads the one item of a body.
pub(super) fn item(media: Media, form: Form, body: &[u8]) -> Result<Item, Problem> {
    let mut found = None;
    let array = items(media, form, body, |item| {
        found = Some(item);
        Ok(())
    })?;
    found
        .filter(|_| !array)
        .ok_or_else(|| Problem::not_an_item("the body is an array; it must be one object"))
}

fn object(value: AttributeValue) -> Result<Item, Problem> {
    match value {
        AttributeValue::M(item) => Ok(item),
        other => Err(Problem::not_an_item(format!(
            "an item is an object, not a value of type {}",
            other.type_name()
        ))),
    }
}

fn in_element(at: usize, problem: Problem) -> Problem {
    problem.told(|detail| format!("element {at}: {detail}"))
}

fn dynamodb_items(body: &[u8], mut each: impl FnMut(Item) -> Result<(), Problem>) -> Result<bool, Problem> {
    let mut json = Jiter::new(body);
    let broken = |error: JiterError| {
        let at = jiter::LinePosition::find(body, error.index);
        let what = error.error_type;
        Problem::not_an_item(format!("not JSON at line {}, column {}: {what}", at.line, at.column))
    };
    let wrong = |error: DecodeError| Problem::not_an_item(error.to_string());
    let array = json.peek().map_err(broken)? == Peek::Array;
    if array {
        let mut next = json.known_array().map_err(broken)?;
        let mut at = 0;
        while next.is_some() {
            let item = dynamodb_json::read_item(&mut json).map_err(wrong);
            item.and_then(&mut each).map_err(|problem| in_element(at, problem))?;
            next = json.array_step().map_err(broken)?;
            at += 1;
        }
    } else {
        each(dynamodb_json::read_item(&mut json).map_err(wrong)?)?;
    }
    json.finish().map_err(broken)?;
    Ok(array)
}

/// Plain JSON has no binary: where a key attribute is binary, its text is base64, as this door writes it.
pub(super) fn binary_keys(table: &TableDef, item: &mut Item) {
    for attribute in std::iter::once(&table.keys.partition).chain(table.keys.sort.as_ref()) {
        if attribute.key_type == KeyType::B
            && let Some(value) = item.get_mut(&attribute.name)
            && let AttributeValue::S(text) = value
            && let Some(bytes) = binary(text)
        {
            *value = AttributeValue::B(bytes);
        }
    }
}
