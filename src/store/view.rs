//! Reading: overlay and tree as one. A view is (published state, generations), then an LMDB snapshot; it starts over if the
//! snapshot holds anything beyond what is published.

use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

use bytes::Bytes;
use heed::RoTxn;
use heed::{RoRange, RoRevRange};

use super::index_build;
use super::index_scan::IndexScan;
use super::overlay::{Found, Generation, Generations, Version};
use super::rows::{self, TreeRow};
use super::shared::{Published, Shared};
use super::tree::{Raw, Snapshot};
use super::{Catalog, Direction, IndexState, KeyRange, Read, ReadError, Row, RowRef, Seq};
use crate::model::{IndexDef, RowKey, TableDef};

/// The published state at one moment.
pub struct View {
    pub(super) published: Arc<Published>,
    pub(super) generations: Arc<Generations>,
    pub(super) txn: Snapshot,
    shared: Arc<Shared>,
    /// A view is for one page, on the thread that took it.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl View {
    pub(super) fn take(shared: Arc<Shared>) -> Result<View, ReadError> {
        loop {
            let published = shared.published.load_full();
            let generations = shared.overlay.load();
            let txn = shared.tree.snapshot()?;
            if shared.tree.state(&txn)?.touched_to <= published.seq {
                return Ok(View { published, generations, txn, shared, _not_send: std::marker::PhantomData });
            }
        }
    }

    fn index<'a>(&'a self, table: &'a TableDef, index: &'a IndexDef) -> IndexScan<'a> {
        IndexScan { sources: self.sources(), keys: self.shared.keys, table, index }
    }

    pub(super) fn sources(&self) -> Sources<'_> {
        Sources {
            generations: &self.generations,
            horizon: self.published.seq,
            txn: &self.txn,
            rows: self.shared.tree.rows,
        }
    }
}

impl Read for View {
    fn seq(&self) -> Seq {
        self.published.seq
    }

    fn catalog(&self) -> &Catalog {
        &self.published.catalog
    }

    fn get(&self, key: &RowKey) -> Result<Option<Row>, ReadError> {
        self.sources().get(key.as_slice())
    }

    fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.sources().scan(range, direction, visit)
    }

    fn scan_index(
        &self,
        table: &TableDef,
        index: &IndexDef,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.index(table, index).scan(range, direction, visit)
    }

    fn index_state(&self, index: &IndexDef) -> Result<IndexState, ReadError> {
        index_build::state(&self.shared.tree, &self.txn, index)
    }

    fn delivered(&self, delivery: u64) -> bool {
        self.shared.deliveries.lock().contains(delivery)
    }
}

/// What a read looks at: the newest version at or below the horizon in the overlay, else the tree's row.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) generations: &'a Generations,
    pub(super) horizon: Seq,
    pub(super) txn: &'a RoTxn<'a>,
    pub(super) rows: Raw,
}

impl<'a> Sources<'a> {
    /// The overlay's version of a row.
    pub(super) fn newest(&self, key: &[u8]) -> Option<Found<'a>> {
        self.generations.each().find_map(|generation| generation.get(key, self.horizon))
    }

    /// One row.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Row>, ReadError> {
        if let Some(found) = self.newest(key) {
            let seq = found.key().seq;
            return Ok(match found.value() {
                Version::Put { image, mark, .. } => {
                    Some(Row { seq, image: image.clone(), mark: mark.as_deref().cloned() })
                }
                Version::Delete => None,
            });
        }
        let Some(row) = self.in_tree(key)? else { return Ok(None) };
        Ok(Some(Row { seq: row.seq, image: Bytes::copy_from_slice(row.image), mark: row.mark }))
    }

    /// The tree's row, whatever the overlay says.
    pub(super) fn in_tree(&self, key: &[u8]) -> Result<Option<TreeRow<'a>>, ReadError> {
        self.rows.get(self.txn, key)?.map(|value| decode(key, value)).transpose()
    }

    /// The rows of a range, in order, until the visitor breaks.
    pub(super) fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        if is_empty(range) {
            return Ok(());
        }
        let walk =
            |generation: &'a Arc<Generation>| OverlayWalk::begin(generation, range, direction, self.horizon);
        let mut active = walk(&self.generations.active);
        let mut frozen = self.generations.frozen.as_ref().map(|frozen| walk(&frozen.generation));
        let mut tree = TreeWalk::begin(self.rows, self.txn, range, direction)?;
        loop {
            let heads = [
                active.head.as_ref().map(|found| &found.key().key[..]),
                frozen.as_ref().and_then(|walk| walk.head.as_ref()).map(|found| &found.key().key[..]),
                tree.head.map(|(key, _)| key),
            ];
            let heads = heads.into_iter().flatten();
            let next = match direction {
                Direction::Forward => heads.min(),
                Direction::Backward => heads.max(),
            };
            let Some(next) = next else { return Ok(()) };
            // The heads move below; this is what they are compared with.
            let key = KeyBuf::from(next);
            let newer = active.take(&key);
            let older = frozen.as_mut().and_then(|walk| walk.take(&key));
            let below = tree.take(&key)?;
            let flow = match (newer.or(older), below) {
                (Some(found), _) => visit_version(&found, visit),
                (None, Some((key, value))) => {
                    let row = decode(key, value)?;
                    visit(key, RowRef { seq: row.seq, image: row.image, mark: row.mark.as_ref() })
                }
                (None, None) => ControlFlow::Continue(()),
            };
            if flow.is_break() {
                return Ok(());
            }
        }
    }
}

/// A key, copied without an allocation where it is short.
struct KeyBuf {
    short: [u8; 64],
    length: usize,
    long: Vec<u8>,
}

impl KeyBuf {
    fn from(key: &[u8]) -> KeyBuf {
        let mut buffer = KeyBuf { short: [0; 64], length: key.len(), long: Vec::new() };
        match buffer.short.get_mut(..key.len()) {
            Some(short) => short.copy_from_slice(key),
            None => buffer.long = key.to_vec(),
        }
        buffer
    }

    fn as_slice(&self) -> &[u8] {
        self.short.get(..self.length).unwrap_or(&self.long)
    }
}

fn visit_version(
    found: &Found<'_>,
    visit: &mut dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match found.value() {
        Version::Put { image, mark, .. } => {
            visit(&found.key().key, RowRef { seq: found.key().seq, image, mark: mark.as_deref() })
        }
        Version::Delete => ControlFlow::Continue(()),
    }
}

/// A walk over one generation's part of a range.
struct OverlayWalk<'a> {
    generation: &'a Generation,
    direction: Direction,
    horizon: Seq,
    end: Bound<&'a [u8]>,
    head: Option<Found<'a>>,
}

impl<'a> OverlayWalk<'a> {
    fn begin<'r: 'a>(
        generation: &'a Generation,
        range: &'r KeyRange,
        direction: Direction,
        horizon: Seq,
    ) -> OverlayWalk<'a> {
        let (start, end) = (as_slice(&range.start), as_slice(&range.end));
        let (from, end) = match direction {
            Direction::Forward => (start, end),
            Direction::Backward => (end, start),
        };
        let mut walk = OverlayWalk { generation, direction, horizon, end, head: None };
        walk.seek(from);
        walk
    }

    fn seek(&mut self, from: Bound<&[u8]>) {
        let found = self.generation.seek(from, self.direction, self.horizon);
        let within = |key: &[u8]| match (self.direction, self.end) {
            (_, Bound::Unbounded) => true,
            (Direction::Forward, Bound::Included(end)) => key <= end,
            (Direction::Forward, Bound::Excluded(end)) => key < end,
            (Direction::Backward, Bound::Included(end)) => key >= end,
            (Direction::Backward, Bound::Excluded(end)) => key > end,
        };
        self.head = found.filter(|found| within(&found.key().key));
    }

    /// Takes the head and moves on, if it has this key.
    fn take(&mut self, key: &KeyBuf) -> Option<Found<'a>> {
        if self.head.as_ref()?.key().key != key.as_slice() {
            return None;
        }
        let taken = self.head.take();
        self.seek(Bound::Excluded(key.as_slice()));
        taken
    }
}

enum TreeRange<'a> {
    Forward(RoRange<'a, heed::types::Bytes, heed::types::Bytes>),
    Backward(RoRevRange<'a, heed::types::Bytes, heed::types::Bytes>),
}

/// A walk over the tree's part of a range.
pub(super) struct TreeWalk<'a> {
    range: TreeRange<'a>,
    pub(super) head: Option<RawRow<'a>>,
}

/// A row's key and value, as LMDB has them.
pub(super) type RawRow<'a> = (&'a [u8], &'a [u8]);

impl<'a> TreeWalk<'a> {
    pub(super) fn begin(
        rows: Raw,
        txn: &'a RoTxn<'a>,
        range: &KeyRange,
        direction: Direction,
    ) -> Result<TreeWalk<'a>, ReadError> {
        let bounds = (as_slice(&range.start), as_slice(&range.end));
        let range = match direction {
            Direction::Forward => TreeRange::Forward(rows.range(txn, &bounds)?),
            Direction::Backward => TreeRange::Backward(rows.rev_range(txn, &bounds)?),
        };
        let mut walk = TreeWalk { range, head: None };
        walk.step()?;
        Ok(walk)
    }

    pub(super) fn step(&mut self) -> Result<(), ReadError> {
        let next = match &mut self.range {
            TreeRange::Forward(range) => range.next(),
            TreeRange::Backward(range) => range.next(),
        };
        self.head = next.transpose()?;
        Ok(())
    }

    fn take(&mut self, key: &KeyBuf) -> Result<Option<RawRow<'a>>, ReadError> {
        let taken = self.head.filter(|(at, _)| *at == key.as_slice());
        if taken.is_some() {
            self.step()?;
        }
        Ok(taken)
    }
}

fn as_slice(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

/// Whether nothing can be within the range (its ends are in the wrong order).
pub(super) fn is_empty(range: &KeyRange) -> bool {
    match (as_slice(&range.start), as_slice(&range.end)) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
            start >= end
        }
    }
}

pub(super) fn decode<'a>(key: &[u8], value: &'a [u8]) -> Result<TreeRow<'a>, ReadError> {
    rows::decode(key, value).map_err(|what| ReadError::Damaged { place: place(key), what: what.to_owned() })
}

/// A row's key, for people.
pub(super) fn place(key: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = format!("table {}, key ", RowKey(Bytes::copy_from_slice(key)).table().0);
    for byte in key.iter().skip(4) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
