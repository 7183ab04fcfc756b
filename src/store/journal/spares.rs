//! Files prepared for the next segments: made and allocated ahead, or left by released segments.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::disk::{Access, Disk, DiskFile};
use super::segment::{parse_spare_name, spare_name};

/// A prepared file.
pub(super) struct Spare {
    pub(super) name: String,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) size: u64,
    /// Blocks before this offset have been written once: writing them again costs no metadata.
    pub(super) written_to: u64,
}

/// The prepared files of a journal.
pub(super) struct Spares {
    disk: Arc<dyn Disk>,
    size: u64,
    next_name: u64,
    files: VecDeque<Spare>,
}

impl Spares {
    /// Without any yet. `size` is the usual one of a segment; names of new files count from `next_name`.
    pub(super) fn new(disk: Arc<dyn Disk>, size: u64, next_name: u64) -> Spares {
        Spares { disk, size, next_name, files: VecDeque::new() }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.files.len()
    }

    /// The bytes they take.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|spare| spare.size).sum()
    }

    /// Takes in the prepared files that an earlier process left; what is no use is removed.
    pub(super) fn adopt_all(&mut self) -> io::Result<()> {
        for name in self.disk.list("")? {
            if let Some(number) = parse_spare_name(&name) {
                self.next_name = self.next_name.max(number + 1);
                if !matches!(self.adopt(name.clone()), Ok(true)) {
                    let _ = self.disk.remove(&name);
                }
            }
        }
        Ok(())
    }

    /// Takes in a file that is no longer needed, unless it has an odd size.
    pub(super) fn adopt(&mut self, name: String) -> io::Result<bool> {
        let file = self.disk.open(&name, Access::Write)?;
        let size = file.length()?;
        if size == self.size {
            let written_to = file.written_to();
            self.put_back(Spare { name, file, size, written_to });
        }
        Ok(size == self.size)
    }

    /// Removes files beyond this number, those that were never written first.
    pub(super) fn trim(&mut self, count: usize) {
        while self.files.len() > count {
            let Some(spare) = self.files.pop_back() else { break };
            // What can't be removed is taken in again at the next start.
            if let Err(error) = self.disk.remove(&spare.name) {
                tracing::warn!(%error, "a prepared journal file can't be removed");
            }
        }
    }

    /// Puts a file in; those that were written before come first.
    pub(super) fn put_back(&mut self, spare: Spare) {
        if spare.written_to >= spare.size {
            self.files.push_front(spare);
        } else {
            self.files.push_back(spare);
        }
    }

    /// Makes one more of the usual size.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        let spare = self.make(self.size)?;
        self.files.push_back(spare);
        Ok(())
    }

    /// A file of at least this size.
    pub(super) fn take(&mut self, size: u64) -> io::Result<Spare> {
        if self.files.front().is_some_and(|spare| spare.size >= size)
            && let Some(spare) = self.files.pop_front()
        {
            return Ok(spare);
        }
        self.make(size.max(self.size))
    }

    fn make(&mut self, size: u64) -> io::Result<Spare> {
        let name = spare_name(self.next_name);
        self.next_name += 1;
        let file = self.disk.create(&name)?;
        if let Err(error) = file.allocate(size) {
            let _ = self.disk.remove(&name);
            return Err(error);
        }
        Ok(Spare { name, file, size, written_to: 0 })
    }
}
