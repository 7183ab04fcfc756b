//! What the worker of one upstream and those who speak for its owner know together: orders, dead letters, how it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::letters::Letters;
use super::settings::UpstreamSettings;
use super::status::Live;
use crate::telemetry::{Counter, Watched};

/// One upstream's.
pub(super) struct Board {
    pub(super) name: String,
    pub(super) live: Watched<Live>,
    pub(super) acknowledged: Counter,
    pub(super) max_dead_letters: usize,
    letters: Mutex<Letters>,
    /// Since when its owner has it paused, in microseconds since 1970.
    paused: Mutex<Option<u64>>,
    retry: AtomicBool,
    /// The worker is to look at its orders.
    pub(super) told: Notify,
}

impl Board {
    pub(super) fn new(settings: &UpstreamSettings) -> Board {
        Board {
            name: settings.name.clone(),
            live: Watched::default(),
            acknowledged: Counter::default(),
            max_dead_letters: settings.max_dead_letters,
            letters: Mutex::default(),
            paused: Mutex::default(),
            retry: AtomicBool::default(),
            told: Notify::new(),
        }
    }

    /// The dead letters; to be held for moments only.
    pub(super) fn letters(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when it is paused, in microseconds since 1970; `None` where it is not.
    pub(super) fn paused(&self) -> Option<u64> {
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the worker to stop sending, or to go on.
    pub(super) fn set_paused(&self, since_us: Option<u64>) {
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = since_us;
        self.told.notify_one();
    }

    /// Tells the worker to try at once.
    pub(super) fn retry(&self) {
        self.retry.store(true, Ordering::Release);
        self.told.notify_one();
    }

    /// Whether that was said since this was asked last.
    pub(super) fn take_retry(&self) -> bool {
        self.retry.swap(false, Ordering::AcqRel)
    }
}
