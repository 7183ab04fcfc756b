//! Room: `max_size` is shared by journal and tree, and new items are refused before either meets its end, so that deletes,
//! folds and cursors always have some.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, fallocate};

use super::journal::{Figures, JournalSettings};
use super::room::{Full, Levels, Wanted};
use super::set_aside;
use super::tree::{Tree, Usage};

const MIB: u64 = 1 << 20;
/// The least a store can live with.
const LEAST: u64 = 16 * MIB;

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
        // An eighth is the journal's in any case: sixteen segments, which is what it needs to go on.
        let segment_size = (max_size / 128).clamp(128 << 10, 4 * MIB) & !0xffff;
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
    kept: AtomicU64,
    disk_free: AtomicU64,
    items: AtomicU64,
    /// Copies of what was damaged, for people. They are made at the start only.
    copies: Option<String>,
}

impl Space {
    /// Room in the store at this path.
    pub(super) fn new(division: Division, path: &Path, data: PathBuf, journal: Arc<Figures>) -> Space {
        let disk_free = AtomicU64::new(u64::MAX);
        let (used, file) = (AtomicU64::new(0), AtomicU64::new(0));
        Space {
            division,
            path: path.to_owned(),
            data,
            journal,
            used,
            file,
            kept: AtomicU64::new(0),
            disk_free,
            items: AtomicU64::new(0),
            copies: set_aside::copies(path),
        }
    }

    /// Looks how full the tree is, and keeps blocks beyond its end for the folds to come.
    pub(super) fn look_at_tree(&self, tree: &Tree) {
        match tree.usage() {
            Ok(Usage { used, file }) => {
                self.used.store(used, Ordering::Relaxed);
                self.file.store(file, Ordering::Relaxed);
                self.keep_blocks(file);
                let blocks = std::fs::metadata(&self.data).map_or(0, |data| data.blocks() * 512);
                self.kept.store(blocks.saturating_sub(file), Ordering::Relaxed);
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

    /// What is seen now. `overlay` is what waits to be folded.
    pub(super) fn levels(&self, overlay: usize) -> Levels {
        Levels {
            used: self.used.load(Ordering::Relaxed),
            file: self.file.load(Ordering::Relaxed),
            kept: self.kept.load(Ordering::Relaxed),
            journal: self.journal.bytes_on_disk.load(Ordering::Relaxed),
            prepared: self.journal.prepared_bytes.load(Ordering::Relaxed),
            released: self.journal.released_bytes.load(Ordering::Relaxed),
            disk_free: self.disk_free.load(Ordering::Relaxed),
            overlay: overlay as u64,
        }
    }

    /// Why new items are refused, if they are: what is full, and what helps.
    pub(super) fn full(&self, overlay: usize) -> Option<String> {
        let levels = self.levels(overlay);
        levels.full(&self.division).map(|full| {
            let said = levels.say(full, &self.division, &self.path);
            match &self.copies {
                Some(copies) if full == Full::Disk => format!("{said}; {copies}"),
                _ => said,
            }
        })
    }

    /// Whether the tree has room for rows that take the place of journal: what is too large in sum only gets smaller by that.
    pub(super) fn has_room_for_rows(&self, overlay: usize) -> bool {
        self.levels(overlay).full(&self.division) != Some(Full::Items)
    }

    /// Whether a fold, or `max_size`, has too little, while the journal has more prepared than it relies on.
    pub(super) fn trims(&self, overlay: u64) -> bool {
        self.levels(overlay as usize).trims(&self.division)
    }

    /// How `max_size` is divided.
    pub(super) fn division(&self) -> &Division {
        &self.division
    }

    /// So many bytes of the tree have to go, at the expense of tables whose owner chose that.
    pub(super) fn want_items(&self, bytes: u64) {
        self.items.store(bytes, Ordering::Relaxed);
    }

    /// So many bytes of it went.
    pub(super) fn gave_items(&self, bytes: u64) {
        let less = |wanted: u64| Some(wanted.saturating_sub(bytes));
        let _ = self.items.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// How many bytes of the tree have to go.
    pub(super) fn wanted_items(&self) -> u64 {
        self.items.load(Ordering::Relaxed)
    }

    /// Journal and tree together, in bytes.
    pub(super) fn max_size(&self) -> u64 {
        self.division.max_size
    }

    /// What has to go for new items to go on being taken.
    pub(super) fn wanted(&self, overlay: usize) -> Wanted {
        self.levels(overlay).wanted(&self.division)
    }
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
            assert!(division.map + 2 * kept <= division.max_size, "{division:?}");
            assert!(division.journal.segment_size.is_multiple_of(4096));
        }
    }
}
