//! The one gate for changes of the tree: rows, expiry rows, mark rows, index rows and counters change here and nowhere
//! else.
//!
//! Everything is derived from the row that physically stands in the tree, in the same transaction, so that repeating a
//! slice after a crash changes nothing: a row that already has the change's sequence is not counted again.

mod index;

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use bytes::Bytes;
use heed::RwTxn;

use super::meta::{self, Counted, State};
use super::rows;
use super::tree::{Tree, expiry_key};
use super::{Catalog, Mark, ReadError, Seq, Space, system_key};
use crate::clock::BootId;
use crate::model::{KeyCodec, MapRef, RowKey, TableDef, TableId, size};

pub(super) use index::IndexRow;

/// Applying failed; the transaction is given up, and may be tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApplyError {
    /// The map has no page left.
    #[error("the tree's part of the store is full")]
    Full,
    /// LMDB or a record said no.
    #[error(transparent)]
    Tree(#[from] ReadError),
    /// LMDB has given its environment up (a write of its meta page failed): nothing can be read or written until it is
    /// opened anew.
    #[error("the tree has given up: {0}")]
    Broken(String),
    /// The store is stopping.
    #[error("stopped")]
    Stopped,
}

impl From<heed::Error> for ApplyError {
    fn from(error: heed::Error) -> ApplyError {
        match error {
            heed::Error::Mdb(heed::MdbError::MapFull) => ApplyError::Full,
            heed::Error::Mdb(error @ heed::MdbError::Panic) => ApplyError::Broken(error.to_string()),
            other => ApplyError::Tree(other.into()),
        }
    }
}

/// A row to write.
#[derive(Clone, Copy)]
pub(super) struct NewRow<'a> {
    pub(super) seq: Seq,
    pub(super) mark: Option<&'a Mark>,
    pub(super) image: &'a [u8],
    /// The item's size by DynamoDB's accounting, where it is known.
    pub(super) size: Option<NonZeroU32>,
}

impl NewRow<'_> {
    fn size(&self) -> u64 {
        match self.size {
            Some(size) => u64::from(size.get()),
            None => size::image_size(MapRef::new(self.image)) as u64,
        }
    }
}

/// What a row in the tree was, as far as it matters when it goes.
struct OldRow {
    seq: Seq,
    expiry: Option<u64>,
    size: u64,
    boot: Option<BootId>,
    /// Its rows in the indexes.
    entries: Vec<IndexRow>,
}

/// An expiry row to be put in later: the second, and the row's key.
pub(super) type ExpiryRow = (u64, Bytes);

/// What is put in when the rows are: in its own order, because that costs far fewer pages.
#[derive(Debug, Default)]
pub(super) struct Later {
    pub(super) expiry: Vec<ExpiryRow>,
    pub(super) index: Vec<IndexRow>,
}

/// One slice: a transaction that is being filled.
pub(super) struct Slice<'t> {
    tree: &'t Tree,
    catalog: &'t Catalog,
    keys: KeyCodec,
    txn: RwTxn<'t>,
    /// How far the tree has come; written with the commit.
    pub(super) state: State,
    counted: BTreeMap<TableId, Counted>,
    dropped: u64,
    pages: Pages,
    value: Vec<u8>,
    expiry: Vec<u8>,
}

impl<'t> Slice<'t> {
    /// Begins one.
    pub(super) fn begin(
        tree: &'t Tree,
        catalog: &'t Catalog,
        keys: KeyCodec,
    ) -> Result<Slice<'t>, ApplyError> {
        let txn = tree.write()?;
        let state = tree.state(&txn)?;
        Ok(Slice {
            tree,
            catalog,
            keys,
            txn,
            state,
            counted: BTreeMap::new(),
            dropped: 0,
            pages: Pages::default(),
            value: Vec::new(),
            expiry: Vec::new(),
        })
    }

    /// About how many pages it has made dirty.
    pub(super) fn pages(&self) -> usize {
        self.pages.count()
    }

    /// The transaction, to read what the slice sees.
    pub(super) fn txn(&self) -> &RwTxn<'t> {
        &self.txn
    }

    /// Makes the row what a change says, or removes it. The expiry row and the index rows of a new row are left to the
    /// caller in `later`.
    pub(super) fn apply(
        &mut self,
        key: &Bytes,
        new: Option<NewRow<'_>>,
        later: &mut Later,
    ) -> Result<(), ApplyError> {
        let table = RowKey(key.clone()).table();
        let catalog = self.catalog;
        let def = catalog.by_id(table).map(|def| &**def);
        // A dropped table's rows are freed, not written.
        let new = new.filter(|_| !def.is_some_and(|def| def.dropped));
        let old = self.old(key, def)?;
        let expiry = new.and_then(|new| def?.expiry_of(MapRef::new(new.image)));
        if let (Some(old), Some(new)) = (&old, new)
            && old.seq >= new.seq
        {
            // Applied before (a repeated slice), or from a journal that has been lost since.
            if old.seq == new.seq {
                later.expiry.extend(expiry.map(|second| (second, key.clone())));
                later.index.extend(old.entries.iter().cloned());
            }
            return Ok(());
        }
        let entries = new.map_or_else(Vec::new, |new| self.index_rows(def, key, new.image));
        self.change_entries(old.as_ref().map_or(&[], |old| &old.entries), entries, later)?;
        if let Some(old) = &old {
            self.forget(key, old, expiry)?;
        }
        if let Some(new) = new {
            rows::encode(key, new.seq, new.mark, new.image, &mut self.value);
            self.tree.rows.put(&mut self.txn, key, &self.value)?;
            self.pages.wrote(key.len() + self.value.len());
            later.expiry.extend(expiry.map(|second| (second, key.clone())));
            if let Some(mark) = new.mark {
                self.mark(key, mark.boot, new.seq)?;
            }
        } else if old.is_some() {
            self.tree.rows.delete(&mut self.txn, key)?;
        }
        self.count(table, old.as_ref(), new)
    }

    /// Puts an expiry row in, unless it is there.
    pub(super) fn put_expiry(&mut self, second: u64, key: &[u8]) -> Result<(), ApplyError> {
        expiry_key(second, key, &mut self.expiry);
        match self.tree.expiry.get_greater_than_or_equal_to(&self.txn, &self.expiry)? {
            Some((found, _)) if found == self.expiry => return Ok(()),
            Some((found, _)) => self.pages.at(found),
            None => {}
        }
        self.tree.expiry.put(&mut self.txn, &self.expiry, &[])?;
        self.pages.wrote(self.expiry.len());
        Ok(())
    }

    /// Takes an expiry row out, and its row if that really expires then. Whether it was freed.
    pub(super) fn expire(&mut self, second: u64, key: &Bytes) -> Result<bool, ApplyError> {
        expiry_key(second, key, &mut self.expiry);
        if let Some((found, _)) = self.tree.expiry.get_greater_than_or_equal_to(&self.txn, &self.expiry)? {
            self.pages.at(found);
        }
        self.tree.expiry.delete(&mut self.txn, &self.expiry)?;
        let table = RowKey(key.clone()).table();
        let catalog = self.catalog;
        let old = self.old(key, catalog.by_id(table).map(|def| &**def))?;
        let Some(old) = old.filter(|old| old.expiry == Some(second)) else { return Ok(false) };
        self.change_entries(&old.entries, Vec::new(), &mut Later::default())?;
        self.forget(key, &old, Some(second))?;
        self.tree.rows.delete(&mut self.txn, key)?;
        self.count(table, Some(&old), None)?;
        Ok(true)
    }

    /// Takes an item out before its time, with its expiry row; what that frees, in bytes. Not one whose time is still
    /// estimated, nor one that expires at another time than `second` by now. It counts as dropped unless it has `expired`.
    pub(super) fn drop_item(
        &mut self,
        key: &Bytes,
        second: Option<u64>,
        expired: bool,
    ) -> Result<Option<u64>, ApplyError> {
        let table = RowKey(key.clone()).table();
        let catalog = self.catalog;
        let old = self.old(key, catalog.by_id(table).map(|def| &**def))?;
        let Some(old) = old.filter(|old| old.boot.is_none() && old.expiry == second) else { return Ok(None) };
        let value = self.tree.rows.get(&self.txn, key)?.map_or(0, <[u8]>::len);
        self.change_entries(&old.entries, Vec::new(), &mut Later::default())?;
        self.forget(key, &old, None)?;
        self.tree.rows.delete(&mut self.txn, key)?;
        self.count(table, Some(&old), None)?;
        self.dropped += u64::from(!expired);
        Ok(Some((key.len() + value) as u64))
    }

    /// What stands under the key now.
    fn old(&mut self, key: &Bytes, def: Option<&TableDef>) -> Result<Option<OldRow>, ApplyError> {
        let found = self.tree.rows.get_greater_than_or_equal_to(&self.txn, key)?;
        let Some((at, value)) = found else { return Ok(None) };
        self.pages.at(at);
        if at != key {
            return Ok(None);
        }
        let old = match rows::decode(key, value) {
            Ok(row) => OldRow {
                seq: row.seq,
                expiry: def.and_then(|def| def.expiry_of(MapRef::new(row.image))),
                size: def.map_or(0, |_| size::image_size(MapRef::new(row.image)) as u64),
                boot: row.mark.map(|mark| mark.boot),
                entries: self.index_rows(def, key, row.image),
            },
            Err(what) => {
                // It is replaced or removed: that mends it. Its expiry row and its index rows, if any, are found
                // to be stale by whoever reads them.
                tracing::error!(what, "a damaged row in the tree is replaced");
                OldRow { seq: Seq(0), expiry: None, size: 0, boot: None, entries: Vec::new() }
            }
        };
        Ok(Some(old))
    }

    /// Removes what derives from a row that goes; an expiry row that `keep` names would come back at once.
    fn forget(&mut self, key: &[u8], old: &OldRow, keep: Option<u64>) -> Result<(), ApplyError> {
        if let Some(second) = old.expiry
            && Some(second) != keep
        {
            expiry_key(second, key, &mut self.expiry);
            if let Some((found, _)) =
                self.tree.expiry.get_greater_than_or_equal_to(&self.txn, &self.expiry)?
            {
                self.pages.at(found);
            }
            self.tree.expiry.delete(&mut self.txn, &self.expiry)?;
        }
        if let Some(boot) = old.boot
            && self.tree.rows.delete(&mut self.txn, mark_key(boot, key).as_slice())?
        {
            self.state.marked = self.state.marked.saturating_sub(1);
        }
        Ok(())
    }

    fn mark(&mut self, key: &[u8], boot: BootId, seq: Seq) -> Result<(), ApplyError> {
        let mark_key = mark_key(boot, key);
        let mark_key = mark_key.as_slice();
        rows::encode(mark_key, seq, None, &[], &mut self.value);
        let new = self.tree.rows.get(&self.txn, mark_key)?.is_none();
        self.tree.rows.put(&mut self.txn, mark_key, &self.value)?;
        self.pages.wrote(mark_key.len() + self.value.len());
        self.state.marked += u64::from(new);
        Ok(())
    }

    fn count(
        &mut self,
        table: TableId,
        old: Option<&OldRow>,
        new: Option<NewRow<'_>>,
    ) -> Result<(), ApplyError> {
        if table < TableId::FIRST || old.is_none() && new.is_none() {
            return Ok(());
        }
        let counted = self.counted(table)?;
        if let Some(old) = old {
            counted.items = counted.items.saturating_sub(1);
            counted.bytes = counted.bytes.saturating_sub(old.size);
        }
        if let Some(new) = new {
            counted.items += 1;
            counted.bytes += new.size();
        }
        Ok(())
    }

    /// The counters of a table or an index.
    fn counted(&mut self, table: TableId) -> Result<&mut Counted, ApplyError> {
        Ok(match self.counted.entry(table) {
            std::collections::btree_map::Entry::Occupied(counted) => counted.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(meta::counted(self.tree.meta, &self.txn, table)?)
            }
        })
    }

    /// Says that a table's expiry rows stand for this TTL.
    pub(super) fn set_expiry_made_for(&mut self, table: TableId, fingerprint: u64) -> Result<(), ApplyError> {
        meta::set_expiry_made_for(self.tree.meta, &mut self.txn, table, fingerprint)?;
        Ok(())
    }

    /// Sets how many changes to be sent a table has seen.
    pub(super) fn set_change_count(&mut self, table: TableId, count: u64) -> Result<(), ApplyError> {
        if meta::change_count(self.tree.meta, &self.txn, table)? != count {
            meta::set_change_count(self.tree.meta, &mut self.txn, table, count)?;
        }
        Ok(())
    }

    /// Forgets a dropped table whose rows are gone.
    pub(super) fn forget_table(&mut self, table: TableId) -> Result<(), ApplyError> {
        self.counted.remove(&table);
        meta::forget(self.tree.meta, &mut self.txn, table)?;
        Ok(())
    }

    /// Commits the slice with its counters and state.
    pub(super) fn commit(mut self) -> Result<(), ApplyError> {
        for (table, counted) in std::mem::take(&mut self.counted) {
            meta::set_counted(self.tree.meta, &mut self.txn, table, counted)?;
        }
        if self.dropped > 0 {
            let dropped = meta::dropped_items(self.tree.meta, &self.txn)? + self.dropped;
            meta::set_dropped_items(self.tree.meta, &mut self.txn, dropped)?;
        }
        meta::set_state(self.tree.meta, &mut self.txn, &self.state)?;
        self.txn.commit()?;
        Ok(())
    }
}

/// The key of a row's mark row.
pub(super) fn mark_key(boot: BootId, row: &[u8]) -> RowKey {
    let mut key = Vec::with_capacity(boot.0.len() + row.len());
    key.extend_from_slice(&boot.0);
    key.extend_from_slice(row);
    system_key(Space::Mark, &key)
}

/// Estimates the pages a transaction makes dirty, from where LMDB finds what it looks up: two keys on one page lie less
/// than a page apart in memory.
#[derive(Debug, Default)]
struct Pages {
    places: usize,
    bytes: usize,
    last: [usize; 2],
}

impl Pages {
    const PAGE: usize = 4096;

    /// The transaction is about to change what stands here.
    fn at(&mut self, found: &[u8]) {
        let place = found.as_ptr() as usize;
        if self.last.iter().all(|last| place.abs_diff(*last) >= Pages::PAGE) {
            self.places += 1;
        }
        let [_, newer] = self.last;
        self.last = [newer, place];
    }

    /// So many bytes went in: pages fill by about two thirds.
    fn wrote(&mut self, bytes: usize) {
        self.bytes += bytes + 16;
    }

    fn count(&self) -> usize {
        self.places + self.bytes * 3 / 2 / Pages::PAGE
    }
}
