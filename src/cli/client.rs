//! A small HTTP client for commands that talk to a daemon.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Failure;

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 64 << 20;

/// Talks to one daemon.
#[derive(Clone)]
pub(super) struct Client {
    url: String,
    http: HyperClient<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client of the daemon at this address (`http://host:port`).
    pub(super) fn new(url: &str) -> Client {
        let http = HyperClient::builder(TokioExecutor::new()).build(HttpConnector::new());
        Client { url: url.trim_end_matches('/').to_owned(), http }
    }

    /// GET; the status and the body.
    pub(super) async fn get(&self, path: &str) -> Result<(StatusCode, Bytes), Failure> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// A request of the REST API without a body; the body of a good answer, else what the problem says.
    pub(super) async fn rest(&self, method: Method, path: &str) -> Result<Bytes, Failure> {
        let (status, answer) = self.send(method, path, &[], Bytes::new()).await?;
        if status.is_success() {
            return Ok(answer);
        }
        let problem: Option<Problem> = serde_json::from_slice(&answer).ok();
        Err(Failure::Failed(match problem {
            Some(problem) => problem.detail,
            None => {
                format!("{} answered {status} at {path}; is it a forebay daemon of this version?", self.url)
            }
        }))
    }

    /// One DynamoDB operation; the body of a good answer.
    pub(super) async fn dynamodb(&self, operation: &str, body: String) -> Result<Bytes, Failure> {
        let target = format!("DynamoDB_20120810.{operation}");
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.0")];
        let (status, answer) = self.send(Method::POST, "/", &headers, body.into()).await?;
        if !status.is_success() {
            let text = String::from_utf8_lossy(&answer).into_owned();
            return Err(Failure::Failed(format!("{operation} at {}: {status} {text}", self.url)));
        }
        Ok(answer)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let unreachable = |what: String| {
            Failure::Unreachable(format!(
                "no daemon answers at {} ({what}); is it running? --url or FOREBAY_URL names another address",
                self.url
            ))
        };
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).map_err(|_| {
            Failure::Failed(format!("{:?} is no address; write it like http://127.0.0.1:8000", self.url))
        })?;
        let answer = self.http.request(request).await.map_err(|error| unreachable(cause(&error)))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LONGEST_ANSWER);
        let body = body.collect().await.map_err(|error| unreachable(error.to_string()))?;
        Ok((status, body.to_bytes()))
    }
}

/// What is wrong (RFC 9457).
#[derive(serde::Deserialize)]
struct Problem {
    detail: String,
}

/// A name as a segment of a path.
pub(super) fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The innermost reason, which is the one that says something.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
