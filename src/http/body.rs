//! Reading request bodies: whole, within a limit, within time, within the memory of all.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::HeaderMap;
use hyper::body::Body as _;
use hyper::header::EXPECT;

use super::encoding::{self, DecodeBodyError, Encoding};
use super::memory::{Crowded, Memory, Share};

/// Bodies to this size are read without asking for a share: all connections together bound them.
const SMALL: usize = 64 * 1024;
/// What is made of a body takes about so many times its bytes, at worst.
const PARSED: usize = 5;
/// How much of a body that is too large is read and thrown away, so that the client sees the answer.
const DISCARDED: usize = 256 << 20;

/// How long bodies may take.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The longest silence within a body.
    pub idle: Duration,
    /// The longest a whole body may take.
    pub whole: Duration,
}

/// A whole body, and the memory it may use.
#[derive(Debug)]
pub struct Whole {
    /// The bytes, decoded.
    pub bytes: Vec<u8>,
    _arrived: Option<Share>,
    _work: Option<Share>,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Larger than the limit: 413.
    #[error("the body is too large")]
    TooLarge,
    /// It came too slowly: 408.
    #[error("the body came too slowly")]
    Slow,
    /// The connection ended in the middle, or its framing is wrong: 400.
    #[error("the body is incomplete")]
    Broken,
    /// The encoding is unknown or the bytes are not encoded so: 400.
    #[error(transparent)]
    Encoding(DecodeBodyError),
    /// Too many large bodies at once: 503.
    #[error(transparent)]
    Crowded(#[from] Crowded),
}

impl From<DecodeBodyError> for BodyError {
    fn from(error: DecodeBodyError) -> BodyError {
        match error {
            DecodeBodyError::TooLarge => BodyError::TooLarge,
            other => BodyError::Encoding(other),
        }
    }
}

/// The next piece of a body; `None` at its end.
pub async fn piece(body: &mut Body, idle: Duration) -> Result<Option<Bytes>, BodyError> {
    loop {
        let frame = tokio::time::timeout(idle, body.frame()).await.map_err(|_| BodyError::Slow)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(BodyError::Broken),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// Reads a whole body and decodes it, to at most `limit` bytes before and after.
pub async fn whole(
    memory: &Memory,
    headers: &HeaderMap,
    mut body: Body,
    limit: usize,
    pace: Pace,
) -> Result<Whole, BodyError> {
    let encoding = encoding::of_request(headers)?;
    let reading = gather(memory, &mut body, limit, pace);
    let read = tokio::time::timeout(pace.whole, reading).await.unwrap_or(Err(BodyError::Slow));
    if matches!(read, Err(BodyError::TooLarge)) && !headers.contains_key(EXPECT) {
        let _ = tokio::time::timeout(pace.idle, discard(&mut body, pace.idle)).await;
    }
    let (bytes, arrived) = read?;
    if encoding == Encoding::Identity {
        let work = match bytes.len() {
            ..=SMALL => None,
            size => Some(memory.take_to_work(size.saturating_mul(PARSED)).await?),
        };
        return Ok(Whole { bytes, _arrived: arrived, _work: work });
    }
    let mut work = memory.take_to_work(limit.saturating_mul(PARSED)).await?;
    // Decoding 16 MB takes a while: not on the runtime's threads.
    let decoded = tokio::task::spawn_blocking(move || encoding::decode(encoding, bytes, limit)).await;
    let bytes = decoded.map_err(|_| BodyError::Broken)??;
    work.shrink(bytes.len().saturating_mul(PARSED));
    Ok(Whole { bytes, _arrived: None, _work: Some(work) })
}

/// The bytes as sent. A share is taken once, for all that may still come, before the buffer goes beyond [`SMALL`].
async fn gather(
    memory: &Memory,
    body: &mut Body,
    limit: usize,
    pace: Pace,
) -> Result<(Vec<u8>, Option<Share>), BodyError> {
    let declared = body.size_hint().exact().map(|size| usize::try_from(size).unwrap_or(usize::MAX));
    if declared.is_some_and(|size| size > limit) {
        return Err(BodyError::TooLarge);
    }
    let mut share = None;
    let mut bytes = Vec::new();
    if let Some(size) = declared {
        if size > SMALL {
            share = Some(memory.take(size).await?);
        }
        bytes.reserve_exact(size);
    }
    while let Some(more) = piece(body, pace.idle).await? {
        let size = bytes.len() + more.len();
        if size > limit {
            return Err(BodyError::TooLarge);
        }
        if size > SMALL && share.is_none() {
            share = Some(memory.take(limit).await?);
        }
        bytes.extend_from_slice(&more);
    }
    if let Some(share) = &mut share {
        share.shrink(bytes.len());
    }
    Ok((bytes, share))
}

/// Reads on without keeping anything: a client that is still sending would otherwise meet a closed connection instead
/// of the answer.
pub(super) async fn discard(body: &mut Body, idle: Duration) {
    let mut read = 0;
    while let Ok(Some(bytes)) = piece(body, idle).await {
        read += bytes.len();
        if read > DISCARDED {
            return;
        }
    }
}
