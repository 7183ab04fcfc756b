//! The listener: connections, their limits, and their end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::Connection;

/// A request's head, in bytes: beyond it, 400.
const HEAD: usize = 16 * 1024;
/// The buffer of a connection, at most, in bytes.
const BUFFER: usize = 64 * 1024;
/// How long to wait when the system has no descriptor left for a connection.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// What the listener allows.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Connections at once; more wait to be accepted.
    pub max_connections: usize,
    /// How long a head may take, and how long a connection may be idle.
    pub head_timeout: Duration,
    /// How long a peer may leave its answer unread.
    pub write_timeout: Duration,
    /// How long the requests under way may take to end when the server does.
    pub drain: Duration,
}

impl ServerSettings {
    /// The defaults, at this address.
    pub fn new(listen: SocketAddr) -> ServerSettings {
        ServerSettings {
            listen,
            max_connections: 512,
            head_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

/// A bound listener.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: ServerSettings,
}

impl Server {
    /// Binds.
    pub async fn bind(settings: ServerSettings) -> io::Result<Server> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        Ok(Server { listener, address, settings })
    }

    /// A server on a socket that listens already, and does not block.
    pub fn on(socket: std::net::TcpListener, settings: ServerSettings) -> io::Result<Server> {
        let listener = TcpListener::from_std(socket)?;
        let address = listener.local_addr()?;
        Ok(Server { listener, address, settings })
    }

    /// The address that was bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` resolves, then lets the requests under way end.
    pub async fn run(self, router: Router, shutdown: impl Future<Output = ()>) {
        let slots = Arc::new(Semaphore::new(self.settings.max_connections.max(1)));
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = self.accept(&slots) => accepted,
            };
            let Some((stream, slot)) = accepted else { break };
            let serving = serve(stream, self.settings.clone(), router.clone(), stopping.clone());
            connections.spawn(async move {
                serving.await;
                drop(slot);
            });
        }
        drop(self.listener);
        let _ = stop.send(true);
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(self.settings.drain, drained).await.is_err() {
            tracing::warn!(
                connections = connections.len(),
                "HTTP requests did not end in time; closing them"
            );
        }
    }

    /// The next connection, once there is a slot for it. Cancelling it loses nothing.
    async fn accept(&self, slots: &Arc<Semaphore>) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let slot = Arc::clone(slots).acquire_owned().await.ok()?;
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return Some((stream, slot)),
                Err(error) if is_the_connections(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection can't be accepted; trying again");
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    }
}

/// Whether accepting failed because of that one connection, and not of the listener or the process.
fn is_the_connections(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// One connection, to its end.
async fn serve(
    stream: TcpStream,
    settings: ServerSettings,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    // A small answer must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Connection::new(stream, settings.write_timeout));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.head_timeout)
        .max_header_size(HEAD)
        .max_buf_size(BUFFER);
    let connection = http.serve_connection(io, TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let stop = async move {
        // An error means that the server is gone: the same.
        let _ = stopping.wait_for(|stop| *stop).await;
    };
    let mut stop = pin!(stop);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = &mut stop => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}
