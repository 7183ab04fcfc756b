//! The store's handle: what the floors above hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::journal::Reader;
use super::{Batch, Catalog, CommitError, Direction, KeyRange, Read, ReadError, Row, RowRef, Seq, Urgency};
use crate::clock::{BootId, Clock};
use crate::model::{KeyCodec, RowKey, TableId};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The store's directory; made if it isn't there.
    pub path: PathBuf,
    /// Journal and tree together, in bytes.
    pub max_size: u64,
    /// The longest a [`Urgency::Gather`] group waits for company.
    pub commit_wait: Duration,
    /// The program that checks the tree (`PROGRAM __check-tree STORE`, see [`Store::check_tree`]) in a process of its own
    /// after the daemon died; without one the tree is checked less deeply, in this process.
    pub checker: Option<PathBuf>,
    /// A second place for the highest epoch, outside the store's directory, so that it outlives the store.
    pub epoch_file: Option<PathBuf>,
}

impl StoreSettings {
    /// The defaults, at this path: 2 GiB, a wait of 5 ms, no checker, the epoch kept in the store's directory only.
    pub fn new(path: impl Into<PathBuf>) -> StoreSettings {
        StoreSettings {
            path: path.into(),
            max_size: 2 << 30,
            commit_wait: Duration::from_millis(5),
            checker: None,
            epoch_file: None,
        }
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

/// The store, as `status` and the metrics show it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoreStatus {
    /// Items in all tables, expired ones that have not been freed yet left out.
    pub items: u64,
    /// Blocks allocated to the store's files, in bytes.
    pub bytes_on_disk: u64,
    /// Estimate of what has reached the device since the start.
    pub bytes_written: u64,
    /// Of these: journal, in whole blocks.
    pub bytes_written_journal: u64,
    /// Of these: LMDB.
    pub bytes_written_tree: u64,
    /// Groups committed (fsyncs that acknowledged something).
    pub commits: u64,
    /// Changes committed.
    pub changes: u64,
    /// Folds finished.
    pub folds: u64,
    /// Journal segments kept.
    pub segments: u64,
    /// Bytes in the overlay.
    pub overlay_bytes: u64,
    /// The newest published change.
    pub published: Seq,
    /// The newest change in the tree.
    pub folded_to: Seq,
    /// Rows that expiry has freed since the start.
    pub expired: u64,
    /// Rows whose estimated time waits to be resolved.
    pub marked: u64,
    /// The store is full: what is, and what helps.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub full: Option<String>,
    /// Damage found at the last start: what was set aside, where.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub damage: Vec<String>,
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
    #[allow(dead_code)]
    inner: Arc<()>,
}

impl Store {
    /// Opens, or makes, the store: locks it, checks it, sets damage aside, replays the journal, starts the committer's
    /// and the fold's threads. Raises the clock's floor to the newest record's time.
    pub fn open(_settings: &StoreSettings, _clock: &Clock) -> Result<Store, OpenError> {
        todo!()
    }

    /// Makes row keys for this store.
    pub fn keys(&self) -> KeyCodec {
        todo!()
    }

    /// A table's statistics, by the last fold.
    pub fn table_statistics(&self, _table: TableId) -> TableStatistics {
        todo!()
    }

    /// The published catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        todo!()
    }

    /// The published state, to read one page from. Synchronous; never held across an await.
    pub fn view(&self) -> Result<View, ReadError> {
        todo!()
    }

    /// Runs a decision on the committer's thread. `size` is about how many bytes it will stage: it bounds what waits.
    /// Resolves after the group's fsync, whether or not the decision staged anything.
    pub async fn submit<R: Send + 'static>(
        &self,
        _urgency: Urgency,
        _size: usize,
        _decide: impl FnOnce(&dyn Read, &mut Batch) -> R + Send + 'static,
    ) -> Result<R, CommitError> {
        todo!()
    }

    /// The newest published change, to wait for more.
    pub fn published(&self) -> tokio::sync::watch::Receiver<Seq> {
        todo!()
    }

    /// Reads the journal's frames after a sequence. Segments from there on are kept as long as a cursor row
    /// ([`super::Space::Cursor`]) says so.
    pub fn reader(&self, _after: Seq) -> Reader {
        todo!()
    }

    /// How many changes to be sent (items, not [`super::Origin::Local`], not marked) each table has seen since the store
    /// was made; derived from tree and journal. With a cursor's counts it gives what is pending.
    pub fn change_counts(&self) -> Arc<BTreeMap<TableId, u64>> {
        todo!()
    }

    /// Removes cursor rows of upstreams that are no longer configured, so that they pin nothing.
    pub async fn retain_cursors(&self, _names: &[String]) -> Result<(), CommitError> {
        todo!()
    }

    /// The figures now.
    pub fn status(&self) -> StoreStatus {
        todo!()
    }

    /// Resolves when the committer has been poisoned (a write or sync failed): the process must end with this error.
    pub async fn poisoned(&self) -> String {
        todo!()
    }

    /// Rows whose estimated time waits to be resolved, of one boot, in the order of their keys, `limit` at most.
    pub fn marked(&self, _boot: BootId, _limit: usize) -> Result<Vec<(RowKey, Row)>, ReadError> {
        todo!()
    }

    /// The boots that have rows whose estimated time waits to be resolved.
    pub fn marked_boots(&self) -> Result<Vec<BootId>, ReadError> {
        todo!()
    }

    /// Walks the tree of a closed store; run by `forebay __check-tree STORE` in a process of its own, because a page that
    /// can't be read is a SIGBUS.
    pub fn check_tree(_path: &Path) -> Result<(), String> {
        todo!()
    }

    /// Commits what waits, folds, and closes. Further submissions get [`CommitError::OutcomeUnknown`].
    pub async fn close(&self) {
        todo!()
    }
}

/// The published state at one moment.
pub struct View {
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Read for View {
    fn catalog(&self) -> &Catalog {
        todo!()
    }

    fn get(&self, _key: &RowKey) -> Result<Option<Row>, ReadError> {
        todo!()
    }

    fn scan(
        &self,
        _range: &KeyRange,
        _direction: Direction,
        _visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> std::ops::ControlFlow<()>,
    ) -> Result<(), ReadError> {
        todo!()
    }

    fn delivered(&self, _delivery: u64) -> bool {
        todo!()
    }
}
