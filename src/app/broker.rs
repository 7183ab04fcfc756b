//! The broker client: started with the doors, reached by reloads.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::ingest::Accept;
use crate::mqtt::broker::{Broker, BrokerHandle, BrokerSettings, SubscriptionRecord};
use crate::store::Store;
use crate::telemetry::{BrokerMetrics, MqttStatus, Watched};

/// What the client shows of itself; there before it is, so that the doors can show it.
pub(super) struct BrokerClient {
    /// The MQTT doors' states; the client keeps its part of it.
    pub(super) status: Arc<Watched<MqttStatus>>,
    /// Its figures.
    pub(super) metrics: Arc<BrokerMetrics>,
}

impl BrokerClient {
    /// Not yet started.
    pub(super) fn new() -> BrokerClient {
        BrokerClient { status: Arc::default(), metrics: Arc::default() }
    }

    /// Starts the client in a task of its own; without settings it waits for a reload to bring some. A reload swaps the
    /// rules first and passes [`Accept::subscriptions`] on.
    pub(super) fn start(
        self,
        settings: Option<BrokerSettings>,
        accept: &Accept,
        store: &Store,
        clock: &Clock,
        stopping: &watch::Receiver<bool>,
        tasks: &mut JoinSet<()>,
    ) -> BrokerHandle {
        let (broker, handle) = Broker::new(settings, accept.subscriptions(), clock.clone());
        let broker = broker.with_record(SubscriptionRecord::new(store.clone(), clock.clone()));
        tasks.spawn(broker.run(accept.clone(), stopping.clone(), self.metrics, self.status));
        handle
    }
}
