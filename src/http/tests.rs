//! The listener and the bodies, over real sockets, with a handler that only reads.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::body::{self, BodyError, Pace};
use super::memory::Memory;
use super::{Server, ServerSettings};

const LIMIT: usize = 256 * 1024;

/// Reads bodies whole and answers their length.
fn reader(pace: Pace) -> Router {
    let memory = Memory::new(4 << 20);
    let handler = move |request: Request| {
        let memory = memory.clone();
        async move {
            let (parts, body) = request.into_parts();
            match body::whole(&memory, &parts.headers, body, LIMIT, pace).await {
                Ok(body) => (StatusCode::OK, body.bytes.len().to_string()),
                Err(BodyError::TooLarge) => (StatusCode::PAYLOAD_TOO_LARGE, String::new()),
                Err(BodyError::Slow) => (StatusCode::REQUEST_TIMEOUT, String::new()),
                Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
            }
        }
    };
    Router::new().route("/", post(handler))
}

const PACE: Pace = Pace { idle: Duration::from_secs(20), whole: Duration::from_secs(60) };

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn start(router: Router, change: impl FnOnce(&mut ServerSettings)) -> Running {
    let mut settings = ServerSettings::new(([127, 0, 0, 1], 0).into());
    change(&mut settings);
    let server = Server::bind(settings).await.unwrap();
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(server.run(router, async {
        let _ = stopped.await;
    }));
    Running { address, stop, ended }
}

/// Sends bytes and reads until the server closes.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn heads_beyond_16_kb_are_bad_requests() {
    let server = start(reader(PACE), |_| {}).await;
    for size in [17 << 10, 100 << 10] {
        let long = "a".repeat(size);
        let header = format!("POST / HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n");
        let line = format!("POST /{long} HTTP/1.1\r\nhost: x\r\n\r\n");
        for request in [header, line] {
            // The server may close before it has read it all: only the answer counts.
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let _ = stream.write_all(request.as_bytes()).await;
            let mut status = [0; 12];
            stream.read_exact(&mut status).await.unwrap();
            assert_eq!(&status, b"HTTP/1.1 400");
        }
    }
}

#[tokio::test]
async fn bodies_beyond_the_limit_get_413() {
    let server = start(reader(PACE), |_| {}).await;
    let size = LIMIT + 1;
    let mut declared =
        format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {size}\r\n\r\n")
            .into_bytes();
    declared.resize(declared.len() + size, b'x');
    assert!(exchange(server.address, &declared).await.starts_with("HTTP/1.1 413"));
    let mut chunked = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\n"
    )
    .into_bytes();
    chunked.resize(chunked.len() + size, b'x');
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    assert!(exchange(server.address, &chunked).await.starts_with("HTTP/1.1 413"));
    let expects =
        format!("POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {size}\r\n\r\n");
    assert!(exchange(server.address, expects.as_bytes()).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn bodies_within_the_limit_are_read_however_they_come() {
    let server = start(reader(PACE), |_| {}).await;
    let mut whole =
        format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {LIMIT}\r\n\r\n")
            .into_bytes();
    whole.resize(whole.len() + LIMIT, b'x');
    assert!(exchange(server.address, &whole).await.ends_with("\r\n\r\n262144"));
    let chunked = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert!(exchange(server.address, chunked).await.ends_with("\r\n\r\n5"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_is_given_up() {
    let server = start(reader(PACE), |_| {}).await;
    let part = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\nabc";
    assert!(exchange(server.address, part).await.starts_with("HTTP/1.1 408"));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_stops_is_given_up() {
    let server = start(reader(PACE), |_| {}).await;
    let answer = exchange(server.address, b"POST / HTTP/1.1\r\nhost:").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn connections_are_kept_and_pipelined_requests_answered() {
    let server = start(reader(PACE), |_| {}).await;
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab";
    let last = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";
    let answer = exchange(server.address, &[&request[..], &last[..]].concat()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 2);
    assert!(answer.ends_with('3'));
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_slot() {
    let server = start(reader(PACE), |settings| settings.max_connections = 1).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na";
    first.write_all(request).await.unwrap();
    let mut some = [0; 12];
    first.read_exact(&mut some).await.unwrap();
    let close = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 1\r\n\r\na";
    let second = tokio::spawn(exchange(server.address, close));
    tokio::task::yield_now().await;
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn requests_under_way_end_when_the_server_does_and_idle_connections_close() {
    let server = start(reader(PACE), |_| {}).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let mut busy = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\na").await.unwrap();
    let mut some = [0; 12];
    idle.read_exact(&mut some).await.unwrap();
    busy.write_all(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        .await
        .unwrap();
    let mut go_on = [0; 25];
    busy.read_exact(&mut go_on).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"));
    server.stop.send(()).unwrap();
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    busy.write_all(b"body").await.unwrap();
    let mut answer = Vec::new();
    busy.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    server.ended.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}
