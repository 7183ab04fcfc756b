//! Reading an index: the entries of the overlay and the rows of the tree as one, each with its item.
//!
//! Invariants:
//! - An entry of the overlay shows its item where the version it was made for is the newest one seen.
//! - A row of the tree shows its item where the overlay has no version of it, and where the item's own row says that it
//!   belongs there.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use bytes::Bytes;

use super::index_entries::{self, entries};
use super::overlay::{Found, Version};
use super::rows::TreeRow;
use super::view::{RawRow, Sources, TreeWalk, decode, is_empty};
use super::{Direction, KeyRange, ReadError, RowRef, successor};
use crate::model::index_key::CUT;
use crate::model::{IndexDef, IndexKey, KeyCodec, TableDef};

/// Rows with cut keys that are put in order at one time.
const RUN: usize = 256;

/// What visits the rows: the index row's key and the item's row.
pub(super) type Visit<'v> = dyn FnMut(&[u8], RowRef<'_>) -> ControlFlow<()> + 'v;

/// An index to be read.
#[derive(Clone, Copy)]
pub(super) struct IndexScan<'a> {
    pub(super) sources: Sources<'a>,
    pub(super) keys: KeyCodec,
    pub(super) table: &'a TableDef,
    pub(super) index: &'a IndexDef,
}

/// An index row that shows its item.
struct Shown<'a> {
    key: Bytes,
    /// The whole key, where the row's is cut.
    whole: Option<Vec<u8>>,
    item: Item<'a>,
}

enum Item<'a> {
    Version(Found<'a>),
    Row(TreeRow<'a>),
}

impl Shown<'_> {
    fn visit(&self, visit: &mut Visit<'_>) -> ControlFlow<()> {
        let row = match &self.item {
            Item::Row(row) => RowRef { seq: row.seq, image: row.image, mark: row.mark.as_ref() },
            Item::Version(found) => match found.value() {
                Version::Put { image, mark, .. } => {
                    RowRef { seq: found.key().seq, image, mark: mark.as_deref() }
                }
                Version::Delete => return ControlFlow::Continue(()),
            },
        };
        visit(&self.key, row)
    }
}

impl<'a> IndexScan<'a> {
    /// The rows of a range of whole keys, in order, until the visitor breaks.
    pub(super) fn scan(
        &self,
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<(), ReadError> {
        if is_empty(range) {
            return Ok(());
        }
        let mut rest = physical(range);
        loop {
            let mut merge = Merge::begin(self, &rest, direction)?;
            let prefix = loop {
                let Some(shown) = merge.next()? else { return Ok(()) };
                match &shown.whole {
                    None if !range.contains(&shown.key) => {}
                    None => {
                        if shown.visit(visit).is_break() {
                            return Ok(());
                        }
                    }
                    Some(_) => break shown.key.slice(..CUT.min(shown.key.len())),
                }
            };
            drop(merge);
            if self.run(&prefix, range, direction, visit)?.is_break() {
                return Ok(());
            }
            match direction {
                Direction::Forward => rest.start = beyond(&prefix),
                Direction::Backward => rest.end = Bound::Excluded(prefix.to_vec()),
            }
        }
    }

    /// Rows whose keys are cut at the same place: in the order of what was cut off, some at a time.
    fn run(
        &self,
        prefix: &[u8],
        range: &KeyRange,
        direction: Direction,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>, ReadError> {
        let physical = KeyRange { start: Bound::Included(prefix.to_vec()), end: successor(prefix) };
        let mut left = range.clone();
        loop {
            let mut some: BTreeMap<Vec<u8>, Shown<'_>> = BTreeMap::new();
            let mut more = false;
            let mut merge = Merge::begin(self, &physical, direction)?;
            while let Some(mut shown) = merge.next()? {
                let Some(whole) = shown.whole.take().filter(|whole| left.contains(whole)) else { continue };
                some.insert(whole, shown);
                if some.len() > RUN {
                    more = true;
                    match direction {
                        Direction::Forward => some.pop_last(),
                        Direction::Backward => some.pop_first(),
                    };
                }
            }
            drop(merge);
            while let Some((whole, shown)) = match direction {
                Direction::Forward => some.pop_first(),
                Direction::Backward => some.pop_last(),
            } {
                if shown.visit(visit).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
                match direction {
                    Direction::Forward => left.start = Bound::Excluded(whole),
                    Direction::Backward => left.end = Bound::Excluded(whole),
                }
            }
            if !more {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// The overlay's entry with its item, if it counts.
    fn of_overlay(&self, entry: &OverlayEntry<'a>) -> Option<Shown<'a>> {
        let seq = entry.key().seq;
        let indexed = entry.value();
        let newest = self.sources.newest(&indexed.row).filter(|newest| newest.key().seq == seq)?;
        let key = entry.key().key.clone();
        let located = IndexKey::locate(self.table.id, &key, &indexed.value)?;
        Some(Shown { key, whole: located.whole, item: Item::Version(newest) })
    }

    /// The tree's index row with its item, if it counts.
    fn of_tree(&self, (key, value): RawRow<'a>) -> Result<Option<Shown<'a>>, ReadError> {
        let value = decode(key, value)?.image;
        let Some(located) = IndexKey::locate(self.table.id, key, value) else { return Ok(None) };
        if self.sources.newest(located.row.as_slice()).is_some() {
            return Ok(None);
        }
        let Some(row) = self.sources.in_tree(located.row.as_slice())? else { return Ok(None) };
        let belongs = entries(self.keys, std::iter::once(self.index), &located.row, row.image)
            .any(|(_, entry)| entry.key == key && entry.value == value);
        let key = Bytes::copy_from_slice(key);
        Ok(belongs.then_some(Shown { key, whole: located.whole, item: Item::Row(row) }))
    }
}

type OverlayEntry<'a> =
    crossbeam_skiplist::map::Entry<'a, super::overlay::VersionKey, index_entries::Indexed>;

/// Overlay and tree in one order.
struct Merge<'s, 'a> {
    scan: &'s IndexScan<'a>,
    direction: Direction,
    overlay: Vec<(index_entries::Walk<'s>, Option<Shown<'s>>)>,
    tree: TreeWalk<'a>,
    tree_head: Option<Shown<'a>>,
}

impl<'s, 'a: 's> Merge<'s, 'a> {
    fn begin(
        scan: &'s IndexScan<'a>,
        range: &'s KeyRange,
        direction: Direction,
    ) -> Result<Merge<'s, 'a>, ReadError> {
        let sources = &scan.sources;
        let walks = sources.generations.each().map(|generation| {
            let mut walk = generation.entries().walk(range, direction);
            let head = walk.find_map(|entry| scan.of_overlay(&entry));
            (walk, head)
        });
        let overlay = walks.collect();
        let tree = TreeWalk::begin(sources.rows, sources.txn, range, direction)?;
        let mut merge = Merge { scan, direction, overlay, tree, tree_head: None };
        merge.step_tree()?;
        Ok(merge)
    }

    fn step_tree(&mut self) -> Result<(), ReadError> {
        self.tree_head = None;
        while let Some(row) = self.tree.head {
            self.tree.step()?;
            self.tree_head = self.scan.of_tree(row)?;
            if self.tree_head.is_some() {
                break;
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<Shown<'s>>, ReadError> {
        let direction = self.direction;
        let before = |a: &[u8], b: &[u8]| match direction {
            Direction::Forward => a < b,
            Direction::Backward => a > b,
        };
        let mut first: Option<usize> = None;
        for (at, (_, head)) in self.overlay.iter().enumerate() {
            let Some(head) = head else { continue };
            let known = first.and_then(|first| self.overlay.get(first)).and_then(|(_, head)| head.as_ref());
            if known.is_none_or(|known| before(&head.key, &known.key)) {
                first = Some(at);
            }
        }
        let overlay = first.and_then(|first| self.overlay.get_mut(first));
        if let Some((walk, head)) = overlay {
            let tree_first = match (&self.tree_head, &head) {
                (Some(tree), Some(head)) => before(&tree.key, &head.key),
                _ => false,
            };
            if !tree_first {
                let taken = head.take();
                let scan = self.scan;
                *head = walk.find_map(|entry| scan.of_overlay(&entry));
                return Ok(taken);
            }
        }
        let taken = self.tree_head.take();
        if taken.is_some() {
            self.step_tree()?;
        }
        Ok(taken)
    }
}

/// The keys in the tree among which those of a range of whole keys are.
fn physical(range: &KeyRange) -> KeyRange {
    let start = match &range.start {
        Bound::Included(key) | Bound::Excluded(key) if key.len() > CUT => {
            Bound::Included(key.get(..CUT).unwrap_or_default().to_vec())
        }
        other => other.clone(),
    };
    let end = match &range.end {
        Bound::Included(key) | Bound::Excluded(key) if key.len() > CUT => {
            successor(key.get(..CUT).unwrap_or_default())
        }
        other => other.clone(),
    };
    KeyRange { start, end }
}

/// Where the keys behind all that begin with these bytes begin.
fn beyond(prefix: &[u8]) -> Bound<Vec<u8>> {
    match successor(prefix) {
        Bound::Excluded(end) => Bound::Included(end),
        other => other,
    }
}
