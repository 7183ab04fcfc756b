//! What DynamoDB's JSON and plain JSON have in common: text, numbers and binary on the way out, skipping and repeated
//! names on the way in.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiter::{Jiter, JiterError, Peek};

use super::limits;
use super::number::Number;
use super::value::{AttributeValue, Map, Name};

/// Values and elements of sets that are kept of one item: each counts for a byte at least, so that more of them cannot
/// be an item. It bounds what a text of `[[],[],…` can make of the memory.
pub(super) const VALUES: usize = limits::ITEM_SIZE;

/// Levels that [`skip`] follows. They cost a byte each.
const SKIPPED_LEVELS: usize = 1 << 20;

/// Appends a JSON string, quoted and escaped.
pub(super) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, behind)) = special.split_first() else { break };
        escape(*byte, out);
        rest = behind;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let _ = write!(out, "\\u{byte:04x}");
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends a number as plain decimal, unquoted.
pub(super) fn number(number: &Number, out: &mut Vec<u8>) {
    let _ = write!(out, "{number}");
}

/// Appends binary as a quoted base64 string.
pub(super) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    if let Some(room) = out.get_mut(start..) {
        let _ = STANDARD.encode_slice(bytes, room);
    }
    out.push(b'"');
}

/// Passes over a value that begins with `first`, however deep, without recursion; checked as if it were read.
pub(super) fn skip(json: &mut Jiter<'_>, first: Peek) -> Result<(), JiterError> {
    let mut objects = Vec::new();
    let mut next = first;
    loop {
        match next {
            Peek::Object if json.known_object()?.is_some() => {
                objects.push(true);
                next = json.peek()?;
                deep_enough(json, &objects)?;
                continue;
            }
            Peek::Array => {
                if let Some(element) = json.known_array()? {
                    objects.push(false);
                    next = element;
                    deep_enough(json, &objects)?;
                    continue;
                }
            }
            Peek::Object => {}
            Peek::String => drop(json.known_str()?),
            Peek::True | Peek::False => drop(json.known_bool(next)?),
            Peek::Null => json.known_null()?,
            _ => drop(json.known_number_bytes(next)?),
        }
        loop {
            match objects.last() {
                None => return Ok(()),
                Some(true) if json.next_key()?.is_some() => {
                    next = json.peek()?;
                    break;
                }
                Some(true) => drop(objects.pop()),
                Some(false) => match json.array_step()? {
                    Some(element) => {
                        next = element;
                        break;
                    }
                    None => drop(objects.pop()),
                },
            }
        }
    }
}

fn deep_enough(json: &Jiter<'_>, open: &[bool]) -> Result<(), JiterError> {
    if open.len() <= SKIPPED_LEVELS {
        return Ok(());
    }
    let too_deep = jiter::JsonErrorType::RecursionLimitExceeded;
    Err(JiterError { error_type: jiter::JiterErrorType::JsonError(too_deep), index: json.current_index() })
}

/// A map of attributes in any order; of a name given twice, the last one stays, as in the service.
pub(super) fn last_wins(mut pairs: Vec<(Name, AttributeValue)>) -> Map {
    pairs.reverse();
    pairs.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    pairs.dedup_by(|next, kept| next.0 == kept.0);
    Map::from_pairs(pairs).unwrap_or_default()
}

/// A text to be shown in an error: not more than so many bytes of it.
pub(super) fn excerpt(text: &str, limit: usize) -> &str {
    let end = (0..=limit).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    if text.len() <= limit { text } else { text.get(..end).unwrap_or_default() }
}
