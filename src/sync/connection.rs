//! One connection: HTTP/1.1 over whatever was dialled, its answers bounded in time and size.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::DATE;
use hyper::http::response::Parts;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

/// A connection that was idle for longer is not used again: middle boxes forget it without a word.
const IDLE: Duration = Duration::from_secs(45);

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// The request can't even be made: credentials or certificates are missing, or refused.
    #[error("{0}")]
    Unable(String),
    /// The upstream can't be reached, or the connection was cut; the request may have arrived.
    #[error("{0}")]
    Lost(String),
}

/// What an answer may cost.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// The longest until its head is there.
    pub(super) head: Duration,
    /// The longest that its body may take from there.
    pub(super) body: Duration,
    /// The bytes of its body.
    pub(super) bytes: usize,
}

/// A connection that is up.
pub(super) struct Live {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    used: Instant,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The connection broke.
pub(super) enum Lost {
    /// Before anything of an answer came.
    BeforeAnswer(String),
    Other(String),
}

impl From<Lost> for NoReply {
    fn from(lost: Lost) -> NoReply {
        match lost {
            Lost::BeforeAnswer(what) | Lost::Other(what) => NoReply::Lost(what),
        }
    }
}

impl Live {
    /// HTTP over these bytes.
    pub(super) async fn over(
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Live, String> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(64 << 10)
            .handshake(TokioIo::new(io))
            .await
            .map_err(|e| with_cause(&e))?;
        let driver = tokio::spawn(async move {
            // Its error also ends the request that is under way.
            let _ = connection.await;
        })
        .abort_handle();
        Ok(Live { sender, driver, used: Instant::now() })
    }

    /// Whether it may be used once more. It may still turn out to have died without a word.
    pub(super) async fn is_usable(&mut self, patience: Duration) -> bool {
        self.used.elapsed() < IDLE
            && timeout(patience, self.sender.ready()).await.is_ok_and(|ready| ready.is_ok())
    }

    /// One request and its answer; and the connection, where it stays open.
    pub(super) async fn exchange(
        mut self,
        request: Request<Full<Bytes>>,
        bounds: Bounds,
    ) -> Result<(Parts, Bytes, Option<Live>), Lost> {
        let answer = timeout(bounds.head, self.sender.send_request(request))
            .await
            .map_err(|_| Lost::Other("no answer in time".to_owned()))?
            .map_err(|e| Lost::BeforeAnswer(with_cause(&e)))?;
        let (head, body) = answer.into_parts();
        let body = timeout(bounds.body, Limited::new(body, bounds.bytes).collect())
            .await
            .map_err(|_| Lost::Other("the answer stopped in the middle".to_owned()))?
            .map_err(|e| Lost::Other(format!("the answer: {}", with_cause(&*e))))?
            .to_bytes();
        self.used = Instant::now();
        let open = !self.sender.is_closed();
        Ok((head, body, open.then_some(self)))
    }
}

/// When an answer says that it was made.
pub(super) fn date_of(headers: &HeaderMap) -> Option<jiff::Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}

/// An error with what is behind it.
pub(super) fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
