//! Metric and health values, apart from their rendering: rooms write them, `http` and `cli` read them.

mod broker;
mod configuration;
mod histogram;
pub mod process;
mod requests;
pub mod status;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub use broker::{BrokerMetrics, BrokerStatus};
pub use configuration::ConfigurationFigures;
pub use histogram::{Histogram, HistogramFigures};
pub use requests::{Door, Operation, RequestMetrics};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that grows and shrinks.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Adds.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Takes away what was added.
    pub fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// Replaces it, where one room alone knows it.
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A value that its room replaces and others look at.
#[derive(Debug, Default)]
pub struct Watched<T>(Mutex<T>);

impl<T: Clone> Watched<T> {
    /// Starts with this value.
    pub fn new(value: T) -> Watched<T> {
        Watched(Mutex::new(value))
    }

    /// The value now.
    pub fn get(&self) -> T {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes it.
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// What came in over MQTT and REST.
#[derive(Debug, Default)]
pub struct IngestMetrics {
    /// Items stored.
    pub accepted: Counter,
    /// Messages that no rule could map, or that can't be an item.
    pub rejected: Counter,
    /// Empty payloads, retained copies, dropped by rule, delivered twice.
    pub skipped: Counter,
}

/// What the MQTT listener does.
#[derive(Debug, Default)]
pub struct ListenerMetrics {
    /// Connections open now, those that have not said CONNECT yet included.
    pub connections: Gauge,
    /// Connections opened since the start.
    pub opened: Counter,
    /// Connections turned away because `max_connections` were open.
    pub turned_away: Counter,
    /// CONNECTs refused (version, identifier, authentication method, malformed).
    pub refused: Counter,
    /// Connections whose client connected again elsewhere.
    pub taken_over: Counter,
    /// PUBLISH packets received.
    pub messages: Counter,
    /// Bytes received.
    pub bytes: Counter,
    /// PUBACKs and PUBRECs sent.
    pub acknowledged: Counter,
    /// QoS 2 messages delivered again within their session; not stored again.
    pub repeated: Counter,
    /// QoS 0 messages dropped because the store could not take them.
    pub dropped_qos0: Counter,
    /// Connections whose acknowledgements are withheld now, because the store is full or busy.
    pub withholding: Gauge,
    /// Topic filters refused: the listener serves no subscriptions.
    pub subscriptions_refused: Counter,
    /// Connections closed for a packet beyond the maximum size.
    pub too_large: Counter,
    /// Connections closed for a malformed packet or a breach of the protocol.
    pub malformed: Counter,
    /// Connections closed because nothing came for one and a half keep-alive times.
    pub silent: Counter,
    /// Wills published.
    pub wills: Counter,
    /// Wills that could not be stored before the process ended.
    pub wills_lost: Counter,
}

/// Whether an upstream answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamState {
    /// The last request was answered.
    Online,
    /// It can't be reached (or has not been yet).
    #[default]
    Offline,
    /// It asks for less.
    Throttled,
    /// Somebody paused it.
    Paused,
    /// It answers, but a thing must be put right first; the reason says what.
    Blocked,
}

/// One upstream, as `status` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Its state.
    pub state: UpstreamState,
    /// Why, where the state needs a reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Since when it is in this state (RFC 3339): since its owner paused it, else at most since the start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<String>,
    /// Changes in the journal that the upstream has not settled; derived from journal and cursor.
    pub pending: u64,
    /// In how many seconds they will have gone, with what comes in meanwhile, at the rate of late: an estimate. `None` while
    /// that is not known, or they do not become fewer.
    #[serde(default)]
    pub drained_in_seconds: Option<u64>,
    /// The write units that they will cost: an estimate, from what those that were read cost. `None` while none was.
    #[serde(default)]
    pub pending_write_units: Option<u64>,
    /// Age of the oldest of them, in seconds.
    pub oldest_pending_age_seconds: u64,
    /// Changes that the upstream took, since the start of the process.
    pub acknowledged: u64,
    /// Changes given up unsent because the owner chose that.
    pub dropped_unsent: u64,
    /// Letters waiting for the owner.
    pub dead_letters: u64,
}

/// Gives one upstream's status when asked; `sync` implements it.
pub trait UpstreamSource: Send + Sync {
    /// The status now.
    fn status(&self) -> UpstreamStatus;
}

/// The MQTT doors' states: what is configured is `Some`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MqttStatus {
    /// `"connecting"`, `"subscribed"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub broker: Option<String>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub broker_detail: Option<BrokerStatus>,
    /// `"listening"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub listener: Option<String>,
}
