//! The way in: HTTP request to operation to HTTP answer.

use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::Response;
use bytes::Bytes;
use hyper::body::Body as _;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue,
    ORIGIN,
};
use hyper::{HeaderMap, StatusCode, Uri};
use jiter::Jiter;
use tokio::runtime::Handle;

use super::error::{Kind, WireError};
use super::{Call, dispatch, dispatch_streams, operations, response};
use crate::engine::Engine;
use crate::http::body::{self, Pace, Whole};
use crate::http::memory::Memory;
use crate::model::limits;

/// The region of ARNs where neither the configuration nor the request names one.
const DEFAULT_REGION: &str = "us-east-1";
/// Bodies to this size are parsed on the runtime's threads, in bytes.
const PARSED_HERE: usize = 256 * 1024;
/// How long a browser may keep a preflight's answer, in seconds: the service's figure.
const PREFLIGHT_SECONDS: u32 = 172_800;

/// `[dynamodb]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DynamodbSettings {
    /// The region in ARNs; without it the one that the request is signed for.
    pub region: Option<String>,
    /// The account in ARNs.
    pub account_id: String,
}

impl Default for DynamodbSettings {
    fn default() -> DynamodbSettings {
        DynamodbSettings { region: None, account_id: "000000000000".to_owned() }
    }
}

/// What the operations work with.
#[derive(Clone)]
pub(in crate::http) struct Door {
    pub(super) engine: Engine,
    pub(super) settings: DynamodbSettings,
    /// What bodies may hold.
    pub(super) requests: Memory,
    /// What answers may hold.
    pub(super) answers: Memory,
    pub(super) pace: Pace,
}

impl Door {
    /// A door to an engine.
    pub(in crate::http) fn new(
        engine: Engine,
        settings: DynamodbSettings,
        requests: Memory,
        answers: Memory,
        pace: Pace,
    ) -> Door {
        Door { engine, settings, requests, answers, pace }
    }
}

/// Answers any request to `/`.
pub(in crate::http) async fn answer(door: &Door, request: Request) -> Response {
    let origin = request.headers().contains_key(ORIGIN);
    let content_type = response::content_type(request.headers(), request.body().is_end_stream());
    let mut answer = match (request.method().as_str(), content_type) {
        ("OPTIONS", _) if origin => {
            let mut answer = response::bare(StatusCode::OK, Bytes::new());
            allow(request.headers(), answer.headers_mut());
            answer
        }
        ("GET" | "HEAD", _) => healthy(request.headers()),
        ("POST", Some(content_type)) => post(door, request, content_type).await,
        _ => {
            let body = Bytes::from_static(b"<UnknownOperationException/>\n");
            response::bare(StatusCode::NOT_FOUND, body)
        }
    };
    if origin {
        let headers = answer.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        let exposed = "x-amzn-requestid,x-amz-crc32,date";
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
    answer
}

/// A preflight is allowed what it asks for.
fn allow(asked: &HeaderMap, answer: &mut HeaderMap) {
    let pairs: [(HeaderName, HeaderName); 2] = [
        (ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_ALLOW_HEADERS),
        (ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_ALLOW_METHODS),
    ];
    for (request, allowed) in pairs {
        if let Some(value) = asked.get(request) {
            answer.insert(allowed, value.clone());
        }
    }
    answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_SECONDS));
}

/// What load balancers and SDKs' health checks look for.
fn healthy(headers: &HeaderMap) -> Response {
    let mut answer = response::bare(StatusCode::OK, format!("healthy: {}", host(headers)).into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

fn host(headers: &HeaderMap) -> &str {
    headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn post(door: &Door, request: Request, content_type: &'static str) -> Response {
    let (parts, body) = request.into_parts();
    let read = body::whole(&door.requests, &parts.headers, body, limits::BODY, door.pace).await;
    let close = read.is_err();
    let answer = match read {
        Ok(body) if body.bytes.len() > PARSED_HERE => aside(door.clone(), parts.clone(), body).await,
        Ok(body) => operate(door, &parts.headers, &parts.uri, &body.bytes).await,
        Err(error) => Err(error.into()),
    };
    let answer = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => (error.kind.form().status, error.body().into()),
    };
    let (status, body) = answer;
    let mut answer = response::json(status, body, &parts.headers, content_type).await;
    if close {
        // What is left of the body is not worth reading.
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Large bodies take a while to parse: on a thread of their own, the runtime's go on with others.
async fn aside(door: Door, parts: Parts, body: Whole) -> Result<Bytes, WireError> {
    let runtime = Handle::current();
    let work = move || runtime.block_on(operate(&door, &parts.headers, &parts.uri, &body.bytes));
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(WireError::new(Kind::InternalServerError, format!("the request ended early: {error}")))
    })
}

async fn operate(door: &Door, headers: &HeaderMap, uri: &Uri, body: &[u8]) -> Result<Bytes, WireError> {
    let target = headers.get("x-amz-target").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let region = match &door.settings.region {
        Some(region) => region,
        None => signed_region(headers, uri).unwrap_or(DEFAULT_REGION),
    };
    let call = Call { door, body, region, host: host(headers) };
    let answer = match service {
        "DynamoDB_20120810" => dispatch(operation, &call).await,
        "DynamoDBStreams_20120810" => dispatch_streams(operation, &call).await,
        _ => Err(WireError::wordless(Kind::UnknownOperation)),
    };
    answer.map_err(|error| match error.kind {
        // The service parses a body before it looks at the operation or at a member's type, and has no words for
        // what it can't parse.
        Kind::Serialization | Kind::UnknownOperation if !is_json(body) => {
            WireError::wordless(Kind::Serialization)
        }
        _ => error,
    })
}

/// Whether a body is one JSON value.
fn is_json(body: &[u8]) -> bool {
    let mut json = Jiter::new(body);
    json.next_skip().is_ok() && json.finish().is_ok()
}

/// The operation that a request for `/` names, as metrics have it; `None` where it is none of the API's requests.
pub(in crate::http) fn asked(request: &Request) -> Option<&'static str> {
    let target = request.headers().get("x-amz-target")?.to_str().unwrap_or_default();
    let known = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
    let operation = known.iter().find_map(|service| target.strip_prefix(service));
    Some(operations::label(operation.unwrap_or_default()))
}

/// The region of the credential scope (`Credential=KEY/20260101/eu-west-1/dynamodb/aws4_request`), signed or not.
fn signed_region<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let credential = match headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        Some(authorization) => authorization.split_once("Credential=")?.1.split([',', ' ']).next()?,
        None => {
            let parameters = uri.query()?.split('&');
            return parameters
                .filter_map(|parameter| parameter.strip_prefix("X-Amz-Credential="))
                .find_map(|credential| credential.split("%2F").nth(2).filter(|region| is_region(region)));
        }
    };
    credential.split('/').nth(2).filter(|region| is_region(region))
}

/// A region goes into ARNs: it must look like one.
fn is_region(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_the_one_that_is_signed_for() {
        let mut headers = HeaderMap::new();
        let uri: Uri =
            "/?X-Amz-Credential=AKID%2F20260101%2Feu-north-1%2Fdynamodb%2Faws4_request".parse().unwrap();
        assert_eq!(signed_region(&headers, &uri), Some("eu-north-1"));
        let value = "AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00";
        headers.insert(AUTHORIZATION, value.parse().unwrap());
        assert_eq!(signed_region(&headers, &uri), Some("eu-west-1"));
        headers.insert(AUTHORIZATION, "Credential=a/b/\"evil\"/c".parse().unwrap());
        assert_eq!(signed_region(&headers, &uri), None);
    }
}
