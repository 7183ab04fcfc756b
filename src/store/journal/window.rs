//! A bounded buffer over a file that is read from front to back, aligned as direct reads want it.

use std::io;

use super::disk::{BLOCK, DiskFile};

/// How much is read at once, usually.
const CHUNK: usize = 128 << 10;

/// A piece of a file. It grows to the largest piece asked for, and shrinks again.
#[derive(Debug)]
pub(super) struct Window {
    /// How much is read at once.
    chunk: usize,
    buffer: Vec<u8>,
    /// Where the aligned part of the buffer begins.
    pad: usize,
    /// The file offset of that.
    start: u64,
    /// How many bytes of the file are in it.
    length: usize,
    /// Blocks that could not be read (and read as zeros), since the last [`Window::take_unreadable`].
    unreadable: u64,
}

impl Default for Window {
    fn default() -> Window {
        Window::with_chunk(CHUNK)
    }
}

impl Window {
    /// A window that reads at least so much at once.
    pub(super) fn with_chunk(chunk: usize) -> Window {
        Window { chunk, buffer: Vec::new(), pad: 0, start: 0, length: 0, unreadable: 0 }
    }

    /// Forgets what was read.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// How many blocks could not be read since the last call.
    pub(super) fn take_unreadable(&mut self) -> u64 {
        std::mem::take(&mut self.unreadable)
    }

    /// These bytes of the file; fewer only where the file ends.
    pub(super) fn at(&mut self, file: &dyn DiskFile, offset: u64, length: usize) -> io::Result<&[u8]> {
        if offset < self.start || offset + length as u64 > self.start + self.length as u64 {
            self.fill(file, offset, length)?;
        }
        let from = self.pad + (offset - self.start) as usize;
        let to = (from + length).min(self.pad + self.length);
        Ok(self.buffer.get(from..to).unwrap_or_default())
    }

    fn fill(&mut self, file: &dyn DiskFile, offset: u64, length: usize) -> io::Result<()> {
        let start = offset / BLOCK * BLOCK;
        let wanted = ((offset - start) as usize + length).max(self.chunk).next_multiple_of(BLOCK as usize);
        let room = wanted + BLOCK as usize;
        self.length = 0;
        if self.buffer.len() < room || self.buffer.len() > 8 * room {
            self.buffer = vec![0; room];
        }
        self.pad = self.buffer.as_ptr().align_offset(BLOCK as usize);
        self.start = start;
        let Some(target) = self.buffer.get_mut(self.pad..self.pad.saturating_add(wanted)) else {
            return Err(io::Error::other("no aligned buffer"));
        };
        self.length = match file.read_at(target, start) {
            Err(error) if is_unreadable(&error) => self.fill_by_block(file, wanted)?,
            read => read?,
        };
        Ok(())
    }

    /// One bad sector must not take its neighbours with it.
    fn fill_by_block(&mut self, file: &dyn DiskFile, wanted: usize) -> io::Result<usize> {
        let end = file.length()?.saturating_sub(self.start).min(wanted as u64) as usize;
        let Some(target) = self.buffer.get_mut(self.pad..self.pad + wanted) else { return Ok(0) };
        for (index, block) in target.chunks_mut(BLOCK as usize).enumerate() {
            let at = self.start + index as u64 * BLOCK;
            match file.read_at(block, at) {
                Err(error) if is_unreadable(&error) => {
                    block.fill(0);
                    self.unreadable += 1;
                }
                read => {
                    read?;
                }
            }
        }
        Ok(end)
    }
}

fn is_unreadable(error: &io::Error) -> bool {
    matches!(rustix::io::Errno::from_io_error(error), Some(rustix::io::Errno::IO | rustix::io::Errno::BADMSG))
}
