//! An answer's HTTP form: the service's headers, compressed where asked for, a checksum of the body as sent.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, SERVER, VARY};
use hyper::{HeaderMap, StatusCode};

use crate::http::accept_encoding;
use crate::http::encoding::{self, Encoding};

/// The API's content type.
const JSON_1_0: &str = "application/x-amz-json-1.0";
/// The other content type that is understood.
const JSON: &str = "application/json";
/// Shorter answers are not compressed, in bytes: the service's figure.
const COMPRESSED_FROM: usize = 4096;
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

/// The content type of a request, which its answer has too. A request without a body may go without one.
pub(super) fn content_type(request: &HeaderMap, bodiless: bool) -> Option<&'static str> {
    let Some(value) = request.get(CONTENT_TYPE) else { return bodiless.then_some(JSON) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    [JSON_1_0, JSON].into_iter().find(|known| essence.eq_ignore_ascii_case(known))
}

/// An answer with a JSON body.
pub(super) async fn json(
    status: StatusCode,
    body: Bytes,
    request: &HeaderMap,
    content_type: &'static str,
) -> Response {
    let (body, encoding) = compress(body, request).await;
    let mut response = bare(status, body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let name = match encoding {
        Encoding::Identity => return response,
        Encoding::Gzip => "gzip",
        Encoding::Deflate => "deflate",
    };
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
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

async fn compress(body: Bytes, request: &HeaderMap) -> (Bytes, Encoding) {
    if body.len() < COMPRESSED_FROM {
        return (body, Encoding::Identity);
    }
    let encoding = accept_encoding::preferred(request);
    if encoding == Encoding::Identity {
        return (body, encoding);
    }
    let compressed = if body.len() <= COMPRESSED_HERE {
        encoding::encode(encoding, &body)
    } else {
        let plain = body.clone();
        tokio::task::spawn_blocking(move || encoding::encode(encoding, &plain)).await.ok().flatten()
    };
    match compressed {
        Some(compressed) => (compressed.into(), encoding),
        None => (body, Encoding::Identity),
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

    #[test]
    fn content_types_may_have_parameters_and_an_empty_body_needs_none() {
        let with = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            content_type(&headers, true)
        };
        assert_eq!(with("application/x-amz-json-1.0"), Some(JSON_1_0));
        assert_eq!(with("application/JSON; charset=utf-8"), Some(JSON));
        assert_eq!(with("text/plain"), None);
        assert_eq!(content_type(&HeaderMap::new(), false), None);
        assert_eq!(content_type(&HeaderMap::new(), true), Some(JSON));
    }
}
