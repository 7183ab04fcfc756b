//! Who the store is, kept beside tree and journal (`store.cbor`): what must outlive a tree that is set aside. Keys of
//! items can be derived from the journal only with the hash key and the tables.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::journal::StoreId;
use crate::model::{HashKey, TableDef};

const FILE: &str = "store.cbor";

/// Who the store is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The store's format.
    pub(super) format: u32,
    /// Random, made with the store.
    pub(super) id: StoreId,
    pub(super) hash_key: [u8; 16],
    /// All tables, dropped ones too.
    pub(super) tables: Vec<TableDef>,
}

impl Identity {
    /// A new one. `id` is that of a journal that is there already.
    pub(super) fn new(format: u32, id: Option<StoreId>) -> io::Result<Identity> {
        let mut random = [[0; 16]; 2];
        for bytes in &mut random {
            getrandom::fill(bytes).map_err(io::Error::other)?;
        }
        let [fresh, hash_key] = random;
        Ok(Identity { format, id: id.unwrap_or(StoreId(fresh)), hash_key, tables: Vec::new() })
    }

    /// The secret of the partition-key hash.
    pub(super) fn hash_key(&self) -> HashKey {
        HashKey(self.hash_key)
    }

    /// Reads it; `None` where there is none, an error's text where it is damaged.
    pub(super) fn read(store: &Path) -> Result<Option<Identity>, String> {
        let bytes = match fs::read(store.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let (body, sum) = bytes.split_last_chunk::<8>().ok_or("it is too short")?;
        if xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err("it does not match its checksum".to_owned());
        }
        ciborium::from_reader(body).map(Some).map_err(|error| error.to_string())
    }

    /// Writes it: wholly or not at all, and durably.
    pub(super) fn write(&self, store: &Path) -> io::Result<()> {
        let mut bytes = Vec::new();
        ciborium::into_writer(self, &mut bytes).map_err(io::Error::other)?;
        bytes.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
        let new = store.join("store.cbor.new");
        let mut file = File::create(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&new, store.join(FILE))?;
        File::open(store)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_or_says_that_it_is_damaged() {
        let store = tempfile::tempdir().unwrap();
        assert_eq!(Identity::read(store.path()), Ok(None));
        let identity = Identity::new(1, None).unwrap();
        identity.write(store.path()).unwrap();
        assert_eq!(Identity::read(store.path()), Ok(Some(identity)));
        let file = store.path().join(FILE);
        let mut bytes = fs::read(&file).unwrap();
        bytes[3] ^= 1;
        fs::write(&file, bytes).unwrap();
        assert!(Identity::read(store.path()).is_err());
    }
}
