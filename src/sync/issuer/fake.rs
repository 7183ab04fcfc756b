//! An issuer in this process, for tests: answers what it is told, remembers what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

#[path = "../../../tests/support/tls_server.rs"]
mod tls_server;

pub(super) use tls_server::fixture;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// This status and body.
    Answer(u16, String),
    /// Nothing, for ever.
    Hang,
    /// This at once, and then an answer's head and body of one byte a second.
    Dribble(&'static str),
    /// Closes the connection.
    Cut,
}

#[derive(Default)]
pub(super) struct State {
    /// Done one after another; with nothing left, it closes connections.
    pub(super) script: VecDeque<Act>,
    /// Requests, head and body.
    pub(super) seen: Vec<String>,
}

/// The issuer; stops when dropped.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    pub(super) state: Arc<Mutex<State>>,
    asked: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl Fake {
    pub(super) async fn start(tls: bool) -> Fake {
        Fake::at("127.0.0.1:0".parse().unwrap(), tls).await
    }

    pub(super) async fn at(address: SocketAddr, tls: bool) -> Fake {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let (tell, asked) = watch::channel(0);
        let mut tasks = JoinSet::new();
        let (shared, acceptor) = (state.clone(), tls.then(|| TlsAcceptor::from(tls_server::for_devices())));
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (shared, tell, acceptor) = (shared.clone(), tell.clone(), acceptor.clone());
                connections.spawn(async move {
                    match acceptor {
                        None => serve(socket, &shared, &tell).await,
                        Some(acceptor) => match acceptor.accept(socket).into_fallible().await {
                            Ok(tls) => serve(tls, &shared, &tell).await,
                            // Closed with something unread, TCP would drop the alert that says why.
                            Err((_, mut socket)) => {
                                tokio::io::copy(&mut socket, &mut tokio::io::sink()).await.ok().map(drop)
                            }
                        },
                    }
                });
            }
        });
        Fake { address, state, asked, _tasks: tasks }
    }

    pub(super) fn then(&self, act: Act) {
        self.state.lock().unwrap().script.push_back(act);
    }

    pub(super) fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }

    /// Waits until it was asked so often.
    pub(super) async fn until_asked(&self, times: usize) {
        self.asked.clone().wait_for(|asked| *asked >= times).await.unwrap();
    }
}

async fn serve(
    mut io: impl AsyncRead + AsyncWrite + Unpin,
    state: &Mutex<State>,
    tell: &watch::Sender<usize>,
) -> Option<()> {
    let request = read(&mut io).await?;
    let act = {
        let mut state = state.lock().unwrap();
        state.seen.push(request);
        state.script.pop_front().unwrap_or(Act::Cut)
    };
    tell.send_modify(|asked| *asked += 1);
    match act {
        Act::Answer(status, body) => {
            let date = "Date: Mon, 23 Nov 2026 06:00:00 GMT";
            let head = format!("HTTP/1.1 {status} x\r\n{date}\r\nContent-Length: {}\r\n\r\n", body.len());
            io.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
            io.shutdown().await.ok()
        }
        Act::Hang => std::future::pending().await,
        Act::Dribble(first) => {
            io.write_all(first.as_bytes()).await.ok()?;
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".iter().chain(&[b' '; 1000]) {
                io.write_all(&[*byte]).await.ok()?;
                io.flush().await.ok()?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            None
        }
        Act::Cut => None,
    }
}

/// A head, and a body of the length that it gives.
async fn read(io: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(io.read_u8().await.ok()?);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head
        .split("content-length: ")
        .nth(1)
        .map_or(0, |rest| rest.split("\r\n").next().unwrap().parse().unwrap());
    let mut body = vec![0; length];
    io.read_exact(&mut body).await.ok()?;
    Some(head + std::str::from_utf8(&body).unwrap())
}
