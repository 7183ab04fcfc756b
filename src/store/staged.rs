//! What the decisions of a group stage, how they read it, and how it is undone.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::batch::Change;
use super::cursor::read_cursor;
use super::index_build;
use super::index_entries::{self, Entered};
use super::index_scan::IndexScan;
use super::overlay::{Generations, Version};
use super::shared::{Published, Shared};
use super::tree::Snapshot;
use super::view::Sources;
use super::{
    Catalog, CommitError, Direction, IndexState, KeyRange, Kind, Origin, Read, ReadError, Row, RowRef, Seq,
    Space,
};
use crate::model::{IndexDef, RowKey, TableDef, TableId};

/// The longest key of a row: LMDB's limit, less what an expiry or a mark row puts in front.
pub(super) const LONGEST_KEY: usize = crate::model::index_key::LONGEST;

/// What the decisions of a group read: everything staged before them.
pub(super) struct Staged<'s> {
    pub(super) shared: &'s Shared,
    generations: Arc<Generations>,
    txn: OnceCell<Snapshot>,
    /// What will be published with the group.
    pub(super) next: Published,
    /// What to take back if the group is not written after all.
    inserted: Vec<(Bytes, Seq)>,
    entered: Entered,
    delivered: Vec<u64>,
    /// A table's definition is among it.
    pub(super) tables_changed: bool,
    /// A cursor is among it.
    pub(super) cursors_changed: bool,
}

impl<'s> Staged<'s> {
    /// Begins a group.
    pub(super) fn begin(shared: &'s Shared) -> Staged<'s> {
        Staged {
            shared,
            // Before the snapshot, which is taken at the first read: what a fold finishes meanwhile is in one or both.
            generations: shared.overlay.load(),
            txn: OnceCell::new(),
            next: Published::clone(&shared.published.load()),
            inserted: Vec::new(),
            entered: Entered::new(),
            delivered: Vec::new(),
            tables_changed: false,
            cursors_changed: false,
        }
    }

    fn txn(&self) -> Result<&Snapshot, ReadError> {
        if let Some(txn) = self.txn.get() {
            return Ok(txn);
        }
        let txn = self.shared.tree.snapshot()?;
        Ok(self.txn.get_or_init(|| txn))
    }

    fn sources(&self) -> Result<Sources<'_>, ReadError> {
        // Everything staged is seen: there is nothing above the horizon.
        Ok(Sources {
            generations: &self.generations,
            horizon: Seq(u64::MAX),
            txn: self.txn()?,
            rows: self.shared.tree.rows,
        })
    }

    /// Bytes in the overlay, what is staged included.
    pub(super) fn overlay_bytes(&self) -> (usize, usize) {
        (self.generations.active.bytes(), self.generations.bytes())
    }

    /// Whether these changes are such as a store can hold.
    pub(super) fn check(&self, changes: &[Change]) -> Result<(), CommitError> {
        for change in changes {
            let known = change.table < TableId::FIRST
                || self.next.catalog.by_id(change.table).is_some()
                || changes.iter().any(|other| defines(other, change.table));
            let sound = change.key.table() == change.table && change.key.as_slice().len() <= LONGEST_KEY;
            if !known || !sound || change.table.0 == Space::Mark as u32 {
                return Err(CommitError::OutcomeUnknown(format!(
                    "nothing was written: a decision staged a row that can't be kept in table {}; this is a bug of \
                     forebay's",
                    change.table.0
                )));
            }
        }
        Ok(())
    }

    /// Takes changes in; the first has this sequence.
    pub(super) fn stage(&mut self, first: Seq, changes: Vec<Change>) {
        let mut seq = first;
        for change in changes {
            self.next.time_us = self.next.time_us.max(change.time.us);
            self.stage_one(seq, change);
            self.next.seq = seq;
            seq = seq.next();
        }
    }

    fn stage_one(&mut self, seq: Seq, change: Change) {
        let Change { table, key, kind, origin, mark, delivery, size, image, .. } = change;
        let before = catalog_entry(&self.next.catalog, table, &key);
        note(&mut self.next, table, &key, kind, &image, sent(table, origin, mark.is_some()));
        if table.0 == Space::Catalog as u32 {
            self.tables_changed = true;
            if let Some(after) = catalog_entry(&self.next.catalog, table, &key) {
                let (keys, before) = (self.shared.keys, before.as_deref());
                index_entries::enter_older(keys, before, &after, &self.generations, &mut self.entered);
            }
        }
        if origin == Origin::Expiry {
            self.shared.stats.expired.fetch_add(1, Ordering::Relaxed);
        }
        self.cursors_changed |= table.0 == Space::Cursor as u32;
        if let Some(delivery) = delivery {
            self.shared.deliveries.lock().insert(delivery);
            self.delivered.push(delivery);
        }
        let version = match kind {
            Kind::Put => {
                if let Some(def) = self.next.catalog.by_id(table) {
                    let version = (&key.0, seq, &image);
                    let active = &self.generations.active;
                    index_entries::enter(self.shared.keys, def, active, version, &mut self.entered);
                }
                Version::Put { image, mark: mark.map(Arc::new), size }
            }
            Kind::Delete => Version::Delete,
        };
        self.inserted.push((key.0.clone(), seq));
        self.generations.active.insert(key.0, seq, version);
    }

    /// Takes everything back: nothing of the group was written.
    pub(super) fn undo(&mut self) {
        for (key, seq) in self.inserted.drain(..) {
            self.generations.active.remove(&key, seq);
        }
        for (key, seq) in self.entered.drain(..) {
            for generation in self.generations.each() {
                generation.remove_entry(&key, seq);
            }
        }
        let mut ring = self.shared.deliveries.lock();
        for delivery in self.delivered.drain(..) {
            ring.remove(delivery);
        }
    }

    /// Lets go of the tree's snapshot: not to be held across a sync.
    pub(super) fn release_snapshot(&mut self) {
        self.txn.take();
    }
}

/// The definition that a row of the catalog is about, as it stands.
pub(super) fn catalog_entry(catalog: &Catalog, table: TableId, key: &RowKey) -> Option<Arc<TableDef>> {
    if table.0 != Space::Catalog as u32 {
        return None;
    }
    let id = key.as_slice().get(4..).and_then(|id| <[u8; 4]>::try_from(id).ok())?;
    catalog.by_id(TableId(u32::from_be_bytes(id))).cloned()
}

fn defines(change: &Change, table: TableId) -> bool {
    change.table.0 == Space::Catalog as u32 && change.key.as_slice().get(4..) == Some(&table.0.to_be_bytes())
}

/// Whether a change counts as one that is to be sent upstream.
pub(super) fn sent(table: TableId, origin: Origin, marked: bool) -> bool {
    table >= TableId::FIRST && !origin.is_local() && !marked
}

/// Keeps tables, cursors and counts up with a change.
pub(super) fn note(
    state: &mut Published,
    table: TableId,
    key: &RowKey,
    kind: Kind,
    image: &Bytes,
    sent: bool,
) {
    if sent {
        *Arc::make_mut(&mut state.counts).entry(table).or_default() += 1;
    } else if table.0 == Space::Catalog as u32 {
        note_table(&mut state.catalog, image);
    } else if table.0 == Space::Cursor as u32 {
        note_cursor(&mut state.cursors, key, kind, image);
    }
}

/// Takes a definition in.
pub(super) fn note_table(catalog: &mut Arc<Catalog>, image: &[u8]) {
    match ciborium::from_reader::<TableDef, _>(image) {
        Ok(table) => Arc::make_mut(catalog).set(table),
        Err(error) => tracing::error!(%error, "a table's definition can't be read; it is left out"),
    }
}

/// Takes a cursor in.
pub(super) fn note_cursor(cursors: &mut Arc<BTreeMap<Bytes, Seq>>, key: &RowKey, kind: Kind, image: &[u8]) {
    match (kind, read_cursor(image)) {
        (Kind::Put, Some((settled, _))) => {
            Arc::make_mut(cursors).insert(key.0.clone(), settled);
        }
        _ => {
            Arc::make_mut(cursors).remove(&key.0);
        }
    }
}

impl Read for Staged<'_> {
    fn seq(&self) -> Seq {
        self.next.seq
    }

    fn catalog(&self) -> &Catalog {
        &self.next.catalog
    }

    fn get(&self, key: &RowKey) -> Result<Option<Row>, ReadError> {
        self.sources()?.get(key.as_slice())
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.sources()?.scan(range, direction, visit)
    }

    fn scan_index(
        &self,
        table: &TableDef,
        index: &IndexDef,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let scan = IndexScan { sources: self.sources()?, keys: self.shared.keys, table, index };
        scan.scan(range, direction, visit)
    }

    fn index_state(&self, index: &IndexDef) -> Result<IndexState, ReadError> {
        index_build::state(&self.shared.tree, self.txn()?, index)
    }

    fn delivered(&self, delivery: u64) -> bool {
        self.shared.deliveries.lock().contains(delivery)
    }
}
