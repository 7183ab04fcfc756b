//! The tree: one LMDB environment with three databases. Only this file and [`super::apply`] write to it.
//!
//! | database | key | value |
//! |---|---|---|
//! | `rows` | a row's key ([`crate::model::RowKey`], system spaces too) | [`super::rows`] |
//! | `expiry` | expiry second (5 bytes big-endian), row's key | empty |
//! | `meta` | see [`super::meta`] | |

use std::path::Path;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, RoTxn, RwTxn, WithoutTls};

use super::meta::{self, State};
use super::{ReadError, seed};

/// A database of raw keys and values.
pub(super) type Raw = Database<'static, Bytes, Bytes>;

/// A read transaction that keeps the environment open by itself.
pub(super) type Snapshot = RoTxn<'static, WithoutTls>;

/// Readers at one time: one per page that is being read, and the store's own threads.
const MAX_READERS: u32 = 256;
/// Bytes of an expiry row's key before the row's own key.
pub(super) const EXPIRY_PREFIX: usize = 5;

/// The LMDB environment, open; cheap to clone.
#[derive(Clone)]
pub(super) struct Tree {
    env: Env<WithoutTls>,
    pub(super) rows: Raw,
    pub(super) expiry: Raw,
    pub(super) meta: Raw,
}

impl Tree {
    /// Opens, or makes, the environment in this directory.
    pub(super) fn open(directory: &Path, map_size: u64) -> Result<Tree, heed::Error> {
        let map_size = usize::try_from(map_size).unwrap_or(1 << 30);
        seed::new_file(directory)?;
        let env = open_env(directory, map_size)?;
        let txn = env.write_txn()?;
        let opened = env.create_databases_and_commit(txn, |open, txn| -> Result<_, heed::Error> {
            let rows = open.create_database::<Bytes, Bytes>(txn, Some("rows"))?;
            let expiry = open.create_database::<Bytes, Bytes>(txn, Some("expiry"))?;
            let meta = open.create_database::<Bytes, Bytes>(txn, Some("meta"))?;
            Ok(CommitOrAbort::<_, ()>::Commit((rows, expiry, meta)))
        })?;
        let CommitOrAbort::Commit((rows, expiry, meta)) = opened else {
            return Err(heed::Error::Io(std::io::Error::other("the databases were not opened")));
        };
        Ok(Tree { env, rows, expiry, meta })
    }

    /// The state now, to read from.
    pub(super) fn snapshot(&self) -> Result<Snapshot, heed::Error> {
        self.env.clone().static_read_txn()
    }

    /// Begins to write. One at a time: the fold's thread, or `open`.
    pub(super) fn write(&self) -> Result<RwTxn<'_>, heed::Error> {
        self.env.write_txn()
    }

    /// How far folds have come, as of a snapshot.
    pub(super) fn state(&self, txn: &RoTxn<'_>) -> Result<State, ReadError> {
        meta::state(self.meta, txn)
    }

    /// Pages that hold something, pages of the map, and the size of a page.
    pub(super) fn usage(&self) -> Result<Usage, heed::Error> {
        let txn = self.env.read_txn()?;
        let mut used = 0;
        let mut page_size = 4096;
        for database in [self.rows, self.expiry, self.meta] {
            let stat = database.stat(&txn)?;
            used += stat.leaf_pages + stat.branch_pages + stat.overflow_pages;
            page_size = stat.page_size as usize;
        }
        let info = self.env.info();
        Ok(Usage { used: (used * page_size) as u64, file: ((info.last_page_number + 1) * page_size) as u64 })
    }
}

/// How full the tree is, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Pages that hold something.
    pub(super) used: u64,
    /// The file, free pages within it too.
    pub(super) file: u64,
}

/// Opens the environment: fully synchronous, without read-ahead (a cold random read costs 5 KB instead of 122 KB).
#[allow(unsafe_code)]
fn open_env(directory: &Path, map_size: usize) -> Result<Env<WithoutTls>, heed::Error> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.map_size(map_size).max_readers(MAX_READERS).max_dbs(8);
    // SAFETY: the store's lock file (flock) keeps every other process and every second `Store` of this process out, so
    // that nobody but this environment changes the mapped file; it lies on a local file system. NO_READ_AHEAD changes
    // advice to the kernel only; no flag that weakens locking or syncing is set. Truncation from outside is looked for
    // before (`super::check`).
    unsafe {
        options.flags(EnvFlags::NO_READ_AHEAD);
        options.open(directory)
    }
}

/// Opens, or makes, an environment without a beginning of ours.
#[cfg(test)]
pub(super) fn open_as_lmdb_does(directory: &Path, map_size: usize) -> Result<Env<WithoutTls>, heed::Error> {
    open_env(directory, map_size)
}

/// LMDB's errors, as reading reports them.
impl From<heed::Error> for ReadError {
    fn from(error: heed::Error) -> ReadError {
        ReadError::Tree(error.to_string())
    }
}

/// An expiry row's key.
pub(super) fn expiry_key(second: u64, row: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let [_, _, _, prefix @ ..] = second.min((1 << 40) - 1).to_be_bytes();
    out.extend_from_slice(&prefix);
    out.extend_from_slice(row);
}

/// Takes an expiry row's key apart.
pub(super) fn read_expiry_key(key: &[u8]) -> Option<(u64, &[u8])> {
    let (prefix, row) = key.split_first_chunk::<EXPIRY_PREFIX>()?;
    let second = prefix.iter().fold(0, |second, &byte| (second << 8) | u64::from(byte));
    Some((second, row))
}
