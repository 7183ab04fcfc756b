//! What a worker finds around it: the store's figures, and the client with its connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::model::TableId;
use crate::store::{Asked, Asks, Seq};
use crate::sync::client::{Client, Slot};
use crate::sync::settings::UpstreamSettings;
use crate::sync::status::Shared;
use crate::sync::worker::Around;

/// What requests are made with; shared with those that are under way.
pub(super) struct Means {
    settings: UpstreamSettings,
    clock: Clock,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    client: Option<Arc<Client>>,
    slots: Vec<Slot>,
}

impl Means {
    pub(super) fn new(settings: UpstreamSettings, clock: Clock) -> Means {
        Means { settings, clock, made: Mutex::default() }
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client; made when it is first needed.
    pub(super) fn client(&self) -> Result<Arc<Client>, String> {
        let mut made = self.made();
        if let Some(client) = &made.client {
            return Ok(client.clone());
        }
        let client = Arc::new(Client::new(&self.settings, self.clock.clone())?);
        made.client = Some(client.clone());
        Ok(client)
    }

    /// A slot for a request; at most as many are out as requests are under way.
    pub(super) fn slot(&self) -> Slot {
        self.made().slots.pop().unwrap_or_default()
    }

    pub(super) fn give_back(&self, slot: Slot) {
        self.made().slots.push(slot);
    }

    fn existing(&self) -> Option<Arc<Client>> {
        self.made().client.clone()
    }
}

/// What the worker looks at.
pub(super) struct Outside {
    shared: Arc<Shared>,
    asks: watch::Receiver<Asks>,
    means: Arc<Means>,
}

impl Outside {
    pub(super) fn new(shared: Arc<Shared>, means: Arc<Means>) -> Outside {
        Outside { asks: shared.store.asks(), shared, means }
    }
}

impl Around for Outside {
    fn counted(&self) -> (Seq, Arc<BTreeMap<TableId, u64>>) {
        self.shared.store.counted()
    }

    fn is_sent(&self, table: TableId) -> bool {
        let catalog = self.shared.store.catalog();
        catalog.by_id(table).is_some_and(|table| self.shared.routes.of(table).is_some())
    }

    fn drops(&self) -> bool {
        self.shared.store.catalog().drops()
    }

    fn asked(&self) -> Option<Asked> {
        self.asks.borrow().get(&self.shared.name).cloned()
    }

    fn make_ready(&mut self) -> Result<(), String> {
        self.means.client().map(drop)
    }

    fn forget(&mut self) {
        *self.means.made() = Made::default();
    }

    fn credentials_refused(&mut self) -> bool {
        self.means.existing().is_some_and(|client| client.credentials_refused())
    }

    fn believe_upstream_time(&mut self) {
        if let Some(client) = self.means.existing() {
            client.believe_upstream_time();
        }
    }
}
