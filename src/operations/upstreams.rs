//! The upstreams of a running daemon: `app` changes the set, `http` shows it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::telemetry::{UpstreamSource, UpstreamStatus};

/// One upstream, as others hold it.
pub type Handle = Arc<dyn UpstreamSource>;

/// The upstreams as they are now, in the order of the configuration; cheap to clone, and each clone sees the same set.
#[derive(Clone, Default)]
pub struct Upstreams(Arc<Mutex<Vec<Handle>>>);

impl Upstreams {
    /// All of them.
    pub fn all(&self) -> Vec<Handle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How each is. It looks at files and counters: not for a runtime's thread.
    pub fn statuses(&self) -> Vec<UpstreamStatus> {
        self.all().iter().map(|upstream| upstream.status()).collect()
    }

    /// Replaces the set.
    pub fn set(&self, upstreams: Vec<Handle>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = upstreams;
    }
}
