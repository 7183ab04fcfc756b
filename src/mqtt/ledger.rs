//! Which clients have a session, kept in the store, so that a restart of the gateway does not end it.
//!
//! A client that comes back and is told that there is no session forgets, as section 3.2.2.2 wants it, what it had not
//! seen acknowledged: after a power cut that would be readings lost. What the session itself remembers (QoS 2 identifiers)
//! need not be kept: deliveries that came before are recognised by the store.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::store::{Batch, CommitError, Direction, KeyRange, Read, Space, Store, Urgency, system_key};

/// The sessions' rows in the store.
#[derive(Clone)]
pub struct Ledger {
    store: Store,
    clock: Clock,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

/// One session's row.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    client: String,
    expiry_s: u32,
}

impl Ledger {
    /// The ledger of this store.
    pub fn new(store: Store, clock: Clock) -> Ledger {
        Ledger { store, clock }
    }

    /// The sessions that an earlier process left, with how long each outlives its connection.
    pub(super) async fn load(&self) -> Vec<(Arc<str>, Duration)> {
        let store = self.store.clone();
        let loaded = tokio::task::spawn_blocking(move || {
            let view = store.view()?;
            let mut sessions = Vec::new();
            view.scan(&whole_space(), Direction::Forward, &mut |_, row| {
                if let Ok(Entry { client, expiry_s }) = ciborium::from_reader(row.image) {
                    sessions.push((Arc::from(client), Duration::from_secs(expiry_s.into())));
                }
                std::ops::ControlFlow::Continue(())
            })?;
            Ok::<_, crate::store::ReadError>(sessions)
        });
        match loaded.await {
            Ok(Ok(sessions)) => sessions,
            Ok(Err(error)) => {
                tracing::error!(%error, "the MQTT sessions can't be read; clients will be told that theirs have ended");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    /// A session begins; durable when this returns. A store that can't take it is no reason to refuse the client.
    pub(super) async fn begin(&self, client: &str, expiry_s: u32) {
        let mut value = Vec::new();
        let entry = Entry { client: client.to_owned(), expiry_s };
        if ciborium::into_writer(&entry, &mut value).is_err() {
            return;
        }
        if let Err(error) = self.set(vec![key(client)], Some(value)).await {
            tracing::warn!(client, %error, "the session can't be remembered across a restart");
        }
    }

    /// Sessions have ended.
    pub(super) async fn end(&self, clients: &[Arc<str>]) {
        if clients.is_empty() {
            return;
        }
        let keys = clients.iter().map(|client| key(client)).collect();
        if let Err(error) = self.set(keys, None).await {
            tracing::debug!(%error, "ended sessions stay on record; they expire after the next start");
        }
    }

    /// Sets or removes rows that do not stand so already.
    async fn set(&self, keys: Vec<[u8; 16]>, value: Option<Vec<u8>>) -> Result<(), CommitError> {
        let stamp = self.clock.stamp();
        let size = keys.len() * 64 + value.as_ref().map_or(0, Vec::len);
        let stage = move |read: &dyn Read, batch: &mut Batch| {
            for key in keys {
                // A row that can't be read is written again.
                let found = read.get(&system_key(Space::Session, &key)).unwrap_or_default();
                let same = found.as_ref().map(|row| row.image.as_ref()) == value.as_deref();
                if !same {
                    batch.set_system(Space::Session, &key, value.clone(), stamp);
                }
            }
        };
        self.store.submit(Urgency::Gather, size, stage).await
    }
}

/// A row's key: client identifiers may be longer than a key can be.
fn key(client: &str) -> [u8; 16] {
    xxhash_rust::xxh3::xxh3_128(client.as_bytes()).to_be_bytes()
}

fn whole_space() -> KeyRange {
    let start = system_key(Space::Session, &[]).as_slice().to_vec();
    let end = (Space::Session as u32 + 1).to_be_bytes().to_vec();
    KeyRange { start: std::ops::Bound::Included(start), end: std::ops::Bound::Excluded(end) }
}
