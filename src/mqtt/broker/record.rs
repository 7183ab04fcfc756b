//! What the session at a broker is subscribed to, kept in the store: after a restart with other rules the session is there
//! still, and what it no longer needs must be unsubscribed.

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

/// One session's row.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    filters: Vec<String>,
}

impl Record {
    /// The record in this store.
    pub fn new(store: Store, clock: Clock) -> Record {
        Record { store, clock }
    }

    /// The filters of a session; none where nothing is known.
    pub(super) async fn load(&self, url: &str, client_id: &str) -> Vec<String> {
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
        row.and_then(|row| ciborium::from_reader::<Entry, _>(&row.image[..]).ok())
            .map(|entry| entry.filters)
            .unwrap_or_default()
    }

    /// The session has these now. A store that can't take it is no reason to do without them.
    pub(super) async fn save(&self, url: &str, client_id: &str, filters: Vec<String>) {
        let (key, stamp) = (key(url, client_id), self.clock.stamp());
        let mut value = Vec::new();
        if ciborium::into_writer(&Entry { filters }, &mut value).is_err() {
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
            tracing::warn!(%error, "the subscriptions can't be kept on record; they are asked for again after a restart");
        }
    }
}

fn key(url: &str, client_id: &str) -> [u8; 16] {
    xxhash_rust::xxh3::xxh3_128(format!("{url}\0{client_id}").as_bytes()).to_be_bytes()
}
