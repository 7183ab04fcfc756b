//! The highest epoch, kept outside the store as well: so that a store put back from a copy never hands out a sequence a
//! second time.

use std::io;
use std::path::PathBuf;

/// The highest epoch ever begun, in small files at several places; the highest of them counts.
#[derive(Clone, Debug)]
pub struct EpochFile {
    #[allow(dead_code)]
    places: Vec<PathBuf>,
}

impl EpochFile {
    /// The places to keep it at: `STORE/epoch` and, where the parent directory can be written to, `STORE.epoch` beside it.
    pub fn for_store(_store: &std::path::Path) -> EpochFile {
        todo!()
    }

    /// The highest epoch found; 0 where there is none.
    pub fn read(&self) -> u16 {
        todo!()
    }

    /// Writes this epoch everywhere, atomically and synced; fails only if no place took it.
    pub fn raise(&self, _epoch: u16) -> io::Result<()> {
        todo!()
    }
}
