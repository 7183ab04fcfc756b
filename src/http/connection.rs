//! One connection: what the HTTP machinery does not do by itself.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// A stream whose peer must take what is written within a time, and that answers 400 where hyper would answer 431 or
/// 414: DynamoDB's answer to headers, or a request line, that are too long.
pub(super) struct Connection<S> {
    stream: S,
    stall: Duration,
    /// Running while the peer does not take what is written.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Connection<S> {
    /// Wraps a stream; a write may stall for so long.
    pub(super) fn new(stream: S, stall: Duration) -> Connection<S> {
        Connection { stream, stall, stalled: None }
    }

    /// A write that went on or ended resets the time; one that waits runs it.
    fn watch<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let timer =
            self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + stall)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not take its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = match as_bad_request(buf) {
            Some(patched) => Pin::new(&mut self.stream).poll_write(cx, &patched),
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
        };
        self.watch(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Nothing that these statuses stand in has a body: they come in one piece.
        if let Some(first) = bufs.first()
            && as_bad_request(first).is_some()
        {
            let first: &[u8] = first;
            return self.poll_write(cx, first);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(cx, shut)
    }
}

/// The same answer with status 400, where hyper refused a head that is too long. The rooms above use neither status.
fn as_bad_request(answer: &[u8]) -> Option<Vec<u8>> {
    let rest = answer.strip_prefix(b"HTTP/1.1 431 ").or_else(|| answer.strip_prefix(b"HTTP/1.1 414 "))?;
    Some([b"HTTP/1.1 400 ", rest].concat())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_given_up() {
        let (near, _far) = tokio::io::duplex(16);
        let mut connection = Connection::new(near, Duration::from_secs(5));
        let error = connection.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn heads_that_are_too_long_are_bad_requests() {
        let answer = as_bad_request(b"HTTP/1.1 431 Request Header Fields Too Large\r\n\r\n").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400 Request"));
        assert_eq!(as_bad_request(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
