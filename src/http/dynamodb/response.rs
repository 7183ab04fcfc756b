//! An answer's HTTP form: the service's headers, gzip where asked for, a checksum of the body as sent.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, SERVER, VARY};
use hyper::{HeaderMap, StatusCode};

use crate::http::encoding;

/// The API's content type.
const JSON_1_0: &str = "application/x-amz-json-1.0";
/// What a request identifier is made of.
const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Answers to this size are compressed where they are made; larger ones are work for another thread.
const COMPRESSED_HERE: usize = 64 * 1024;

/// 52 characters of `A-Z0-9`, as the service gives them.
fn request_id() -> String {
    (0..52)
        .filter_map(|_| ALPHABET.get(fastrand::usize(..ALPHABET.len())))
        .map(|byte| char::from(*byte))
        .collect()
}

/// An answer with a JSON body.
pub(super) async fn json(status: StatusCode, body: Bytes, request: &HeaderMap) -> Response {
    let (body, encoded) = compress(body, request).await;
    let mut response = bare(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON_1_0));
    if encoded {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    response
}

/// An answer with these bytes, its checksum and a request identifier.
pub(super) fn bare(status: StatusCode, body: Bytes) -> Response {
    let checksum = crc32fast::hash(&body);
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert("x-amz-crc32", HeaderValue::from(checksum));
    if let Ok(id) = HeaderValue::from_str(&request_id()) {
        headers.insert("x-amzn-requestid", id);
    }
    headers.insert(SERVER, HeaderValue::from_static("forebay"));
    response
}

async fn compress(body: Bytes, request: &HeaderMap) -> (Bytes, bool) {
    if body.is_empty() || !encoding::accepts_gzip(request) {
        return (body, false);
    }
    let compressed = if body.len() <= COMPRESSED_HERE {
        encoding::gzip(&body)
    } else {
        let plain = body.clone();
        tokio::task::spawn_blocking(move || encoding::gzip(&plain)).await.ok().flatten()
    };
    match compressed {
        Some(compressed) => (compressed.into(), true),
        None => (body, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_look_like_the_services() {
        let id = request_id();
        assert_eq!(id.len(), 52);
        assert!(id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        assert_ne!(id, request_id());
    }
}
