//! The lock of a store's directory: one process, and one store of it, at a time.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::handle::OpenError;
use super::open::io_error;

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Takes the lock of the store in this directory. Blocking, but it does not wait.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if somebody has it; [`OpenError::Io`] if the file can't be made or locked.
    pub(super) fn take(path: &Path) -> Result<Lock, OpenError> {
        let name = path.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&name)
            .map_err(io_error("opening the lock", &name))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(file)),
            Err(Errno::WOULDBLOCK) => Err(OpenError::InUse { path: path.to_owned() }),
            Err(error) => Err(io_error("locking", &name)(error.into())),
        }
    }
}

impl Drop for Lock {
    /// Says so rather than only closes the file: a process that was forked, and has not got to its exec yet, has it open as
    /// well, and would hold the lock for as long.
    fn drop(&mut self) {
        if let Err(error) = flock(&self.0, FlockOperation::Unlock) {
            tracing::warn!(%error, "the store's lock can't be given back; it ends with the process");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_file_does_not_hold_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        assert!(matches!(Lock::take(folder.path()), Err(OpenError::InUse { .. })));
        // What a child has between fork and exec.
        let copy = lock.0.try_clone().unwrap();
        drop(lock);
        let again = Lock::take(folder.path()).unwrap();
        drop((again, copy));
    }
}
