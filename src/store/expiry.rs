//! Freeing rows: of items that have expired, and of tables that were dropped; and making expiry rows where a table's TTL
//! was switched on. On the fold's thread, in slices, never while a fold waits.

use std::ops::Bound;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::apply::{ApplyError, Later, Slice};
use super::expired::by_committer;
use super::faults::Point;
use super::fold::commit;
use super::index_build::is_left;
use super::shared::Shared;
use super::tree::{expiry_key, read_expiry_key};
use super::{Catalog, ReadError, meta, rows};
use crate::model::limits::TTL_PAST_SECONDS;
use crate::model::{MapRef, RowKey, TableDef, TableId};

/// Expired rows that are freed in one go: sorted by their keys first, because neighbours share pages.
const SWEEP_ROWS: usize = 16_384;
/// Expiry rows looked at for that.
const LOOKED_AT: usize = 4 * SWEEP_ROWS;
/// What the sweep leaves to commits after each slice.
const BETWEEN_SLICES: Duration = Duration::from_millis(20);
/// Rows of a table that are looked at in one go.
const TABLE_ROWS: usize = 8_192;

/// What freeing has still to do.
#[derive(Debug, Default)]
pub(super) struct Sweeper {
    /// A table whose rows are being gone through, what for, and the last key looked at.
    table: Option<(TableId, Wanted, Vec<u8>)>,
    more: bool,
}

impl Sweeper {
    /// Does a bounded part of what there is to do; expired rows only when `due`.
    pub(super) fn run(&mut self, shared: &Shared, due: bool) -> Result<(), ApplyError> {
        let more = std::mem::take(&mut self.more);
        if due || more {
            // Nothing expires while the clock is not trusted.
            if let Some(now) = shared.clock.expiry_now() {
                self.more |= free_expired(shared, now)?;
            }
        }
        self.tables(shared)
    }

    /// Whether it stopped before the end.
    pub(super) fn has_more(&self) -> bool {
        self.more || self.table.is_some()
    }

    /// Goes through the rows of dropped tables, and of those whose TTL has changed.
    fn tables(&mut self, shared: &Shared) -> Result<(), ApplyError> {
        let catalog = shared.published.load().catalog.clone();
        for def in catalog.all() {
            if self.table.as_ref().is_some_and(|(table, ..)| *table != def.id) {
                continue;
            }
            let wanted = wanted(shared, def)?;
            if wanted == Wanted::Nothing {
                self.table = None;
                continue;
            }
            // What was gone through for something else is gone through again.
            let begun = self.table.take().filter(|(_, begun, _)| *begun == wanted);
            let after = begun.map(|(_, _, after)| after);
            let last = self.part(shared, &catalog, def, wanted, after)?;
            if let Some(last) = last {
                self.table = Some((def.id, wanted, last));
                return Ok(());
            }
        }
        self.table = None;
        Ok(())
    }

    /// One slice of a table; the last key looked at, if there is more.
    fn part(
        &self,
        shared: &Shared,
        catalog: &Catalog,
        def: &TableDef,
        wanted: Wanted,
        after: Option<Vec<u8>>,
    ) -> Result<Option<Vec<u8>>, ApplyError> {
        let mut slice = Slice::begin(&shared.tree, catalog, shared.keys)?;
        let (found, mut last) = table_rows(shared, &slice, def, after)?;
        let mut more = last.is_some();
        for (key, expiry) in found {
            match wanted {
                Wanted::Dropped => slice.apply(&key, None, &mut Later::default())?,
                Wanted::Expiry(_) => {
                    if let Some(second) = expiry {
                        slice.put_expiry(second, &key)?;
                    }
                }
                Wanted::Nothing => {}
            }
            if slice.pages() >= shared.tuning.slice_pages {
                more = true;
                last = Some(key.to_vec());
                break;
            }
        }
        if !more {
            match wanted {
                Wanted::Dropped => slice.forget_table(def.id)?,
                Wanted::Expiry(fingerprint) => slice.set_expiry_made_for(def.id, fingerprint)?,
                Wanted::Nothing => {}
            }
        }
        commit(shared, slice)?;
        shared.faults.reach(Point::SweepCommitted)?;
        Ok(last.filter(|_| more))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Nothing,
    /// Its rows are to be freed.
    Dropped,
    /// Its rows need expiry rows for the TTL with this fingerprint.
    Expiry(u64),
}

/// What a table needs.
fn wanted(shared: &Shared, def: &TableDef) -> Result<Wanted, ApplyError> {
    if def.dropped {
        return Ok(if is_left(shared, def.id)? { Wanted::Dropped } else { Wanted::Nothing });
    }
    let txn = shared.tree.snapshot()?;
    let fingerprint = fingerprint(def);
    let made_for = meta::expiry_made_for(shared.tree.meta, &txn, def.id)?;
    Ok(if made_for == fingerprint { Wanted::Nothing } else { Wanted::Expiry(fingerprint) })
}

/// What tells one TTL of a table from another; 0: none.
fn fingerprint(def: &TableDef) -> u64 {
    def.ttl.as_ref().map_or(0, |ttl| xxh3_64(ttl.attribute.as_bytes()) | 1)
}

/// Some of a table's rows, each with its expiry, and the last key if there may be more.
type TableRows = (Vec<(Bytes, Option<u64>)>, Option<Vec<u8>>);

fn table_rows(
    shared: &Shared,
    slice: &Slice<'_>,
    def: &TableDef,
    after: Option<Vec<u8>>,
) -> Result<TableRows, ApplyError> {
    let start = after.map_or(Bound::Included(def.id.0.to_be_bytes().to_vec()), Bound::Excluded);
    let end = Bound::Excluded((def.id.0.saturating_add(1)).to_be_bytes().to_vec());
    let bounds = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
    let mut found = Vec::new();
    if fingerprint(def) == 0 && !def.dropped {
        // Switched off: what is there is found to be stale when its time comes.
        return Ok((found, None));
    }
    for entry in shared.tree.rows.range(slice.txn(), &bounds)? {
        let (key, value) = entry?;
        let expiry = rows::decode(key, value).ok().and_then(|row| def.expiry_of(MapRef::new(row.image)));
        found.push((Bytes::copy_from_slice(key), expiry));
        if found.len() >= TABLE_ROWS {
            return Ok((found, Some(key.to_vec())));
        }
    }
    Ok((found, None))
}

/// Frees rows whose time is over, the oldest first; whether there are more.
fn free_expired(shared: &Shared, now: u64) -> Result<bool, ApplyError> {
    let catalog = shared.published.load().catalog.clone();
    let mut rows = expired(shared, &catalog, now)?;
    let more = rows.len() >= SWEEP_ROWS;
    rows.sort_unstable_by(|a, b| a.1.cmp(&b.1));
    let mut slice = None;
    let mut freed = 0;
    for (second, key) in &rows {
        let open = match &mut slice {
            Some(open) => open,
            None => slice.insert(Slice::begin(&shared.tree, &catalog, shared.keys)?),
        };
        freed += u64::from(open.expire(*second, key)?);
        if open.pages() >= shared.tuning.slice_pages
            && let Some(full) = slice.take()
        {
            commit(shared, full)?;
            shared.stats.expired.fetch_add(std::mem::take(&mut freed), Ordering::Relaxed);
            shared.faults.reach(Point::SweepCommitted)?;
            // Never greedy: commits share the disk. A fold that waits goes first.
            if !shared.gate.pause(BETWEEN_SLICES) {
                return Ok(true);
            }
        }
    }
    if let Some(last) = slice {
        commit(shared, last)?;
        shared.stats.expired.fetch_add(freed, Ordering::Relaxed);
        shared.faults.reach(Point::SweepCommitted)?;
    }
    Ok(more)
}

/// Not those of tables with a stream: the committer removes them.
fn expired(shared: &Shared, catalog: &Catalog, now: u64) -> Result<Vec<(u64, Bytes)>, ReadError> {
    let txn = shared.tree.snapshot()?;
    let mut found = Vec::new();
    let (mut start, mut end) = (Vec::new(), Vec::new());
    // What is more than five years past never expires.
    expiry_key(now.saturating_sub(TTL_PAST_SECONDS), &[], &mut start);
    expiry_key(now + 1, &[], &mut end);
    let bounds = (Bound::Included(&start[..]), Bound::Excluded(&end[..]));
    for entry in shared.tree.expiry.range(&txn, &bounds)?.take(LOOKED_AT) {
        let (key, _) = entry?;
        if let Some((second, row)) = read_expiry_key(key) {
            let row = Bytes::copy_from_slice(row);
            if by_committer(catalog, RowKey(row.clone()).table()).is_none() {
                found.push((second, row));
            }
        }
        if found.len() >= SWEEP_ROWS {
            break;
        }
    }
    Ok(found)
}
