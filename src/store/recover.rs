//! Recovery: what the tree has, plus what the journal has beyond it; and which sequence comes next.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::apply::{Later, NewRow, Slice};
use super::deliveries::Ring;
use super::identity::Identity;
use super::index_entries::{self, Entered};
use super::journal::{FrameRecords, Journal, JournalError, Recovered, Survey};
use super::meta::{self, State};
use super::overlay::{Overlay, Version};
use super::shared::Published;
use super::staged::{catalog_entry, note, note_cursor, note_table, sent};
use super::tree::Tree;
use super::{Catalog, Kind, ReadError, Record, Seq, Space, rows, system_key};
use crate::model::{KeyCodec, MapRef, RowKey, TableId};

/// The store's state while the journal is replayed into it.
pub(super) struct Replay {
    keys: KeyCodec,
    pub(super) state: State,
    pub(super) published: Published,
    pub(super) overlay: Overlay,
    pub(super) ring: Ring,
    begins_after: Seq,
    /// Records that belong nowhere: their table is not known any more, or their image has no key.
    lost: u64,
}

/// What comes next.
pub(super) struct Start {
    pub(super) epoch: u16,
    pub(super) next: Seq,
    /// The tree has changes that the journal has not: what follows from its rows may be missing.
    pub(super) tree_ahead: bool,
}

impl Replay {
    /// Begins with what the tree has. A new tree gets the tables that are known from elsewhere.
    pub(super) fn begin(
        tree: &Tree,
        identity: &Identity,
        keys: KeyCodec,
        fresh: bool,
    ) -> Result<Replay, String> {
        let mut catalog = Catalog::default();
        for table in &identity.tables {
            catalog.set(table.clone());
        }
        if fresh {
            write_tables(tree, &catalog, keys).map_err(|error| error.to_string())?;
        }
        let mut published = Published { catalog: Arc::new(catalog), ..Published::default() };
        let state = load(tree, &mut published).map_err(|error| error.to_string())?;
        published.seq = state.touched_to.max(state.folded_to);
        published.time_us = state.time_us;
        let (overlay, ring) = (Overlay::default(), Ring::default());
        Ok(Replay { keys, state, published, overlay, ring, begins_after: Seq(0), lost: 0 })
    }

    /// Takes in what the journal has beyond the tree.
    pub(super) fn run(mut self, survey: Survey) -> Result<(Recovered, Replay), JournalError> {
        self.begins_after = survey.begins_after();
        let from = self.state.folded_to;
        let recovered = survey.replay(from, |frame| {
            self.frame(frame);
            Ok::<(), ReadError>(())
        })?;
        Ok((recovered, self))
    }

    fn frame(&mut self, frame: FrameRecords<'_>) {
        for record in frame {
            if let Some(delivery) = record.delivery {
                self.ring.insert(delivery);
            }
            if record.seq > self.state.folded_to {
                self.record(record);
            }
        }
    }

    fn record(&mut self, record: Record<'_>) {
        self.published.seq = self.published.seq.max(record.seq);
        self.published.time_us = self.published.time_us.max(record.time_us);
        let Some(key) = self.key_of(&record) else {
            self.lost += 1;
            return;
        };
        let image = Bytes::copy_from_slice(record.image);
        let before = catalog_entry(&self.published.catalog, record.table, &key);
        let sent = sent(record.table, record.origin, record.mark.is_some());
        note(&mut self.published, record.table, &key, record.kind, &image, sent);
        let (keys, generations) = (self.keys, self.overlay.load());
        // Nothing is ever undone here.
        let mut entered = Entered::new();
        if let Some(after) = catalog_entry(&self.published.catalog, record.table, &key) {
            index_entries::enter_older(keys, before.as_deref(), &after, &generations, &mut entered);
        }
        if record.kind == Kind::Put
            && let Some(def) = self.published.catalog.by_id(record.table)
        {
            let version = (&key.0, record.seq, &image);
            index_entries::enter(keys, def, &generations.active, version, &mut entered);
        }
        let version = match record.kind {
            Kind::Put => Version::Put { image, mark: record.mark.map(Arc::new), size: None },
            Kind::Delete => Version::Delete,
        };
        generations.active.insert(key.0, record.seq, version);
    }

    fn key_of(&self, record: &Record<'_>) -> Option<RowKey> {
        if record.table < TableId::FIRST {
            let mut key = Vec::with_capacity(4 + record.system_key.len());
            key.extend_from_slice(&record.table.0.to_be_bytes());
            key.extend_from_slice(record.system_key);
            return Some(RowKey(key.into()));
        }
        let table = self.published.catalog.by_id(record.table)?;
        let (partition, sort) = table.keys.key_of_image(MapRef::new(record.image)).ok()?;
        Some(self.keys.row_key(record.table, partition, sort))
    }
}

/// Looks whether the journal and the tree fit together, and decides which sequence comes next.
pub(super) fn decide(
    replay: &mut Replay,
    recovered: &Recovered,
    epoch_file: u16,
    damage: &mut Vec<String>,
) -> Start {
    let (state, begins_after) = (replay.state, replay.begins_after);
    let last = recovered.last.max(begins_after);
    let mut new_epoch = recovered.needs_epoch();
    damage.extend(recovered.damage.iter().map(|damage| damage.what.clone()));
    if begins_after > state.folded_to {
        new_epoch = true;
        damage.push(format!(
            "the journal begins after change {}, the tree ends at {}: what was between is gone",
            begins_after.0, state.folded_to.0
        ));
    }
    if state.touched_to > last {
        new_epoch = true;
        damage.push(format!(
            "the tree has changes up to {}, the journal only up to {}: the newest changes may be gone",
            state.touched_to.0, last.0
        ));
    }
    if let Some(cursor) = replay.published.cursors.values().max().filter(|cursor| **cursor > last) {
        new_epoch = true;
        damage.push(format!(
            "an upstream has settled changes up to {}, the journal has only those up to {}",
            cursor.0, last.0
        ));
    }
    if replay.lost > 0 {
        damage.push(format!(
            "{} changes in the journal belong to tables that are not known any more; they are not shown, but still in \
             the journal",
            replay.lost
        ));
    }
    let tree_ahead = state.touched_to > last;
    let newest = [recovered.highest_epoch, last.epoch(), state.touched_to.epoch()];
    let newest = newest.into_iter().max().unwrap_or_default();
    // An epoch that was begun elsewhere: this store was put back from a copy, or began afresh.
    new_epoch |= epoch_file > newest;
    let highest = newest.max(epoch_file);
    replay.published.seq = replay.published.seq.max(last);
    if new_epoch || highest == 0 {
        let epoch = highest.saturating_add(1);
        Start { epoch, next: Seq::start_of(epoch).next(), tree_ahead }
    } else {
        Start { epoch: highest, next: recovered.next_seq(highest).max(last.next()), tree_ahead }
    }
}

/// The deliveries of the last fold's changes: their senders may send them again, although the tree has them.
pub(super) fn earlier_deliveries(journal: &Journal, state: &State, later: Ring) -> Ring {
    let mut ring = Ring::default();
    let mut reader = journal.reader(state.folded_before);
    // What can't be read here is in the tree; only its deliveries are forgotten.
    while let Ok(Some(frame)) = reader.next() {
        let last = frame.last_seq();
        for delivery in frame.filter_map(|record| record.delivery) {
            ring.insert(delivery);
        }
        if last >= state.folded_to {
            break;
        }
    }
    ring.append(later);
    ring
}

/// What the tree knows: state, tables, counts, cursors.
fn load(tree: &Tree, published: &mut Published) -> Result<State, ReadError> {
    let txn = tree.snapshot()?;
    let state = tree.state(&txn)?;
    published.counts = Arc::new(meta::change_counts(tree.meta, &txn)?);
    let mut cursors = Arc::new(BTreeMap::new());
    for space in [Space::Catalog, Space::Cursor] {
        let (start, end) = ((space as u32).to_be_bytes(), (space as u32 + 1).to_be_bytes());
        let bounds = (Bound::Included(&start[..]), Bound::Excluded(&end[..]));
        for entry in tree.rows.range(&txn, &bounds)? {
            let (key, value) = entry?;
            let row = rows::decode(key, value).map_err(|what| ReadError::Damaged {
                place: super::view::place(key),
                what: what.to_owned(),
            })?;
            match space {
                Space::Catalog => note_table(&mut published.catalog, row.image),
                _ => {
                    let key = RowKey(Bytes::copy_from_slice(key));
                    note_cursor(&mut cursors, &key, Kind::Put, row.image);
                }
            }
        }
    }
    published.cursors = cursors;
    Ok(state)
}

/// Whether everything that opening needs can be read.
pub(super) fn readable(tree: &Tree) -> Result<(), ReadError> {
    load(tree, &mut Published::default()).map(|_| ())
}

fn write_tables(tree: &Tree, catalog: &Catalog, keys: KeyCodec) -> Result<(), super::apply::ApplyError> {
    let mut slice = Slice::begin(tree, catalog, keys)?;
    for table in catalog.all() {
        let mut image = Vec::new();
        if ciborium::into_writer(&**table, &mut image).is_ok() {
            let key = system_key(Space::Catalog, &table.id.0.to_be_bytes());
            let row = NewRow { seq: Seq(0), mark: None, image: &image, size: None };
            slice.apply(&key.0, Some(row), &mut Later::default())?;
        }
    }
    slice.commit()
}

/// Lets index rows and expiry rows be derived again: a fold that was interrupted had rows without them, and what would
/// have folded those again is lost.
pub(super) fn derive_again(tree: &Tree, catalog: &Catalog) -> Result<(), ReadError> {
    let mut txn = tree.write()?;
    for table in catalog.all().filter(|table| !table.dropped) {
        meta::set_expiry_made_for(tree.meta, &mut txn, table.id, 0)?;
        for index in table.indexes.live() {
            let from_the_start = meta::Progress::Building(Vec::new());
            meta::set_index_progress(tree.meta, &mut txn, index.id, &from_the_start)?;
        }
    }
    txn.commit()?;
    Ok(())
}

const IDENTITY: &[u8] = b"identity";

/// The identity as the tree keeps it; its tables are rows.
pub(super) fn identity(tree: &Tree) -> Result<Option<Identity>, ReadError> {
    let txn = tree.snapshot()?;
    let Some(value) = tree.meta.get(&txn, IDENTITY)? else { return Ok(None) };
    ciborium::from_reader(value).map(Some).map_err(|error| ReadError::Damaged {
        place: "the tree's meta record identity".to_owned(),
        what: error.to_string(),
    })
}

/// Keeps the identity in the tree too.
pub(super) fn set_identity(tree: &Tree, identity: &Identity) -> Result<(), ReadError> {
    let mut value = Vec::new();
    let without_tables = Identity { tables: Vec::new(), ..identity.clone() };
    ciborium::into_writer(&without_tables, &mut value).map_err(|error| ReadError::Tree(error.to_string()))?;
    let mut txn = tree.write()?;
    tree.meta.put(&mut txn, IDENTITY, &value)?;
    txn.commit()?;
    Ok(())
}
