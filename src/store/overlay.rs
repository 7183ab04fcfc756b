//! The overlay: what is committed and not yet folded, in two generations.
//!
//! Invariants:
//! - A generation keeps every version; a reader sees the newest one at or below its horizon (its published sequence), so
//!   the committer may insert what it stages at once.
//! - Only the committer freezes, between groups: a frozen generation holds published rows only.
//! - Only the fold drops the frozen generation, after the commit of its last slice.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering as Memory};

use arc_swap::ArcSwap;
use bytes::Bytes;
use crossbeam_skiplist::SkipMap;
use crossbeam_skiplist::map::Entry as MapEntry;

use super::index_entries::Entries;
use super::{Direction, Mark, Seq};
use crate::model::{IndexKey, TableId};

/// What an entry costs beside its key and image: nodes, handles, allocations.
const ENTRY_OVERHEAD: usize = 128;

/// A version of a row.
#[derive(Clone, Debug)]
pub(super) enum Version {
    Put {
        image: Bytes,
        mark: Option<Arc<Mark>>,
        /// The item's size by DynamoDB's accounting, where it is known.
        size: Option<NonZeroU32>,
    },
    Delete,
}

#[derive(Debug)]
pub(super) struct VersionKey {
    pub(super) key: Bytes,
    pub(super) seq: Seq,
}

/// Lets a lookup borrow its key: by key, then newest first.
pub(super) trait Versioned {
    fn parts(&self) -> (&[u8], Seq);
}

impl Versioned for VersionKey {
    fn parts(&self) -> (&[u8], Seq) {
        (&self.key, self.seq)
    }
}

pub(super) struct Sought<'a>(pub(super) &'a [u8], pub(super) Seq);

impl Versioned for Sought<'_> {
    fn parts(&self) -> (&[u8], Seq) {
        (self.0, self.1)
    }
}

fn order(a: (&[u8], Seq), b: (&[u8], Seq)) -> Ordering {
    a.0.cmp(b.0).then_with(|| b.1.cmp(&a.1))
}

impl PartialEq for VersionKey {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}
impl Eq for VersionKey {}
impl PartialOrd for VersionKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for VersionKey {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.parts(), other.parts())
    }
}
impl PartialEq for dyn Versioned + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.parts() == other.parts()
    }
}
impl Eq for dyn Versioned + '_ {}
impl PartialOrd for dyn Versioned + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for dyn Versioned + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        order(self.parts(), other.parts())
    }
}
impl<'a> Borrow<dyn Versioned + 'a> for VersionKey {
    fn borrow(&self) -> &(dyn Versioned + 'a) {
        self
    }
}

fn size(key: &VersionKey, version: &Version) -> usize {
    let image = match version {
        Version::Put { image, .. } => image.len(),
        Version::Delete => 0,
    };
    ENTRY_OVERHEAD + key.key.len() + image
}

/// An entry of a generation.
pub(super) type Found<'a> = MapEntry<'a, VersionKey, Version>;

/// One generation of the overlay.
#[derive(Debug, Default)]
pub(super) struct Generation {
    map: SkipMap<VersionKey, Version>,
    entries: Entries,
    bytes: AtomicUsize,
    marks: AtomicBool,
}

/// What is known of the state after a generation's newest change; written with the fold's last slice.
#[derive(Clone, Debug, Default)]
pub(super) struct Closing {
    /// The newest change.
    pub(super) seq: Seq,
    /// Changes to be sent, by table, since the store was made.
    pub(super) counts: Arc<BTreeMap<TableId, u64>>,
    /// The newest record's time.
    pub(super) time_us: u64,
}

impl Generation {
    /// Puts a version in. Only the committer does.
    pub(super) fn insert(&self, key: Bytes, seq: Seq, version: Version) {
        let key = VersionKey { key, seq };
        self.bytes.fetch_add(size(&key, &version), Memory::Relaxed);
        if matches!(&version, Version::Put { mark: Some(_), .. }) {
            self.marks.store(true, Memory::Relaxed);
        }
        self.map.insert(key, version);
    }

    /// Takes out a version that was staged and not written after all: nobody has seen it.
    pub(super) fn remove(&self, key: &[u8], seq: Seq) {
        let sought: &dyn Versioned = &Sought(key, seq);
        if let Some(entry) = self.map.remove(sought) {
            self.bytes.fetch_sub(size(entry.key(), entry.value()), Memory::Relaxed);
        }
    }

    /// Puts an index entry of a version in. Only the committer does.
    pub(super) fn insert_entry(&self, entry: IndexKey, seq: Seq, row: Bytes) {
        self.bytes.fetch_add(self.entries.insert(entry, seq, row), Memory::Relaxed);
    }

    /// Takes out an index entry of a version that was staged and not written after all.
    pub(super) fn remove_entry(&self, key: &[u8], seq: Seq) {
        self.bytes.fetch_sub(self.entries.remove(key, seq), Memory::Relaxed);
    }

    /// The index entries.
    pub(super) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// All versions of a table's rows.
    pub(super) fn versions_of(&self, table: TableId) -> impl Iterator<Item = Found<'_>> {
        let (start, end) = (table.0.to_be_bytes(), table.0.saturating_add(1).to_be_bytes());
        let first: &dyn Versioned = &Sought(&start, Seq(u64::MAX));
        let first = self.map.lower_bound(Bound::Included(first));
        std::iter::successors(first, MapEntry::next).take_while(move |found| found.key().key < end[..])
    }

    /// Bytes held, superseded versions counted.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Memory::Relaxed)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Whether rows with a mark were put in.
    pub(super) fn has_marks(&self) -> bool {
        self.marks.load(Memory::Relaxed)
    }

    /// The newest version of a key at or below the horizon.
    pub(super) fn get(&self, key: &[u8], horizon: Seq) -> Option<Found<'_>> {
        let sought: &dyn Versioned = &Sought(key, horizon);
        let entry = self.map.lower_bound(Bound::Included(sought))?;
        (entry.key().key == key).then_some(entry)
    }

    /// The first row in a direction whose key is within the bound: its newest version at or below the horizon.
    pub(super) fn seek(&self, bound: Bound<&[u8]>, direction: Direction, horizon: Seq) -> Option<Found<'_>> {
        match direction {
            Direction::Forward => self.seek_forward(bound, horizon),
            Direction::Backward => self.seek_backward(bound, horizon),
        }
    }

    fn seek_forward(&self, bound: Bound<&[u8]>, horizon: Seq) -> Option<Found<'_>> {
        let sought;
        let from: Bound<&dyn Versioned> = match bound {
            // Newest first: the horizon stands before all that may be seen of a key …
            Bound::Included(key) => {
                sought = Sought(key, horizon);
                Bound::Included(&sought)
            }
            // … and sequence 0 behind all of it.
            Bound::Excluded(key) => {
                sought = Sought(key, Seq(0));
                Bound::Excluded(&sought)
            }
            Bound::Unbounded => Bound::Unbounded,
        };
        let mut entry = self.map.lower_bound(from)?;
        while entry.key().seq > horizon {
            entry = entry.next()?;
        }
        Some(entry)
    }

    fn seek_backward(&self, bound: Bound<&[u8]>, horizon: Seq) -> Option<Found<'_>> {
        let sought;
        let from: Bound<&dyn Versioned> = match bound {
            Bound::Included(key) => {
                sought = Sought(key, Seq(0));
                Bound::Included(&sought)
            }
            Bound::Excluded(key) => {
                sought = Sought(key, Seq(u64::MAX));
                Bound::Excluded(&sought)
            }
            Bound::Unbounded => Bound::Unbounded,
        };
        let mut entry = self.map.upper_bound(from)?;
        loop {
            // The oldest version of a key comes first here; its newest visible one is a lookup away.
            if entry.key().seq <= horizon {
                return self.get(&entry.key().key, horizon);
            }
            entry = entry.prev()?;
        }
    }

    /// The newest version of every key, in order.
    pub(super) fn newest(&self) -> impl Iterator<Item = Found<'_>> {
        self.newest_up_to(Seq(u64::MAX))
    }

    /// The newest version of every key at or below the horizon, in order.
    pub(super) fn newest_up_to(&self, horizon: Seq) -> impl Iterator<Item = Found<'_>> {
        let mut last: Option<Bytes> = None;
        self.map.iter().filter(move |entry| {
            let key = entry.key();
            let first = key.seq <= horizon && last.as_ref() != Some(&key.key);
            if first {
                last = Some(key.key.clone());
            }
            first
        })
    }
}

/// A frozen generation, with what is written when it is folded.
#[derive(Clone, Debug)]
pub(super) struct Frozen {
    pub(super) generation: Arc<Generation>,
    pub(super) closing: Closing,
}

/// Both generations, by one pointer.
#[derive(Clone, Debug, Default)]
pub(super) struct Generations {
    pub(super) active: Arc<Generation>,
    pub(super) frozen: Option<Frozen>,
}

impl Generations {
    /// Both, the newer first.
    pub(super) fn each(&self) -> impl Iterator<Item = &Arc<Generation>> {
        std::iter::once(&self.active).chain(self.frozen.as_ref().map(|frozen| &frozen.generation))
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.each().map(|generation| generation.bytes()).sum()
    }
}

/// The overlay.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    generations: ArcSwap<Generations>,
}

impl Overlay {
    /// Both generations now.
    pub(super) fn load(&self) -> Arc<Generations> {
        self.generations.load_full()
    }

    /// Freezes the active generation, if none is frozen: one that holds nothing too, since its fold says that what came before
    /// is in the tree. Only the committer may, between groups.
    pub(super) fn freeze(&self, closing: Closing) -> bool {
        let now = self.load();
        if now.frozen.is_some() {
            return false;
        }
        let frozen = Some(Frozen { generation: now.active.clone(), closing });
        self.generations.store(Arc::new(Generations { active: Arc::default(), frozen }));
        true
    }

    /// Drops the frozen generation: the tree has it. Only the fold may; nobody freezes meanwhile, because there is one.
    pub(super) fn thaw(&self) {
        let now = self.load();
        self.generations.store(Arc::new(Generations { active: now.active.clone(), frozen: None }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(generation: &Generation, key: &'static [u8], seq: u64) {
        let image = Bytes::from(seq.to_string());
        generation.insert(Bytes::from_static(key), Seq(seq), Version::Put { image, mark: None, size: None });
    }

    fn seen(entry: Option<Found<'_>>) -> Option<(Bytes, u64)> {
        entry.map(|entry| (entry.key().key.clone(), entry.key().seq.0))
    }

    #[test]
    fn a_reader_sees_the_newest_version_up_to_its_horizon() {
        let generation = Generation::default();
        for (key, seq) in [(&b"a"[..], 1), (b"b", 2), (b"a", 3), (b"c", 4), (b"b", 5)] {
            put(&generation, key, seq);
        }
        assert_eq!(seen(generation.get(b"a", Seq(2))), Some((Bytes::from_static(b"a"), 1)));
        assert_eq!(seen(generation.get(b"a", Seq(9))), Some((Bytes::from_static(b"a"), 3)));
        assert_eq!(seen(generation.get(b"b", Seq(1))), None);
        let walk = |direction, horizon| {
            let mut keys = Vec::new();
            let mut bound = Bound::Unbounded;
            while let Some(entry) =
                generation.seek(bound.as_ref().map(|key: &Bytes| &key[..]), direction, Seq(horizon))
            {
                keys.push(entry.key().seq.0);
                bound = Bound::Excluded(entry.key().key.clone());
            }
            keys
        };
        assert_eq!(walk(Direction::Forward, 4), [3, 2, 4]);
        assert_eq!(walk(Direction::Backward, 4), [4, 2, 3]);
        assert_eq!(walk(Direction::Forward, 1), [1]);
        assert_eq!(walk(Direction::Backward, 1), [1]);
        assert_eq!(walk(Direction::Backward, 9), [4, 5, 3]);
        assert_eq!(generation.newest().map(|entry| entry.key().seq.0).collect::<Vec<_>>(), [3, 5, 4]);
    }

    #[test]
    fn freezing_needs_an_empty_place() {
        let overlay = Overlay::default();
        put(&overlay.load().active, b"a", 1);
        assert!(overlay.freeze(Closing::default()));
        put(&overlay.load().active, b"a", 2);
        assert!(!overlay.freeze(Closing::default()));
        overlay.thaw();
        assert!(overlay.freeze(Closing::default()));
        assert!(overlay.load().active.is_empty());
    }
}
