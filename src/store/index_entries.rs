//! Index entries of the overlay: which items of a generation stand where in which index.
//!
//! An entry belongs to one version of a row. It counts for a reader exactly where that version is the newest one that the
//! reader sees, so that nothing is ever taken out when a row changes.

use std::ops::Bound;

use bytes::Bytes;
use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::Entry;

use super::overlay::{Generation, Generations, Sought, Version, VersionKey, Versioned};
use super::{Direction, KeyRange, Seq};
use crate::model::{IndexDef, IndexKey, KeyCodec, MapRef, RowKey, TableDef};

/// What an entry costs beside its key.
const OVERHEAD: usize = 128;

/// Where an entry's item is.
#[derive(Debug)]
pub(super) struct Indexed {
    /// The item's row key.
    pub(super) row: Bytes,
    /// See [`IndexKey::locate`].
    pub(super) value: Bytes,
}

/// The entries of a generation.
#[derive(Debug, Default)]
pub(super) struct Entries(SkipMap<VersionKey, Indexed>);

impl Entries {
    /// Puts an entry in; what it costs, in bytes.
    pub(super) fn insert(&self, entry: IndexKey, seq: Seq, row: Bytes) -> usize {
        let bytes = OVERHEAD + entry.key.len() + entry.value.len();
        self.0.insert(VersionKey { key: entry.key, seq }, Indexed { row, value: entry.value });
        bytes
    }

    /// Takes an entry out whose version was not written after all; what it has cost.
    pub(super) fn remove(&self, key: &[u8], seq: Seq) -> usize {
        let sought: &dyn Versioned = &Sought(key, seq);
        self.0.remove(sought).map_or(0, |found| OVERHEAD + found.key().key.len() + found.value().value.len())
    }

    /// Walks over a range.
    pub(super) fn walk<'a>(&'a self, range: &'a KeyRange, direction: Direction) -> Walk<'a> {
        let seek = |sought: Option<(Sought<'_>, bool)>| match (&sought, direction) {
            (None, Direction::Forward) => self.0.front(),
            (None, Direction::Backward) => self.0.back(),
            (Some((sought, included)), _) => {
                let sought: &dyn Versioned = sought;
                let bound = if *included { Bound::Included(sought) } else { Bound::Excluded(sought) };
                match direction {
                    Direction::Forward => self.0.lower_bound(bound),
                    Direction::Backward => self.0.upper_bound(bound),
                }
            }
        };
        // Of one key the newest version stands first.
        let (bound, first, last) = match direction {
            Direction::Forward => (&range.start, Seq(u64::MAX), Seq(0)),
            Direction::Backward => (&range.end, Seq(0), Seq(u64::MAX)),
        };
        let next = match bound {
            Bound::Included(key) => seek(Some((Sought(key, first), true))),
            Bound::Excluded(key) => seek(Some((Sought(key, last), false))),
            Bound::Unbounded => seek(None),
        };
        Walk { next, range, direction }
    }
}

/// A walk over the entries of a range, all versions.
pub(super) struct Walk<'a> {
    next: Option<Entry<'a, VersionKey, Indexed>>,
    range: &'a KeyRange,
    direction: Direction,
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a, VersionKey, Indexed>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.next.take().filter(|found| self.range.contains(&found.key().key))?;
        self.next = match self.direction {
            Direction::Forward => found.next(),
            Direction::Backward => found.prev(),
        };
        Some(found)
    }
}

/// The entries of an item, by index.
pub(super) fn entries<'d>(
    keys: KeyCodec,
    indexes: impl Iterator<Item = &'d IndexDef>,
    row: &RowKey,
    image: &[u8],
) -> impl Iterator<Item = (&'d IndexDef, IndexKey)> {
    indexes.filter_map(move |index| {
        let values = index.key_of_image(MapRef::new(image))?;
        Some((index, keys.index_key(index, &values, row)))
    })
}

/// Entries that were made, to be taken out again if their versions are not written after all.
pub(super) type Entered = Vec<(Bytes, Seq)>;

/// Puts the entries of a version in.
pub(super) fn enter(
    keys: KeyCodec,
    def: &TableDef,
    generation: &Generation,
    version: (&Bytes, Seq, &Bytes),
    entered: &mut Entered,
) {
    let (row, seq, image) = version;
    for (_, entry) in entries(keys, def.indexes.live(), &RowKey(row.clone()), image) {
        entered.push((entry.key.clone(), seq));
        generation.insert_entry(entry, seq, row.clone());
    }
}

/// A definition comes: what stands in the overlay already is brought into the indexes that it adds. What is in the tree is
/// brought in by [`super::index_build`].
pub(super) fn enter_older(
    keys: KeyCodec,
    before: Option<&TableDef>,
    after: &TableDef,
    generations: &Generations,
    entered: &mut Entered,
) {
    let known = |index: &IndexDef| {
        before.is_some_and(|before| before.indexes.list.iter().any(|known| known.id == index.id))
    };
    let added: Vec<_> = after.indexes.live().filter(|index| index.added && !known(index)).collect();
    if added.is_empty() {
        return;
    }
    for generation in generations.each() {
        for found in generation.versions_of(after.id) {
            let (key, seq) = (&found.key().key, found.key().seq);
            let Version::Put { image, .. } = found.value() else { continue };
            for (_, entry) in entries(keys, added.iter().copied(), &RowKey(key.clone()), image) {
                entered.push((entry.key.clone(), seq));
                generation.insert_entry(entry, seq, key.clone());
            }
        }
    }
}
