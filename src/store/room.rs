//! How full the store is, and what would relieve it. Pure.

#[cfg(test)]
mod model;
mod remedy;

use std::path::Path;

use super::space::Division;

pub(super) use remedy::{Remedy, Situation};

const MIB: u64 = 1 << 20;
/// What stays free on the file system, or within the tree's file: LMDB never gives a page back, it uses it again.
const DISK_RESERVE: u64 = 16 * MIB;

/// What was seen of the space, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Levels {
    /// Pages of the tree that hold something.
    pub(super) used: u64,
    /// The tree's file, free pages within it too.
    pub(super) file: u64,
    /// Blocks kept for the tree beyond its end.
    pub(super) kept: u64,
    /// The journal's files, prepared ones too.
    pub(super) journal: u64,
    /// Of these: prepared for the next segments.
    pub(super) prepared: u64,
    /// Of the journal's too: given back, and used again once a later segment begins.
    pub(super) released: u64,
    /// What the file system has left.
    pub(super) disk_free: u64,
    /// What waits to be folded.
    pub(super) overlay: u64,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// The tree, by its items.
    Items,
    /// What journal and tree share.
    Together,
    /// The file system.
    Disk,
}

/// What would have to go, in bytes, for new items to go on being taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Of the journal.
    pub(super) journal: u64,
    /// Of the tree. Not where it is the journal that is too large: the tree's file would not get smaller by that.
    pub(super) items: u64,
}

impl Levels {
    /// What is folded becomes pages that are two thirds full, and a fold copies pages before it frees them.
    fn tree(&self, division: &Division) -> u64 {
        self.used + self.overlay * 3 / 2 + division.reserve
    }

    /// Pages that take no new room: within the file, and behind it.
    fn again(&self) -> u64 {
        self.file.saturating_sub(self.used) + self.kept
    }

    /// Prepared files beyond the two that deletes, folds and cursors rely on: the journal goes on in them at no new room.
    fn idle(&self, division: &Division) -> u64 {
        self.prepared
            .min(self.journal)
            .saturating_sub(division.journal.segment_size * division.journal.reserve as u64)
    }

    /// Whether a fold, or `max_size`, has too little, while more is prepared for the journal than it relies on.
    pub(super) fn trims(&self, division: &Division) -> bool {
        let left = self.disk_free.saturating_add(self.again());
        let short = left < self.fold() + division.reserve || self.together(division) > division.max_size;
        self.idle(division) > 0 && short
    }

    /// The tree's file, with what is kept for it.
    fn blocks(&self) -> u64 {
        self.file + self.kept
    }

    /// What journal and tree take.
    fn together(&self, division: &Division) -> u64 {
        self.blocks().max(self.tree(division)) + self.journal
    }

    /// Pages that a fold needs.
    fn fold(&self) -> u64 {
        DISK_RESERVE + self.overlay * 3 / 2
    }

    /// Whether new items are refused, and for want of what.
    pub(super) fn full(&self, division: &Division) -> Option<Full> {
        let tree = self.tree(division);
        if tree > division.map {
            return Some(Full::Items);
        }
        // What is prepared beyond the need is given up for that.
        if self.together(division) - self.idle(division) > division.max_size {
            return Some(Full::Together);
        }
        // The journal goes on in what is prepared, the tree in its free pages: a disk that others have filled is no
        // reason by itself.
        let segments = 2 * division.journal.segment_size;
        let short = self.disk_free.saturating_add(self.idle(division)) < segments
            || self.disk_free.saturating_add(self.again()) < self.fold();
        short.then_some(Full::Disk)
    }

    /// What has to go early enough that new items are never refused, where owners chose to lose old ones: the distance
    /// to [`Levels::full`] that is kept is what the journal keeps prepared, and a fold's room.
    pub(super) fn wanted(&self, division: &Division) -> Wanted {
        let segment = division.journal.segment_size;
        let (tree, idle) = (self.tree(division), self.idle(division));
        let ahead = segment * division.journal.keep_free as u64;
        let journal = self.journal.saturating_sub(idle + self.released);
        let total = division.max_size.saturating_sub(ahead);
        let disk = self.disk_free.saturating_add(idle);
        let again = disk.saturating_add(self.again());
        let given =
            (self.blocks().max(tree) + journal).saturating_sub(total).max((4 * segment).saturating_sub(disk));
        // What is given back fills up what deletes and folds rely on, first.
        let missing = (segment * division.journal.reserve as u64).saturating_sub(self.prepared);
        Wanted {
            journal: if given > 0 { given + missing } else { 0 },
            items: (tree + division.reserve)
                .saturating_sub(division.map)
                .max((self.fold() + division.reserve).saturating_sub(again)),
        }
    }

    /// What is full and what helps, for people.
    pub(super) fn say(&self, full: Full, division: &Division, path: &Path) -> String {
        let max_size = mib(division.max_size);
        match full {
            Full::Items => format!(
                "items take {} of the {} that max_size = {max_size} leaves them; delete items, let them expire sooner, or \
                 raise [store] max_size",
                mib(self.used),
                mib(division.map),
            ),
            Full::Together => format!(
                "journal ({}) and items ({} with room to fold) take all of max_size = {max_size}; bring back the upstream if \
                 the journal waits for one, delete items, or raise [store] max_size",
                mib(self.journal),
                mib(self.blocks().max(self.tree(division))),
            ),
            Full::Disk => format!(
                "the disk under {} has {} left, and {} of free pages: too little to go on with; free some of it, or delete items",
                path.display(),
                mib(self.disk_free),
                mib(self.again())
            ),
        }
    }
}

/// Bytes, for people.
pub(super) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(MIB))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn division() -> Division {
        Division::of(256 * MIB)
    }

    fn roomy() -> Levels {
        Levels {
            used: 20 * MIB,
            file: 24 * MIB,
            kept: 0,
            journal: 24 * MIB,
            prepared: 8 * MIB,
            released: 0,
            disk_free: 1 << 40,
            overlay: 0,
        }
    }

    #[test]
    fn what_is_full_is_named() {
        let say = |levels: Levels| {
            let full = levels.full(&division())?;
            Some(levels.say(full, &division(), Path::new("/x")))
        };
        assert_eq!(say(roomy()), None);
        assert!(say(Levels { journal: 256 * MIB, ..roomy() }).unwrap().contains("journal (256 MiB)"));
        assert!(say(Levels { used: 222 * MIB, ..roomy() }).unwrap().contains("items take 222 MiB"));
        assert!(say(Levels { disk_free: MIB, ..roomy() }).unwrap().contains("/x has 1 MiB left"));
        assert!(say(Levels { disk_free: 11 * MIB, ..roomy() }).is_some());
    }

    #[test]
    fn a_full_disk_is_no_reason_while_pages_and_prepared_segments_are_free() {
        let freed = Levels { used: 4 * MIB, disk_free: 0, prepared: 16 * MIB, ..roomy() };
        assert_eq!(freed.full(&division()), None);
        assert_eq!(
            Levels { prepared: 6 * MIB, ..freed }.full(&division()),
            Some(Full::Disk),
            "two are for deletes"
        );
        assert_eq!(
            Levels { used: 16 * MIB, ..freed }.full(&division()),
            Some(Full::Disk),
            "no pages for a fold"
        );
    }

    fn levels() -> impl Strategy<Value = Levels> {
        let sizes = (0..300u64, 0..300u64, 0..300u64, 0..25u64, 0..200u64, 0..9u64);
        sizes.prop_map(|(used, more, journal, prepared, disk_free, overlay)| Levels {
            used: used * MIB,
            file: (used + more) * MIB,
            kept: 0,
            journal: (journal + prepared) * MIB,
            prepared: prepared * MIB,
            released: 0,
            disk_free: disk_free * MIB,
            overlay: overlay * MIB,
        })
    }

    proptest! {
        /// Whoever gives what is wanted is not refused, and is asked before that.
        #[test]
        fn what_is_wanted_comes_before_a_refusal_and_relieves_it(levels in levels()) {
            let division = division();
            let Wanted { journal, items, .. } = levels.wanted(&division);
            if levels.full(&division).is_some() {
                prop_assert!(journal > 0 || items > 0 || levels.trims(&division));
            }
            // Pages that were freed can be used again; segments that were given back become prepared ones.
            let live = levels.journal - levels.prepared;
            prop_assume!(journal <= live && items <= levels.used);
            let used = levels.used - items;
            let after = Levels { used, journal: levels.journal, prepared: levels.prepared + journal, ..levels };
            let Wanted { journal, items, .. } = after.wanted(&division);
            prop_assert_eq!((journal, items), (0, 0));
            // What is prepared beyond the need is removed by the journal.
            let most = division.journal.segment_size * division.journal.keep_free as u64;
            let surplus = after.prepared.saturating_sub(most.max(levels.prepared));
            let after = Levels {
                journal: after.journal - surplus,
                prepared: after.prepared - surplus,
                disk_free: after.disk_free + surplus,
                ..after
            };
            // So is what a fold needs more.
            let idle = if after.trims(&division) { after.idle(&division) } else { 0 };
            let after = Levels {
                journal: after.journal - idle,
                prepared: after.prepared - idle,
                disk_free: after.disk_free + idle,
                ..after
            };
            if after.prepared <= most {
                prop_assert_eq!(after.full(&division), None, "{:?}", after);
            }
        }
    }
}
