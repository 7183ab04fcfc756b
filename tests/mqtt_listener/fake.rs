//! A store that does as it is told, and a listener in front of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay::engine::EngineError;
use forebay::ingest::{Message, Settled};
use forebay::mqtt::{Listener, ListenerSettings, Offer};
use forebay::telemetry::ListenerMetrics;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the store behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Takes everything.
    Open,
    /// Does not answer: a commit that takes long.
    Held,
    Full,
    Busy,
    /// Takes one message of each batch, then it is full.
    OneThenFull,
    Unknown,
}

/// The store.
#[derive(Clone)]
pub struct Fake {
    mode: watch::Sender<Mode>,
    stored: Arc<Mutex<Vec<Message>>>,
    count: watch::Sender<usize>,
    /// Offers that have begun.
    pub offers: watch::Sender<usize>,
    largest: Arc<Mutex<usize>>,
}

impl Offer for Fake {
    async fn offer(&self, messages: Vec<Message>) -> Settled {
        let bytes = messages.iter().map(|message| message.payload.len()).sum();
        {
            let mut largest = self.largest.lock().unwrap();
            *largest = (*largest).max(bytes);
        }
        self.offers.send_modify(|offers| *offers += 1);
        let mut mode = self.mode.subscribe();
        let mode = *mode.wait_for(|mode| *mode != Mode::Held).await.unwrap();
        let (take, failed) = match mode {
            Mode::Open | Mode::Held => (messages.len(), None),
            Mode::Full => (0, Some(EngineError::Full("test".into()))),
            Mode::Busy => (0, Some(EngineError::Busy)),
            Mode::OneThenFull => (1, Some(EngineError::Full("test".into()))),
            Mode::Unknown => (0, Some(EngineError::OutcomeUnknown("test".into()))),
        };
        let mut stored = self.stored.lock().unwrap();
        stored.extend(messages.into_iter().take(take));
        self.count.send_replace(stored.len());
        Settled { count: take, failed }
    }
}

impl Fake {
    pub fn new(mode: Mode) -> Fake {
        Fake {
            mode: watch::channel(mode).0,
            stored: Arc::default(),
            count: watch::channel(0).0,
            offers: watch::channel(0).0,
            largest: Arc::default(),
        }
    }

    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// Waits until so many messages are stored; gives topics and payloads.
    pub async fn stored(&self, count: usize) -> Vec<(String, Vec<u8>)> {
        let mut watched = self.count.subscribe();
        let wait = watched.wait_for(|stored| *stored >= count);
        let enough = tokio::time::timeout(GUARD, wait).await;
        let stored = self.stored.lock().unwrap();
        assert!(enough.is_ok(), "{} of {count} messages came", stored.len());
        stored.iter().map(|message| (message.topic.to_string(), message.payload.to_vec())).collect()
    }

    /// The payloads stored so far, as text.
    pub fn payloads(&self) -> Vec<String> {
        let stored = self.stored.lock().unwrap();
        stored.iter().map(|message| String::from_utf8_lossy(&message.payload).into_owned()).collect()
    }

    /// The messages stored so far.
    pub fn messages(&self) -> Vec<Message> {
        self.stored.lock().unwrap().clone()
    }

    /// Waits until so many offers have begun.
    pub async fn offered(&self, count: usize) {
        let mut offers = self.offers.subscribe();
        let wait = offers.wait_for(|offers| *offers >= count);
        assert!(tokio::time::timeout(GUARD, wait).await.is_ok(), "no offer number {count}");
    }

    /// The largest batch, in bytes of payload.
    pub fn largest(&self) -> usize {
        *self.largest.lock().unwrap()
    }
}

/// What waits at all is given up after this.
pub const GUARD: Duration = Duration::from_secs(20);

/// A listener that runs.
pub struct Running {
    pub address: SocketAddr,
    pub store: Fake,
    pub metrics: Arc<ListenerMetrics>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Settings for a free port.
pub fn settings() -> ListenerSettings {
    ListenerSettings::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// Starts a listener.
pub async fn start_with(settings: ListenerSettings, mode: Mode) -> Running {
    let listener = Listener::bind(settings).await.unwrap();
    let (address, store) = (listener.local_addr(), Fake::new(mode));
    let (metrics, (stop, stopped)) = (Arc::new(ListenerMetrics::default()), watch::channel(false));
    let task = tokio::spawn(listener.run(store.clone(), stopped, Arc::clone(&metrics)));
    Running { address, store, metrics, stop, task }
}

/// Starts a listener with the defaults.
pub async fn start() -> Running {
    start_with(settings(), Mode::Open).await
}

impl Running {
    /// Begins to stop.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for the end.
    pub async fn ended(self) {
        tokio::time::timeout(GUARD, self.task).await.expect("the listener ends").unwrap();
    }
}
