//! Bringing a table's items into an index that was added to it, and freeing the rows of indexes that were removed: on the
//! fold's thread, in slices, never while a fold waits.
//!
//! How far that is stands in the tree, moved by the slice that did it, so that a start goes on where the last one stopped.
//! Items that are written meanwhile come into the index by themselves: those in the overlay by
//! [`super::index_entries`], those of the tree by [`super::apply`].

use std::ops::Bound;

use bytes::Bytes;
use heed::RoTxn;

use super::apply::{ApplyError, IndexRow, Slice};
use super::faults::Point;
use super::fold::commit;
use super::meta::{self, Progress};
use super::shared::Shared;
use super::tree::Tree;
use super::{Catalog, IndexState, ReadError, rows};
use crate::model::{IndexDef, TableDef, TableId};

/// Rows that are looked at in one go: brought in in the order of the index, because neighbours share pages.
const ROWS: usize = 8_192;

/// How far an index is, as of a snapshot.
pub(super) fn state(tree: &Tree, txn: &RoTxn<'_>, index: &IndexDef) -> Result<IndexState, ReadError> {
    let progress = meta::index_progress(tree.meta, txn, index.id)?;
    Ok(match (index.dropped, progress) {
        (true, Some(Progress::Freed)) => IndexState::Gone,
        (true, _) => IndexState::Leaving,
        (false, Some(Progress::Ready)) => IndexState::Ready,
        (false, None) if !index.added => IndexState::Ready,
        (false, _) => IndexState::Building,
    })
}

/// Does a bounded part of what there is to do; whether there is more.
pub(super) fn run(shared: &Shared) -> Result<bool, ApplyError> {
    let catalog = shared.published.load().catalog.clone();
    for def in catalog.all() {
        for index in &def.indexes.list {
            if def.dropped {
                if is_left(shared, index.id)? {
                    return free(shared, &catalog, index, true).map(|()| true);
                }
                continue;
            }
            match state(&shared.tree, &*shared.tree.snapshot().map_err(ReadError::from)?, index)? {
                IndexState::Leaving => return free(shared, &catalog, index, false).map(|()| true),
                IndexState::Building => return build(shared, &catalog, def, index).map(|()| true),
                IndexState::Ready | IndexState::Gone => {}
            }
        }
    }
    Ok(false)
}

/// Whether there is anything of a table or an index: rows, or only its figures, where the last rows have just filled a slice.
pub(super) fn is_left(shared: &Shared, id: TableId) -> Result<bool, ReadError> {
    let txn = shared.tree.snapshot()?;
    let first = shared.tree.rows.get_greater_than_or_equal_to(&txn, &id.0.to_be_bytes())?;
    let rows = first.is_some_and(|(key, _)| key.starts_with(&id.0.to_be_bytes()));
    Ok(rows || meta::remembers(shared.tree.meta, &txn, id)?)
}

/// Frees a slice of an index's rows.
fn free(shared: &Shared, catalog: &Catalog, index: &IndexDef, wholly: bool) -> Result<(), ApplyError> {
    let mut slice = Slice::begin(&shared.tree, catalog, shared.keys)?;
    let (start, end) = (index.id.0.to_be_bytes(), index.id.0.saturating_add(1).to_be_bytes());
    let bounds = (Bound::Included(&start[..]), Bound::Excluded(&end[..]));
    let mut keys = Vec::new();
    for entry in shared.tree.rows.range(slice.txn(), &bounds)?.take(ROWS) {
        keys.push(entry?.0.to_vec());
    }
    let mut all = keys.len() < ROWS;
    for key in keys {
        slice.free_entry(&key)?;
        if slice.pages() >= shared.tuning.slice_pages {
            all = false;
            break;
        }
    }
    if all {
        slice.forget_index(index.id, wholly)?;
        if !wholly {
            slice.set_index_progress(index.id, &Progress::Freed)?;
        }
    }
    finish(shared, slice)
}

/// Brings a part of a table's rows into an index.
fn build(shared: &Shared, catalog: &Catalog, def: &TableDef, index: &IndexDef) -> Result<(), ApplyError> {
    let mut slice = Slice::begin(&shared.tree, catalog, shared.keys)?;
    let after = match meta::index_progress(shared.tree.meta, slice.txn(), index.id)? {
        Some(Progress::Building(after)) => after,
        _ => Vec::new(),
    };
    let (mut found, last) = part(shared, &slice, def, index, after)?;
    found.sort_unstable();
    for row in &found {
        slice.put_entry(row)?;
        if slice.pages() >= shared.tuning.slice_pages {
            // What is in already is found to be there if this part is done again.
            finish(shared, slice)?;
            slice = Slice::begin(&shared.tree, catalog, shared.keys)?;
        }
    }
    let progress = last.map_or(Progress::Ready, Progress::Building);
    slice.set_index_progress(index.id, &progress)?;
    finish(shared, slice)
}

/// The index rows of a part of a table, and the last key looked at if there is more.
type Part = (Vec<IndexRow>, Option<Vec<u8>>);

fn part(
    shared: &Shared,
    slice: &Slice<'_>,
    def: &TableDef,
    index: &IndexDef,
    after: Vec<u8>,
) -> Result<Part, ApplyError> {
    let first = def.id.0.to_be_bytes();
    let start = if after.is_empty() { Bound::Included(&first[..]) } else { Bound::Excluded(&after[..]) };
    let end = def.id.0.saturating_add(1).to_be_bytes();
    let mut found = Vec::new();
    for (at, entry) in shared.tree.rows.range(slice.txn(), &(start, Bound::Excluded(&end[..])))?.enumerate() {
        let (key, value) = entry?;
        // A damaged row is in no index; reading the table says so.
        if let Ok(row) = rows::decode(key, value) {
            let key = Bytes::copy_from_slice(key);
            found.extend(slice.rows_of(def, std::iter::once(index), &key, row.image));
        }
        if at + 1 >= shared.tuning.index_rows.unwrap_or(ROWS) {
            return Ok((found, Some(key.to_vec())));
        }
    }
    Ok((found, None))
}

fn finish(shared: &Shared, slice: Slice<'_>) -> Result<(), ApplyError> {
    commit(shared, slice)?;
    shared.faults.reach(Point::SweepCommitted)?;
    Ok(())
}
