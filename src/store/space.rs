//! Room: `max_size` is shared by journal and tree, and new items are refused before either meets its end, so that deletes,
//! folds and cursors always have some.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};

use super::journal::{Figures, JournalSettings};
use super::tree::{Tree, Usage};

const MIB: u64 = 1 << 20;
/// The least a store can live with.
const LEAST: u64 = 16 * MIB;
/// What stays free on the file system, or within the tree's file: LMDB never gives a page back, it uses it again.
const DISK_RESERVE: u64 = 16 * MIB;
/// What stays free on the file system in any case: the journal's next segments.
const DISK_LEAST: u64 = 8 * MIB;

/// How `max_size` is divided.
#[derive(Clone, Copy, Debug)]
pub(super) struct Division {
    /// Journal and tree together.
    pub(super) max_size: u64,
    /// LMDB's map: the most the tree can be. Fixed while the store is open.
    pub(super) map: u64,
    /// What new items leave alone.
    pub(super) reserve: u64,
    /// How the journal lays itself out.
    pub(super) journal: JournalSettings,
}

impl Division {
    /// Divides. The tree may have seven eighths; what it does not use is the journal's.
    pub(super) fn of(max_size: u64) -> Division {
        let most = if cfg!(target_pointer_width = "32") { 1 << 30 } else { u64::MAX / 2 };
        let max_size = max_size.clamp(LEAST, most);
        let segment_size = (max_size / 64).clamp(256 << 10, 4 * MIB) & !0xffff;
        Division {
            max_size,
            map: (max_size / 8 * 7) & !0xffff,
            reserve: (max_size / 32).clamp(MIB, 16 * MIB),
            journal: JournalSettings { segment_size, ..JournalSettings::default() },
        }
    }
}

/// How much room there is; looked at by the committer before each group.
#[derive(Debug)]
pub(super) struct Space {
    division: Division,
    path: PathBuf,
    data: PathBuf,
    journal: Arc<Figures>,
    used: AtomicU64,
    file: AtomicU64,
    disk_free: AtomicU64,
}

impl Space {
    /// Room in the store at this path.
    pub(super) fn new(division: Division, path: &Path, data: PathBuf, journal: Arc<Figures>) -> Space {
        let disk_free = AtomicU64::new(u64::MAX);
        let (used, file) = (AtomicU64::new(0), AtomicU64::new(0));
        Space { division, path: path.to_owned(), data, journal, used, file, disk_free }
    }

    /// Looks how full the tree is, and keeps blocks beyond its end for the folds to come.
    pub(super) fn look_at_tree(&self, tree: &Tree) {
        match tree.usage() {
            Ok(Usage { used, file }) => {
                self.used.store(used, Ordering::Relaxed);
                self.file.store(file, Ordering::Relaxed);
                self.keep_blocks(file);
            }
            Err(error) => tracing::warn!(%error, "can't see how full the tree is"),
        }
    }

    fn keep_blocks(&self, file: u64) {
        let keep = || -> std::io::Result<()> {
            let data: File = OpenOptions::new().write(true).open(&self.data)?;
            let length = self.division.reserve.min(self.division.map.saturating_sub(file)).max(1);
            Ok(fallocate(&data, FallocateFlags::KEEP_SIZE, file, length)?)
        };
        // Not every file system can; where the disk is full, `look_at_disk` says so.
        if let Err(error) = keep() {
            tracing::debug!(%error, "no blocks kept for the tree");
        }
    }

    /// Looks how much the file system has left.
    pub(super) fn look_at_disk(&self) {
        match rustix::fs::statvfs(&self.path) {
            Ok(stat) => {
                let free = stat.f_bavail.saturating_mul(stat.f_frsize);
                self.disk_free.store(free, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "can't see how full the disk is"),
        }
    }

    /// Why new items are refused, if they are: what is full, and what helps. `overlay` is what waits to be folded.
    pub(super) fn full(&self, overlay: usize) -> Option<String> {
        let Division { max_size, map, reserve, .. } = self.division;
        let (used, file) = (self.used.load(Ordering::Relaxed), self.file.load(Ordering::Relaxed));
        let journal = self.journal.bytes_on_disk.load(Ordering::Relaxed);
        let overlay = overlay as u64;
        // What is folded becomes pages that are two thirds full, and a fold copies pages before it frees them.
        let tree = used + overlay * 3 / 2 + reserve;
        if tree > map {
            return Some(format!(
                "items take {} of the {} that max_size = {} leaves them; delete items, let them expire sooner, or raise \
                 [store] max_size",
                mib(used),
                mib(map),
                mib(max_size)
            ));
        }
        if file.max(tree) + journal > max_size {
            return Some(format!(
                "journal ({}) and items ({} with room to fold) take all of max_size = {}; bring back the upstream if the \
                 journal waits for one, delete items, or raise [store] max_size",
                mib(journal),
                mib(file.max(tree)),
                mib(max_size)
            ));
        }
        let free = self.disk_free.load(Ordering::Relaxed);
        let (wanted, again) = (DISK_RESERVE + overlay * 3 / 2, file.saturating_sub(used));
        (free < DISK_LEAST || (free < wanted && again < wanted)).then(|| {
            format!(
                "the disk under {} has {} left; free some of it, or delete items",
                self.path.display(),
                mib(free)
            )
        })
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(MIB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_and_the_journal_share_what_there_is() {
        for max_size in [0, 64 * MIB, 2 << 30, u64::MAX] {
            let division = Division::of(max_size);
            assert!(division.map.is_multiple_of(65_536) && division.map < division.max_size);
            let kept = division.journal.segment_size * division.journal.keep_free as u64;
            assert!(division.map + kept <= division.max_size, "{division:?}");
            assert!(division.journal.segment_size.is_multiple_of(4096));
        }
    }

    #[test]
    fn what_is_full_is_named() {
        let journal = Arc::new(Figures::default());
        let path = Path::new("/x");
        let space = Space::new(Division::of(64 * MIB), path, path.join("d"), journal.clone());
        assert_eq!(space.full(0), None);
        journal.bytes_on_disk.store(64 * MIB, Ordering::Relaxed);
        assert!(space.full(0).unwrap().contains("journal (64 MiB)"));
        space.used.store(60 * MIB, Ordering::Relaxed);
        assert!(space.full(0).unwrap().contains("items take 60 MiB"));
        journal.bytes_on_disk.store(0, Ordering::Relaxed);
        space.used.store(0, Ordering::Relaxed);
        space.disk_free.store(MIB, Ordering::Relaxed);
        assert!(space.full(0).unwrap().contains("/x has 1 MiB left"));
        space.disk_free.store(12 * MIB, Ordering::Relaxed);
        assert!(space.full(0).is_some());
        space.file.store(16 * MIB, Ordering::Relaxed);
        assert_eq!(space.full(0), None, "pages of deleted items are used again");
    }
}
