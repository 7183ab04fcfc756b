//! The files that a journal is made of: a small seam, so that tests can put a disk under it that loses, reorders and tears
//! what was not synced.

use std::io;
use std::path::{Path, PathBuf};

/// One directory (and folders directly in it).
pub trait Disk: Send + Sync {}

/// The real directory.
#[derive(Clone, Debug)]
pub struct RealDisk {
    #[allow(dead_code)]
    root: PathBuf,
}

impl RealDisk {
    /// Opens the directory, making it (durably) if it isn't there.
    pub fn open(_root: &Path) -> io::Result<RealDisk> {
        todo!()
    }
}

impl Disk for RealDisk {}
