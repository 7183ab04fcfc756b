//! Binds, accepts, bounds, drains.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::budget::Budget;
use super::session::{Sessions, Swept};
use super::{Ledger, ListenerSettings, Offer, connection, will};
use crate::ingest::Message;
use crate::telemetry::ListenerMetrics;

/// Wills that wait for a full store.
const MAX_LATE_WILLS: usize = 1024;
/// After an error of accept (too many open files), before the next try.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// The listener can't be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else has the address.
    #[error(
        "MQTT address {0} is in use, by mosquitto perhaps; stop that program, or give this one another address \
         (--mqtt, or listen in [mqtt.listener])"
    )]
    InUse(SocketAddr),
    /// A port below 1024.
    #[error("MQTT address {0} needs a privilege: choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE")]
    Privileged(SocketAddr),
    /// The address is not this machine's.
    #[error("MQTT address {0} is not an address of this machine; 0.0.0.0 listens on all of them")]
    NotHere(SocketAddr),
    /// Something else.
    #[error("MQTT address {address} can't be listened on: {source}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    settings: ListenerSettings,
    ledger: Option<Ledger>,
}

/// What all connections share.
pub(super) struct Shared<O> {
    pub(super) offer: O,
    pub(super) settings: ListenerSettings,
    pub(super) metrics: Arc<ListenerMetrics>,
    pub(super) sessions: Arc<Sessions>,
    /// Where sessions are on record; without it they end with the process.
    pub(super) ledger: Option<Ledger>,
    pub(super) budget: Arc<Budget>,
    /// To [`will::keep_trying`].
    pub(super) wills: mpsc::Sender<Message>,
    pub(super) shutdown: watch::Receiver<bool>,
}

impl Listener {
    /// Binds the address.
    pub async fn bind(settings: ListenerSettings) -> Result<Listener, BindError> {
        let address = settings.listen;
        let explain = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse(address),
            io::ErrorKind::PermissionDenied => BindError::Privileged(address),
            io::ErrorKind::AddrNotAvailable => BindError::NotHere(address),
            _ => BindError::Other { address, source },
        };
        let socket = TcpListener::bind(address).await.map_err(explain)?;
        let address = socket.local_addr().map_err(explain)?;
        Ok(Listener { socket, address, settings, ledger: None })
    }

    /// A listener on a socket that listens already, and does not block.
    pub fn on(socket: std::net::TcpListener, settings: ListenerSettings) -> Result<Listener, BindError> {
        let explain = |source| BindError::Other { address: settings.listen, source };
        let socket = TcpListener::from_std(socket).map_err(explain)?;
        let address = socket.local_addr().map_err(explain)?;
        Ok(Listener { socket, address, settings, ledger: None })
    }

    /// Keeps sessions on record in the store, so that they outlive the process.
    pub fn with_ledger(self, ledger: Ledger) -> Listener {
        Listener { ledger: Some(ledger), ..self }
    }

    /// The address it is bound to: with port 0 in the settings, the one the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` becomes true (or its sender is gone); then lets every connection settle and acknowledge
    /// what it has, within the drain time, and returns.
    pub async fn run<O: Offer>(
        self,
        offer: O,
        mut shutdown: watch::Receiver<bool>,
        metrics: Arc<ListenerMetrics>,
    ) {
        let drain = self.settings.drain;
        let (wills, late_wills) = mpsc::channel(MAX_LATE_WILLS);
        let late_wills = tokio::spawn({
            let (offer, shutdown, metrics) = (offer.clone(), shutdown.clone(), Arc::clone(&metrics));
            async move { will::keep_trying(offer, late_wills, shutdown, drain, &metrics).await }
        });
        let shared = Arc::new(Shared {
            offer,
            sessions: restored(self.ledger.as_ref(), self.settings.max_sessions).await,
            ledger: self.ledger,
            budget: Arc::new(Budget::new(self.settings.common_memory())),
            settings: self.settings,
            metrics,
            wills,
            shutdown: shutdown.clone(),
        });
        tracing::info!(address = %self.address, "MQTT listener");
        let mut connections = JoinSet::new();
        tokio::select! {
            () = accept(&self.socket, &shared, &mut connections) => {}
            () = sweep(&shared) => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
        drop(self.socket);
        let deadline = Instant::now() + drain;
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout_at(deadline, ended).await.is_err() {
            tracing::warn!(left = connections.len(), "MQTT connections did not settle in time; they are cut");
            connections.shutdown().await;
        }
        for message in shared.sessions.take_wills() {
            will::later(&shared.wills, message, &shared.metrics);
        }
        drop(shared);
        if timeout_at(deadline + drain, late_wills).await.is_err() {
            tracing::error!("wills were still waiting for the store at the end");
        }
    }
}

/// The sessions that are on record.
async fn restored(ledger: Option<&Ledger>, limit: usize) -> Arc<Sessions> {
    let sessions = Sessions::new(limit);
    if let Some(ledger) = ledger {
        let left_out = sessions.restore(ledger.load().await, std::time::Instant::now());
        ledger.end(&left_out).await;
    }
    sessions
}

/// Accepts for ever.
async fn accept<O: Offer>(socket: &TcpListener, shared: &Arc<Shared<O>>, connections: &mut JoinSet<()>) {
    let mut full = false;
    loop {
        while connections.try_join_next().is_some() {}
        match socket.accept().await {
            Ok((stream, peer)) if connections.len() >= shared.settings.max_connections => {
                shared.metrics.turned_away.add(1);
                if !std::mem::replace(&mut full, true) {
                    let max_connections = shared.settings.max_connections;
                    tracing::warn!(%peer, max_connections, "MQTT connections are turned away");
                }
                drop(stream);
            }
            Ok((stream, peer)) => {
                full = false;
                connections.spawn(serve(stream, peer, Arc::clone(shared)));
            }
            Err(error) => {
                tracing::warn!(%error, "accepting an MQTT connection");
                sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// One connection, counted.
async fn serve<O: Offer>(stream: TcpStream, peer: SocketAddr, shared: Arc<Shared<O>>) {
    struct Counted<'a>(&'a ListenerMetrics);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.connections.sub(1);
        }
    }
    shared.metrics.opened.add(1);
    shared.metrics.connections.add(1);
    let _counted = Counted(&shared.metrics);
    connection::serve(stream, peer, &shared).await;
}

/// Forgets expired sessions and publishes delayed wills, for ever.
async fn sweep<O: Offer>(shared: &Shared<O>) {
    loop {
        let Swept { wills, expired, next } = shared.sessions.sweep(std::time::Instant::now());
        if let Some(ledger) = &shared.ledger {
            ledger.end(&expired).await;
        }
        for message in wills {
            will::later(&shared.wills, message, &shared.metrics);
        }
        let next = async {
            match next {
                Some(next) => sleep_until(next.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = next => {}
            () = shared.sessions.changed() => {}
        }
    }
}
