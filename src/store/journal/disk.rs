//! The files that a journal is made of: a small seam, so that tests can put a disk under it that loses, reorders and tears
//! what was not synced.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, OFlags};

/// What the device writes at least: writes are counted and placed by it, and direct reads are aligned to it.
pub const BLOCK: u64 = 4096;

/// Zeros to write.
pub(super) static ZEROS: [u8; 16 << 10] = [0; 16 << 10];

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To read and write.
    Write,
    /// To read through the page cache.
    Read,
    /// To read what is on the device: buffers, offsets and lengths are multiples of [`BLOCK`].
    Direct,
}

/// One directory, and folders directly in it. Names are `file` or `folder/file`; the directory itself is `""`.
pub trait Disk: Send + Sync {
    /// The names of a folder's files; none if there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;
    /// Makes a file that must not exist yet, to write it.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a file.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    /// Renames a file, replacing what has that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file; open ones stay readable.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes a folder, if it isn't there.
    fn make_folder(&self, folder: &str) -> io::Result<()>;
    /// Makes a folder's entries durable.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Its length, in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Reads until the buffer is full or the file ends.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of it.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// `fdatasync`: contents and length are durable.
    fn sync(&self) -> io::Result<()>;
    /// Takes blocks for this many bytes; that is the length then. They read as zeros.
    fn allocate(&self, length: u64) -> io::Result<()>;
    /// Cuts the file off and gives the blocks back.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Every block before this offset has been written, and not only allocated; 0 if nobody knows.
    fn written_to(&self) -> u64;
}

/// The real directory.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Opens the directory, making it (durably) if it isn't there.
    pub fn open(root: &Path) -> io::Result<RealDisk> {
        let root = std::path::absolute(root)?;
        if !root.is_dir() {
            std::fs::create_dir_all(&root)?;
            // The directory above may be new as well; the one above that need not be ours to open.
            for (distance, parent) in root.ancestors().skip(1).take(2).enumerate() {
                let synced = File::open(parent).and_then(|parent| parent.sync_all());
                if distance == 0 {
                    synced?;
                }
            }
        }
        Ok(RealDisk { root })
    }
}

impl Disk for RealDisk {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.root.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.root.join(name))?;
        Ok(Arc::new(RealFile { file, direct: false }))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let path = self.root.join(name);
        if access == Access::Direct {
            let flags = OFlags::DIRECT.bits() as i32;
            if let Ok(file) = OpenOptions::new().read(true).custom_flags(flags).open(&path) {
                return Ok(Arc::new(RealFile { file, direct: true }));
            }
        }
        let file = OpenOptions::new().read(true).write(access == Access::Write).open(&path)?;
        let file = RealFile { file, direct: false };
        if access == Access::Direct {
            file.drop_cache();
        }
        Ok(Arc::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.root.join(name))
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        std::fs::create_dir_all(self.root.join(folder))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.root.join(folder))?.sync_all()
    }
}

/// A real file.
#[derive(Debug)]
struct RealFile {
    file: File,
    direct: bool,
}

impl RealFile {
    /// Best effort, for file systems without direct reads: what a failed sync left in the cache must not be believed.
    fn drop_cache(&self) {
        let _ = self.file.sync_data();
        let _ = rustix::fs::fadvise(&self.file, 0, None, Advice::DontNeed);
    }

    /// Some file systems take `O_DIRECT` at open and refuse to read with it.
    fn leave_direct(&self) -> io::Result<()> {
        let flags = rustix::fs::fcntl_getfl(&self.file)?;
        rustix::fs::fcntl_setfl(&self.file, flags.difference(OFlags::DIRECT))?;
        self.drop_cache();
        Ok(())
    }
}

impl DiskFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The end of a file whose length is not a multiple of the block.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && self.direct && done > 0 => break,
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && self.direct => {
                    self.leave_direct()?;
                    return RealFile { file: self.file.try_clone()?, direct: false }.read_at(buffer, offset);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, length) {
            Err(rustix::io::Errno::OPNOTSUPP) => {
                let mut at = 0;
                while at < length {
                    let zeros = ZEROS.get(..(length - at) as usize).unwrap_or(&ZEROS);
                    self.write_at(zeros, at)?;
                    at += zeros.len() as u64;
                }
                Ok(())
            }
            other => Ok(other?),
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn written_to(&self) -> u64 {
        // Allocated blocks that were never written count as a hole.
        rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Hole(0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_allocated_blocks_are_told_apart() {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let disk = RealDisk::open(&directory.path().join("a/b")).unwrap();
        let file = disk.create("x").unwrap();
        file.allocate(1 << 20).unwrap();
        assert_eq!(file.length().unwrap(), 1 << 20);
        file.write_at(&[7; 8192], 0).unwrap();
        file.sync().unwrap();
        let written = file.written_to();
        assert!(written == 8192 || written == 1 << 20, "{written}");
        assert_eq!(disk.list("").unwrap(), ["x"]);
        assert!(disk.list("nothing").unwrap().is_empty());
    }

    #[test]
    fn direct_reads_see_what_was_written() {
        let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let disk = RealDisk::open(directory.path()).unwrap();
        let file = disk.create("x").unwrap();
        file.write_at(&[7; 5000], 0).unwrap();
        let direct = disk.open("x", Access::Direct).unwrap();
        let mut window = super::super::window::Window::default();
        assert_eq!(window.at(&*direct, 4990, 20).unwrap(), [7; 10]);
        assert_eq!(window.at(&*direct, 0, 20).unwrap(), [7; 20]);
    }
}
