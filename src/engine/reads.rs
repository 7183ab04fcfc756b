//! Where a read runs. A cold page of an SD card blocks the thread that meets it, so pages of rows are read on threads of
//! their own. One row is a few pages, mostly warm ones: handing it over would cost more than reading it. It is read where its request
//! is, as long as one thread that drives sockets stays free of reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::EngineError;
use crate::store::{Store, View};

/// Places for reads of one row on the threads that drive sockets.
#[derive(Clone, Debug, Default)]
pub(super) struct Reads {
    here: Arc<AtomicUsize>,
}

/// A place that is taken; free again when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Reads {
    /// Reads one row.
    pub(super) async fn row<R: Send + 'static>(
        &self,
        store: &Store,
        read: impl FnOnce(&View) -> Result<R, EngineError> + Send + 'static,
    ) -> Result<R, EngineError> {
        let drivers = tokio::runtime::Handle::current().metrics().num_workers();
        match self.place(drivers.saturating_sub(1)) {
            Some(_place) => read(&store.view()?),
            None => page(store, read).await,
        }
    }

    /// A place, if fewer than so many are taken.
    fn place(&self, places: usize) -> Option<Place<'_>> {
        let place = Place(&self.here);
        // Taken first, given back by the drop: two that come at once never both go beyond.
        (self.here.fetch_add(1, Ordering::Relaxed) < places).then_some(place)
    }
}

/// Reads one page of rows. The number of threads that block at once is the runtime's bound.
pub(super) async fn page<R: Send + 'static>(
    store: &Store,
    read: impl FnOnce(&View) -> Result<R, EngineError> + Send + 'static,
) -> Result<R, EngineError> {
    let store = store.clone();
    let task = tokio::task::spawn_blocking(move || read(&store.view()?));
    task.await.unwrap_or_else(|error| Err(EngineError::Internal(format!("a read ended early: {error}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let reads = Reads::default();
        assert!(reads.place(0).is_none());
        let first = reads.place(2);
        let second = reads.place(2);
        assert!(first.is_some() && second.is_some());
        assert!(reads.place(2).is_none());
        drop(first);
        assert!(reads.place(2).is_some());
    }
}
