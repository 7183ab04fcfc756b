//! Index rows, as they follow from a table's rows.
//!
//! An index row says only where its item is, so that a change that leaves an item's index keys alone writes nothing here.
//! Rows that go are taken out with the item's row; rows that come are left to the caller, as expiry rows are. What is
//! counted is what stands in the tree, whatever was interrupted.

use bytes::Bytes;

use super::super::index_entries::entries;
use super::super::{Seq, meta, rows};
use super::{ApplyError, Later, Slice};
use crate::model::{IndexDef, KeySchema, MapRef, Projection, RowKey, TableDef, TableId, size};

/// A row of an index: where it stands, what it says, and how much of the item the index shows, in bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct IndexRow {
    pub(in crate::store) key: Bytes,
    pub(in crate::store) value: Bytes,
    pub(in crate::store) size: u64,
}

impl IndexRow {
    /// Whether both stand at the same place and say the same: keys that are cut tell only what they say.
    fn is(&self, other: &IndexRow) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Slice<'_> {
    /// An item's rows in the indexes of its table.
    pub(in crate::store) fn index_rows(
        &self,
        def: Option<&TableDef>,
        row: &Bytes,
        image: &[u8],
    ) -> Vec<IndexRow> {
        let Some(def) = def.filter(|def| !def.dropped) else { return Vec::new() };
        self.rows_of(def, def.indexes.live(), row, image)
    }

    /// The same for some of the indexes.
    pub(in crate::store) fn rows_of<'d>(
        &self,
        def: &'d TableDef,
        indexes: impl Iterator<Item = &'d IndexDef>,
        row: &Bytes,
        image: &[u8],
    ) -> Vec<IndexRow> {
        let row = RowKey(row.clone());
        let entries = entries(self.keys, indexes, &row, image);
        let rows = entries.map(|(index, entry)| IndexRow {
            key: entry.key,
            value: entry.value,
            size: shown_size(&def.keys, index, MapRef::new(image)),
        });
        rows.collect()
    }

    /// Takes out the index rows that an item has no more; what it has anew is left for later.
    pub(super) fn change_entries(
        &mut self,
        old: &[IndexRow],
        new: Vec<IndexRow>,
        later: &mut Later,
    ) -> Result<(), ApplyError> {
        for gone in old.iter().filter(|old| !new.iter().any(|new| new.is(old))) {
            self.remove_entry(gone)?;
        }
        for new in new {
            match old.iter().find(|old| old.is(&new)) {
                // It may be missing: brought in later, before a crash.
                Some(old) if self.find_entry(&new.key)? => self.resize_entry(old, &new)?,
                _ => later.index.push(new),
            }
        }
        Ok(())
    }

    /// Puts an index row in, unless it is there.
    pub(in crate::store) fn put_entry(&mut self, row: &IndexRow) -> Result<(), ApplyError> {
        rows::encode(&row.key, Seq(0), None, &row.value, &mut self.value);
        if self.find_entry(&row.key)? {
            // What it says can only be wrong where it is damaged.
            if self.tree.rows.get(&self.txn, &row.key)? != Some(self.value.as_slice()) {
                self.tree.rows.put(&mut self.txn, &row.key, &self.value)?;
            }
            return Ok(());
        }
        self.tree.rows.put(&mut self.txn, &row.key, &self.value)?;
        self.pages.wrote(row.key.len() + self.value.len());
        let counted = self.counted(index_of(row))?;
        counted.items += 1;
        counted.bytes += row.size;
        Ok(())
    }

    fn remove_entry(&mut self, row: &IndexRow) -> Result<(), ApplyError> {
        if !self.find_entry(&row.key)? {
            return Ok(());
        }
        self.tree.rows.delete(&mut self.txn, &row.key)?;
        let counted = self.counted(index_of(row))?;
        counted.items = counted.items.saturating_sub(1);
        counted.bytes = counted.bytes.saturating_sub(row.size);
        Ok(())
    }

    fn resize_entry(&mut self, old: &IndexRow, new: &IndexRow) -> Result<(), ApplyError> {
        if old.size != new.size {
            let counted = self.counted(index_of(new))?;
            counted.bytes = counted.bytes.saturating_sub(old.size) + new.size;
        }
        Ok(())
    }

    fn find_entry(&mut self, key: &[u8]) -> Result<bool, ApplyError> {
        let found = self.tree.rows.get_greater_than_or_equal_to(&self.txn, key)?;
        let Some((at, _)) = found else { return Ok(false) };
        let is_there = at == key;
        self.pages.at(at);
        Ok(is_there)
    }

    /// Takes out a row of an index that is given up.
    pub(in crate::store) fn free_entry(&mut self, key: &[u8]) -> Result<(), ApplyError> {
        if let Some((at, _)) = self.tree.rows.get_greater_than_or_equal_to(&self.txn, key)? {
            self.pages.at(at);
        }
        self.tree.rows.delete(&mut self.txn, key)?;
        Ok(())
    }

    /// Says how far an index is.
    pub(in crate::store) fn set_index_progress(
        &mut self,
        index: TableId,
        progress: &meta::Progress,
    ) -> Result<(), ApplyError> {
        meta::set_index_progress(self.tree.meta, &mut self.txn, index, progress)?;
        Ok(())
    }

    /// Forgets what an index had, whose rows are gone; and how far it is, where nobody will ask any more.
    pub(in crate::store) fn forget_index(&mut self, index: TableId, wholly: bool) -> Result<(), ApplyError> {
        self.counted.remove(&index);
        meta::forget(self.tree.meta, &mut self.txn, index)?;
        if wholly {
            meta::forget_index(self.tree.meta, &mut self.txn, index)?;
        }
        Ok(())
    }
}

fn index_of(row: &IndexRow) -> TableId {
    RowKey(row.key.clone()).table()
}

/// How much of an item an index shows, in bytes.
fn shown_size(table: &KeySchema, index: &IndexDef, image: MapRef<'_>) -> u64 {
    let size = match index.projection {
        Projection::All => size::image_size(image),
        _ => size::part_size(image, |name| index.projects(table, name)),
    };
    size as u64
}
