//! `GET /v1/rejected`: the newest messages that no rule could map, or that can't be an item, with the reason.

use axum::extract;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;

use super::{State, health};
use crate::ingest::{Rejected, Source};

/// The list, newest first.
#[derive(Serialize)]
struct List<'a> {
    rejected: Vec<Entry<'a>>,
}

/// One message.
#[derive(Serialize)]
struct Entry<'a> {
    /// Microseconds since 1970.
    time_us: u64,
    /// The clock was not trusted then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    estimated: bool,
    topic: &'a str,
    /// The client at the listener, or the broker.
    from: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    reason: &'a str,
    /// The whole payload's length, in bytes.
    payload_length: usize,
    /// Its first 512 bytes, as text where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
}

impl Entry<'_> {
    fn of(rejected: &Rejected) -> Entry<'_> {
        let text = text(&rejected.payload, rejected.payload_len);
        Entry {
            time_us: rejected.time.us,
            estimated: rejected.time.estimated,
            topic: &rejected.topic,
            from: match &rejected.source {
                Source::Listener { client } => client,
                Source::Broker { url, .. } => url,
            },
            rule: rejected.rule.as_deref(),
            reason: &rejected.reason,
            payload_length: rejected.payload_len,
            payload: text,
            payload_base64: text.is_none().then(|| STANDARD.encode(&rejected.payload)),
        }
    }
}

/// The head of a payload as text; a character that the cut went through is left out.
fn text(head: &[u8], whole: usize) -> Option<&str> {
    match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() && head.len() < whole => {
            head.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok())
        }
        Err(_) => None,
    }
}

pub(super) async fn show(extract::State(state): extract::State<State>) -> Response {
    let rejected = state.accept.rejected();
    let list = List { rejected: rejected.iter().rev().map(Entry::of).collect() };
    match serde_json::to_vec(&list) {
        Ok(json) => ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], json).into_response(),
        Err(error) => health::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_character_leaves_text_and_bytes_stay_bytes() {
        assert_eq!(text("häuser".as_bytes(), 7), Some("häuser"));
        assert_eq!(text(b"h\xc3", 7), Some("h"));
        assert_eq!(text(b"h\xc3", 2), None);
        assert_eq!(text(b"\xff\x00", 9), None);
    }
}
