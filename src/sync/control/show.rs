//! A dead letter in words: times as RFC 3339, key and item as plain JSON.

use serde_json::value::RawValue;

use crate::model::{Image, ImageError, MapRef, TableDef, plain_json};
use crate::operations::upstreams::{Letter, LetterId};
use crate::store::{Catalog, Seq};
use crate::sync::dead_letter::DeadLetter;

/// A time, to the second.
pub(in crate::sync) fn time(us: u64) -> String {
    let seconds = i64::try_from(us / 1_000_000).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |time| time.to_string())
}

/// A letter as its owner sees it; with the item, if that is wanted.
pub(super) fn letter(
    upstream: &str,
    seq: Seq,
    letter: &DeadLetter,
    catalog: &Catalog,
    with_item: bool,
) -> Letter {
    let table = catalog.by_id(letter.table);
    let image = MapRef::new(&letter.image.0);
    let key = table.and_then(|table| key_image(table, image).ok()).and_then(|key| json(key.as_map()).ok());
    let item = with_item && !letter.delete;
    Letter {
        upstream: upstream.to_owned(),
        id: LetterId(seq),
        table: table.map(|table| table.name.as_str().to_owned()),
        upstream_table: letter.upstream_table.clone(),
        operation: if letter.delete { "delete" } else { "put" }.to_owned(),
        key: key.unwrap_or_else(|| RawValue::NULL.to_owned()),
        item: item.then(|| json(image).ok()).flatten(),
        code: code(&letter.reason).map(str::to_owned),
        reason: letter.reason.clone(),
        time: time(letter.time_us),
        refused: time(letter.refused_us),
        attempts: letter.attempts,
        replaying: letter.replay,
    }
}

fn key_image(table: &TableDef, image: MapRef<'_>) -> Result<Image, ImageError> {
    image.project(|name| table.keys.contains(name))
}

fn json(image: MapRef<'_>) -> Result<Box<RawValue>, ImageError> {
    let mut out = Vec::new();
    plain_json::write_image(image, &mut out)?;
    let text = String::from_utf8(out).map_err(|_| ImageError)?;
    RawValue::from_string(text).map_err(|_| ImageError)
}

/// The error's name, where a reason has one before its first colon (or the last of those behind it).
fn code(reason: &str) -> Option<&str> {
    reason.split(": ").find(|part| {
        let named = ["Exception", "Error", "TooLarge", "LengthExceeded"];
        part.bytes().all(|byte| byte.is_ascii_alphanumeric()) && named.iter().any(|end| part.ends_with(end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_where_there_is_one() {
        assert_eq!(code("ValidationException: One or more: things"), Some("ValidationException"));
        assert_eq!(
            code("the upstream keeps failing at it: InternalServerError: oh"),
            Some("InternalServerError")
        );
        assert_eq!(code("the item can't be read; the store is damaged here"), None);
    }

    #[test]
    fn times_are_whole_seconds() {
        assert_eq!(time(1_700_000_000_999_999), "2023-11-14T22:13:20Z");
    }
}
