//! The sessions at brokers, kept in the store. After a restart with other rules a session is there still, and what it no
//! longer needs must be unsubscribed. And a message that a session delivers again must be told from one that another session
//! delivered under the same identifier, so each session has a number.

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::store::{Batch, Read, Space, Store, Urgency, system_key};

/// The rows in the store.
#[derive(Clone)]
pub struct Record {
    store: Store,
    clock: Clock,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").finish_non_exhaustive()
    }
}

/// What is known of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    /// Its number.
    pub(super) session: u64,
    /// What it is subscribed to.
    pub(super) filters: Vec<String>,
}

impl Record {
    /// The record in this store.
    pub fn new(store: Store, clock: Clock) -> Record {
        Record { store, clock }
    }

    /// What is known of a session, if anything.
    pub(super) async fn load(&self, url: &str, client_id: &str) -> Option<Known> {
        let (store, key) = (self.store.clone(), key(url, client_id));
        let read =
            tokio::task::spawn_blocking(move || store.view()?.get(&system_key(Space::Subscription, &key)));
        let row = match read.await {
            Ok(Ok(row)) => row,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the record of subscriptions can't be read");
                None
            }
            Err(_) => None,
        };
        row.and_then(|row| ciborium::from_reader(&row.image[..]).ok())
    }

    /// Keeps what is known of a session; durable when this returns. A store that can't take it is no reason to do without
    /// the session.
    pub(super) async fn save(&self, url: &str, client_id: &str, known: &Known) {
        let (key, stamp) = (key(url, client_id), self.clock.stamp());
        let mut value = Vec::new();
        if ciborium::into_writer(known, &mut value).is_err() {
            return;
        }
        let size = value.len() + 64;
        let stage = move |read: &dyn Read, batch: &mut Batch| {
            // A row that can't be read is written again.
            let found = read.get(&system_key(Space::Subscription, &key)).unwrap_or_default();
            if found.as_ref().map(|row| row.image.as_ref()) != Some(&value[..]) {
                batch.set_system(Space::Subscription, &key, Some(value), stamp);
            }
        };
        if let Err(error) = self.store.submit(Urgency::Gather, size, stage).await {
            tracing::warn!(%error, "the session at the MQTT broker can't be kept on record");
        }
    }
}

fn key(url: &str, client_id: &str) -> [u8; 16] {
    xxhash_rust::xxh3::xxh3_128(format!("{url}\0{client_id}").as_bytes()).to_be_bytes()
}
