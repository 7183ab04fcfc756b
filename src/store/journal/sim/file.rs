//! A file on the disk for tests.

use super::*;

/// An open file of a [`SimDisk`].
pub(super) struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) inode: usize,
    /// That of the process that opened it.
    pub(super) life: u32,
    pub(super) direct: bool,
}

impl SimFile {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.disk.state();
        if state.off || state.life != self.life {
            return Err(io::Error::other("the process is dead"));
        }
        Ok(state)
    }
}

impl DiskFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.state()?.inodes[self.inode].length)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state()?;
        state.check(Op::Read)?;
        if self.direct {
            assert_eq!(buffer.as_ptr().align_offset(BLOCK as usize), 0, "direct reads are aligned");
            assert_eq!((offset % BLOCK, buffer.len() as u64 % BLOCK), (0, 0), "direct reads are of blocks");
        }
        let inode = &state.inodes[self.inode];
        let length = buffer.len().min(inode.length.saturating_sub(offset) as usize);
        let blocks = offset / BLOCK..(offset + length as u64).div_ceil(BLOCK);
        if state.unreadable.iter().any(|(inode, block)| *inode == self.inode && blocks.contains(block)) {
            return Err(Errno::IO.into());
        }
        buffer[..length].fill(0);
        let (first, last) = (offset / SECTOR as u64, (offset + length as u64).div_ceil(SECTOR as u64));
        for (index, versions) in inode.sectors.range(first..last.max(first)) {
            let sector = if self.direct { versions.on_device() } else { versions.seen() };
            let start = index * SECTOR as u64;
            let from = offset.max(start);
            let to = (offset + length as u64).min(start + SECTOR as u64);
            buffer[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&sector[(from - start) as usize..(to - start) as usize]);
        }
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let result = state.step(Op::Write, format!("write {} bytes at {offset}", bytes.len()));
        // A write that fails has written some of it.
        let part = if result.is_err() { state.random.usize(0..=bytes.len()) } else { bytes.len() };
        state.inodes[self.inode].write(&bytes[..part], offset);
        finish(result?)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state()?;
        match state.step(Op::Sync, "sync".to_owned()) {
            Ok(under_way) => {
                finish(under_way)?;
                state.inodes[self.inode].synced();
                Ok(())
            }
            Err(error) => {
                // As Linux does it: the pages are clean now, whether or not they got anywhere.
                let mut inode = std::mem::take(&mut state.inodes[self.inode]);
                for versions in inode.sectors.values_mut() {
                    if let Some(last) = versions.pending.pop() {
                        versions.pending.clear();
                        if state.random.bool() {
                            versions.durable = Some(last);
                        } else {
                            versions.cached = Some(last);
                        }
                    }
                }
                state.inodes[self.inode] = inode;
                Err(error)
            }
        }
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let under_way = state.step(Op::Allocate, format!("allocate {length}"))?;
        let more = length.saturating_sub(state.inodes[self.inode].length);
        if state.capacity.is_some_and(|capacity| state.used() + more > capacity) {
            return Err(Errno::NOSPC.into());
        }
        let inode = &mut state.inodes[self.inode];
        inode.length = inode.length.max(length);
        finish(under_way)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let under_way = state.step(Op::Truncate, format!("truncate to {length}"))?;
        state.inodes[self.inode].length = length;
        finish(under_way)
    }

    fn written_to(&self) -> u64 {
        let Ok(state) = self.state() else { return 0 };
        let written = state.inodes[self.inode].sectors.keys().zip(0..).take_while(|(at, index)| *at == index);
        written.count() as u64 * SECTOR as u64
    }
}
