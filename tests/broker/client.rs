//! A client that runs in the test's process, on a store that does as it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use forebay::clock::Clock;
use forebay::ingest::Subscriptions;
use forebay::mqtt::broker::{Broker, BrokerHandle, BrokerSettings, BrokerUrl};
use forebay::telemetry::{BrokerMetrics, BrokerStatus, MqttStatus, Watched};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::fake::{Fake, GUARD, Mode};

/// The client.
pub struct Client {
    pub store: Fake,
    pub metrics: Arc<BrokerMetrics>,
    pub handle: BrokerHandle,
    status: Arc<Watched<MqttStatus>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Settings for a broker here, with short pauses.
pub fn settings(address: SocketAddr) -> BrokerSettings {
    let url = BrokerUrl::parse(&format!("mqtt://{address}")).unwrap();
    BrokerSettings {
        first_pause: Duration::from_millis(20),
        longest_pause: Duration::from_millis(200),
        ..BrokerSettings::new(vec![url], "forebay-test")
    }
}

/// These filters; retained copies are wanted.
pub fn filters(filters: &[&str]) -> Subscriptions {
    Subscriptions { filters: filters.iter().map(|filter| (*filter).to_owned()).collect(), retained: true }
}

impl Client {
    /// Starts one that subscribes to everything below `s`.
    pub fn start(settings: BrokerSettings, mode: Mode) -> Client {
        Client::with(settings, filters(&["s/#"]), Fake::new(mode))
    }

    /// Starts one on a store that is there already.
    pub fn with(settings: BrokerSettings, subscriptions: Subscriptions, store: Fake) -> Client {
        let clock = Clock::manual(1_800_000_000_000_000);
        let (broker, handle) = Broker::new(Some(settings), subscriptions, clock);
        let (metrics, status) = (Arc::new(BrokerMetrics::default()), Arc::new(Watched::default()));
        let (stop, stopping) = watch::channel(false);
        let running = broker.run(store.clone(), stopping, Arc::clone(&metrics), Arc::clone(&status));
        Client { store, metrics, handle, status, stop, task: tokio::spawn(running) }
    }

    pub fn detail(&self) -> BrokerStatus {
        self.status.get().broker_detail.unwrap_or_default()
    }

    pub fn reason(&self) -> String {
        self.detail().reason.unwrap_or_default()
    }

    pub fn is_subscribed(&self) -> bool {
        self.status.get().broker.as_deref() == Some("subscribed")
    }

    /// Waits until the subscription is confirmed.
    pub async fn subscribed(&self) {
        until("the subscription", || self.is_subscribed()).await;
    }

    /// Waits until it is not subscribed, for a reason with this in it.
    pub async fn not_subscribed(&self, part: &str) {
        until(part, || !self.is_subscribed() && self.reason().contains(part)).await;
    }

    /// Stops it, as at the end of the daemon.
    pub async fn stop(self) -> Fake {
        self.stop.send_replace(true);
        tokio::time::timeout(GUARD, self.task).await.expect("the client ends").unwrap();
        self.store
    }

    /// Begins to stop it.
    pub fn begin_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Ends it without a word, as SIGKILL would.
    pub async fn kill(self) -> Fake {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        self.store
    }
}

/// Looks again and again; for what offers no event to wait for.
pub async fn until(what: &str, look: impl Fn() -> bool) {
    let looking = async {
        while !look() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(GUARD, looking).await.is_ok(), "waited in vain for {what}");
}
