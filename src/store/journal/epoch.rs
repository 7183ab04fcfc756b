//! The highest epoch, kept outside the store as well: so that a store put back from a copy never hands out a sequence a
//! second time.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The highest epoch ever begun, in small files at several places; the highest of them counts.
#[derive(Clone, Debug)]
pub struct EpochFile {
    places: Vec<PathBuf>,
}

impl EpochFile {
    /// The places to keep it at: `STORE/epoch` and, where the parent directory can be written to, `STORE.epoch` beside it.
    /// Where it can't (a service owns only directories that its manager makes), a directory of that name takes the file.
    pub fn for_store(store: &Path) -> EpochFile {
        let mut places = vec![store.join("epoch")];
        let whole = std::path::absolute(store).unwrap_or_else(|_| store.to_path_buf());
        if let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) {
            let mut beside = OsString::from(name);
            beside.push(".epoch");
            let beside = parent.join(beside);
            places.push(if beside.is_dir() { beside.join("epoch") } else { beside });
        }
        EpochFile { places }
    }

    /// The highest epoch found; 0 where there is none.
    pub fn read(&self) -> u16 {
        self.places.iter().filter_map(|place| read(place)).max().unwrap_or(0)
    }

    /// Writes this epoch everywhere, atomically and synced; fails only if no place took it. Never lowers one.
    pub fn raise(&self, epoch: u16) -> io::Result<()> {
        let mut written = false;
        let mut failure = io::Error::other("there is no place for the epoch");
        for place in &self.places {
            if read(place).is_some_and(|there| there >= epoch) {
                written = true;
                continue;
            }
            match write(place, epoch) {
                Ok(()) => written = true,
                Err(error) => failure = error,
            }
        }
        if written { Ok(()) } else { Err(failure) }
    }
}

fn read(place: &Path) -> Option<u16> {
    std::fs::read_to_string(place).ok()?.trim().parse().ok()
}

fn write(place: &Path, epoch: u16) -> io::Result<()> {
    let mut part = OsString::from(place);
    part.push(".part");
    let mut file = File::create(&part)?;
    writeln!(file, "{epoch}")?;
    file.sync_all()?;
    std::fs::rename(&part, place)?;
    File::open(place.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_place_counts() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store");
        let epoch = EpochFile::for_store(&store);
        assert_eq!(epoch.read(), 0);
        epoch.raise(3).unwrap();
        assert_eq!(epoch.read(), 3, "beside the store, which is not there yet");
        std::fs::create_dir(&store).unwrap();
        epoch.raise(3).unwrap();
        epoch.raise(2).unwrap();
        std::fs::remove_file(directory.path().join("store.epoch")).unwrap();
        assert_eq!(epoch.read(), 3);
        std::fs::write(store.join("epoch"), "rubbish").unwrap();
        assert_eq!(epoch.read(), 0);
        epoch.raise(4).unwrap();
        assert_eq!(epoch.read(), 4);
    }

    #[test]
    fn a_directory_beside_the_store_takes_it_too() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("store");
        for made in [&store, &directory.path().join("store.epoch")] {
            std::fs::create_dir(made).unwrap();
        }
        EpochFile::for_store(&store).raise(3).unwrap();
        std::fs::remove_dir_all(&store).unwrap();
        assert_eq!(EpochFile::for_store(&store).read(), 3);
    }
}
