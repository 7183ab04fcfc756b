//! The store's handle: what the floors above hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::journal::{Bookmark, Reader};
use super::open::Opened;
use super::pulse::Heartbeat;
use super::queue::Queue;
use super::shared::Shared;
use super::view::View;
use super::{
    Asks, Backlog, Batch, Catalog, Claim, CommitError, Read, ReadError, Row, Seq, Urgency, check, marks,
    status,
};
use crate::clock::{BootId, Clock};
use crate::model::{KeyCodec, RowKey, TableId};
use crate::telemetry::HistogramFigures;
use crate::telemetry::status::StoreFigures;

/// The longest the last fold may take where nobody says.
const LAST_FOLD: Duration = Duration::from_secs(25);

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The store's directory; made if it isn't there.
    pub path: PathBuf,
    /// Journal and tree together, in bytes.
    pub max_size: u64,
    /// The longest a [`Urgency::Gather`] group waits for company.
    pub commit_wait: Duration,
}

impl StoreSettings {
    /// The defaults, at this path: 2 GiB, a wait of 5 ms.
    pub fn new(path: impl Into<PathBuf>) -> StoreSettings {
        StoreSettings { path: path.into(), max_size: 2 << 30, commit_wait: Duration::from_millis(5) }
    }
}

/// The store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another forebay process; stop that one, or give this one another --data", path.display())]
    InUse {
        /// The store's directory.
        path: PathBuf,
    },
    /// The store is of a newer format than this binary knows.
    #[error("{} has store format {found}, this forebay knows up to {known}; use the newer forebay again", path.display())]
    TooNew {
        /// The store's directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest known here.
        known: u32,
    },
    /// The file system said no.
    #[error("{what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// LMDB said no, beyond what setting the tree aside could mend.
    #[error("the tree in {}: {what}", path.display())]
    Tree {
        /// The store's directory.
        path: PathBuf,
        /// LMDB's word.
        what: String,
    },
}

/// What DescribeTable says of a table's contents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStatistics {
    /// Rows of the table in the tree.
    pub items: u64,
    /// Their size by DynamoDB's accounting, in bytes.
    pub bytes: u64,
}

/// The store; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    path: PathBuf,
    queue: Mutex<Option<Arc<Queue>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens, or makes, the store: locks it, checks it, sets damage aside, replays the journal, starts the committer's
    /// and the fold's threads. Raises the clock's floor to the newest record's time. Blocking.
    pub fn open(settings: &StoreSettings, clock: &Clock) -> Result<Store, OpenError> {
        Ok(Store::from_parts(super::open::open(settings, clock)?, settings))
    }

    pub(super) fn from_parts(opened: Opened, settings: &StoreSettings) -> Store {
        let Opened { shared, queue, threads } = opened;
        let inner = Inner {
            shared,
            path: settings.path.clone(),
            queue: Mutex::new(Some(Arc::new(queue))),
            threads: Mutex::new(threads),
        };
        Store { inner: Arc::new(inner) }
    }

    /// What the threads share, for tests.
    #[cfg(test)]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    /// Makes row keys for this store.
    pub fn keys(&self) -> KeyCodec {
        self.inner.shared.keys
    }

    /// A table's statistics, by the last fold.
    pub fn table_statistics(&self, table: TableId) -> TableStatistics {
        status::table(&self.inner.shared, table).unwrap_or_else(|error| {
            tracing::warn!(%error, table = table.0, "a table's statistics can't be read");
            TableStatistics::default()
        })
    }

    /// The published catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.inner.shared.published.load().catalog.clone()
    }

    /// The published state, to read one page from. Synchronous; never held across an await.
    pub fn view(&self) -> Result<View, ReadError> {
        View::take(self.inner.shared.clone())
    }

    /// Runs a decision on the committer's thread. `size` is about how many bytes it will stage: it bounds what waits.
    /// Resolves after the group's fsync, whether or not the decision staged anything. The decision must not block, and
    /// must not hold the last handle of the store.
    pub async fn submit<R: Send + 'static>(
        &self,
        urgency: Urgency,
        size: usize,
        decide: impl FnOnce(&dyn Read, &mut Batch) -> R + Send + 'static,
    ) -> Result<R, CommitError> {
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(queue) = queue else {
            return Err(CommitError::OutcomeUnknown("the store is closed".to_owned()));
        };
        queue.submit(urgency, size, decide).await
    }

    /// The newest published change, to wait for more.
    pub fn published(&self) -> watch::Receiver<Seq> {
        self.inner.shared.watch.subscribe()
    }

    /// Reads the journal's frames after a sequence. Segments from there on are kept as long as a cursor row
    /// ([`super::Space::Cursor`]) says so.
    pub fn reader(&self, after: Seq) -> Reader {
        self.inner.shared.readers.after(after)
    }

    /// The same, from where another reader stopped.
    pub fn resume_reader(&self, after: Seq, bookmark: Bookmark) -> Reader {
        self.inner.shared.readers.resume(after, bookmark)
    }

    /// The sequence after which the journal has everything.
    pub fn journal_begins_after(&self) -> Seq {
        self.inner.shared.readers.begins_after()
    }

    /// How many changes to be sent (items, not [`super::Origin::is_local`], not marked) each table has seen since the store
    /// was made; derived from tree and journal. With a cursor's counts it gives what is pending.
    pub fn change_counts(&self) -> Arc<BTreeMap<TableId, u64>> {
        self.inner.shared.published.load().counts.clone()
    }

    /// The same, and the change up to which it counts.
    pub fn counted(&self) -> (Seq, Arc<BTreeMap<TableId, u64>>) {
        let published = self.inner.shared.published.load();
        (published.seq, published.counts.clone())
    }

    /// Says what an upstream may hold back; to be said again whenever something of it has changed.
    pub fn set_backlog(&self, upstream: &str, backlog: Backlog) {
        self.inner.shared.backlogs.set(upstream, backlog);
    }

    /// What upstreams are asked to settle or give up, so that the journal can be released.
    pub fn asks(&self) -> watch::Receiver<Asks> {
        self.inner.shared.backlogs.asks()
    }

    /// Becomes the one that may write what goes by this name.
    pub fn claim(&self, name: &str) -> Claim {
        self.inner.shared.claims.claim(name)
    }

    /// Whether the tree has room for rows that take the place of journal.
    pub fn has_room_for_rows(&self) -> bool {
        let shared = &self.inner.shared;
        let overlay = shared.overlay.load().bytes();
        overlay < 4 * shared.tuning.generation && shared.space.has_room_for_rows(overlay)
    }

    /// The figures now. Counts items: not for a runtime's thread.
    pub fn status(&self) -> StoreFigures {
        status::status(&self.inner.shared, &self.inner.path)
    }

    /// Resolves when the committer has been poisoned (a write or sync failed): the process must end with this error.
    pub async fn poisoned(&self) -> String {
        let mut poison = self.inner.shared.poison.subscribe();
        let poisoned = poison.wait_for(Option::is_some).await;
        match poisoned {
            Ok(what) => what.clone().unwrap_or_default(),
            // The sender lives as long as the store does.
            Err(_) => std::future::pending().await,
        }
    }

    /// Rows whose estimated time waits to be resolved, of one boot, in the order of their keys, `limit` at most.
    pub fn marked(&self, boot: BootId, limit: usize) -> Result<Vec<(RowKey, Row)>, ReadError> {
        marks::of_boot(&self.inner.shared, &self.view()?, boot, limit)
    }

    /// Some rows of tables with a stream that have expired, `limit` at most: the sweep leaves them to whoever asks. Rows that
    /// were found once are not found again until the next fold.
    pub fn expired_of_streams(
        &self,
        scan: &mut super::ExpiryScan,
        limit: usize,
    ) -> Result<Vec<RowKey>, ReadError> {
        super::expired::look(&self.inner.shared, &self.view()?, scan, limit)
    }

    /// The boots that have rows whose estimated time waits to be resolved.
    pub fn marked_boots(&self) -> Result<Vec<BootId>, ReadError> {
        marks::boots(&self.inner.shared, &self.view()?)
    }

    /// Walks all pages of a closed store's tree, without mapping it: a page that can't be read is an error here.
    pub fn check_tree(path: &Path) -> Result<(), String> {
        check::tree(path)
    }

    /// How long commits took (write and sync of a group), in microseconds, and how many changes they had.
    pub fn commits(&self) -> (HistogramFigures, HistogramFigures) {
        let stats = &self.inner.shared.stats;
        (stats.commit_us.figures(), stats.commit_changes.figures())
    }

    /// What the committer's thread does now, and for how long it has.
    pub fn heartbeat(&self) -> Heartbeat {
        self.inner.shared.pulse.feel(Instant::now())
    }

    /// Items in the tree as of the last fold, and changes committed since then. Cheap, unlike [`Store::status`].
    pub fn folded_items(&self) -> (u64, u64) {
        let shared = &self.inner.shared;
        let catalog = self.catalog();
        let items = catalog.tables().iter().map(|table| self.table_statistics(table.id).items).sum();
        let (seq, folded) = (shared.published.load().seq, shared.folded.load().folded_to);
        let since = folded.max(Seq::start_of(seq.epoch()));
        (items, seq.0.saturating_sub(since.0))
    }

    /// What is full, and what helps; `None` while there is room. Cheap, unlike [`Store::status`].
    pub fn full(&self) -> Option<String> {
        let shared = &self.inner.shared;
        shared.space.full(shared.overlay.load().bytes())
    }

    /// Commits what waits, folds, and closes. Further submissions get [`CommitError::OutcomeUnknown`].
    pub async fn close(&self) {
        self.close_within(LAST_FOLD).await;
    }

    /// The same, with so long for the last fold: what it does not reach is folded from the journal at the next start.
    pub async fn close_within(&self, patience: Duration) {
        let queue = self.inner.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(queue) = queue else { return };
        queue.close(patience);
        drop(queue);
        let inner = self.inner.clone();
        // The last fold takes its time; joining would block the runtime.
        let _ = tokio::task::spawn_blocking(move || {
            inner.join();
            check::mark_closed(&inner.path);
        })
        .await;
    }
}

impl Inner {
    /// Waits for the committer, then ends the fold's thread.
    fn join(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // The committer first: its end may need the fold.
            if thread.thread().id() == std::thread::current().id() {
                continue;
            }
            let fold = thread.thread().name() == Some("forebay-fold");
            if fold {
                self.shared.gate.stop();
            }
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended in a panic");
            }
        }
    }
}

impl Drop for Inner {
    /// Without [`Store::close`]: what waits is committed, nothing is folded; the next start does it from the journal.
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.shared.gate.stop();
        self.join();
    }
}
