//! Credentials that follow their files: what somebody renews is used without a restart.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Credentials, CredentialsError, CredentialsSource, Environment, environment, files, load_with};

/// How often the files are looked at, at most.
const LOOK: Duration = Duration::from_secs(1);

/// Keeps the credentials of one source.
#[derive(Debug)]
pub struct Keeper {
    source: CredentialsSource,
    /// What serves where there are none at all.
    fallback: Option<Arc<Credentials>>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    credentials: Option<Arc<Credentials>>,
    /// The files as they were when these were read.
    files: Vec<(PathBuf, Option<Stamp>)>,
    looked: Option<Instant>,
    /// Why what is there now can't be used, while older ones are.
    complaint: Option<CredentialsError>,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Stamp> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl Keeper {
    /// Of this source; `fallback` serves where there are none at all.
    pub fn new(source: CredentialsSource, fallback: Option<Credentials>) -> Keeper {
        Keeper { source, fallback: fallback.map(Arc::new), kept: Mutex::default() }
    }

    /// The credentials to sign with now. Looks at their files once a second at most, and reads those that have changed; what
    /// can't be used then does not take the place of what could.
    pub fn get(&self) -> Result<Arc<Credentials>, CredentialsError> {
        self.get_at(Instant::now(), &environment)
    }

    fn get_at(&self, now: Instant, env: Environment<'_>) -> Result<Arc<Credentials>, CredentialsError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(credentials) = kept.credentials.clone() {
            let fresh = kept.looked.is_some_and(|looked| now.saturating_duration_since(looked) < LOOK);
            if fresh || stamps(&self.source, env) == kept.files {
                if !fresh {
                    kept.looked = Some(now);
                }
                return Ok(credentials);
            }
        }
        kept.looked = Some(now);
        self.read(&mut kept, env)
    }

    /// The upstream refused these: reads the files again at once, and says whether there are others now.
    pub fn refused(&self, used: &Credentials) -> bool {
        self.refused_with(used, &environment)
    }

    fn refused_with(&self, used: &Credentials, env: Environment<'_>) -> bool {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        self.read(&mut kept, env).is_ok_and(|now| *now != *used)
    }

    fn read(&self, kept: &mut Kept, env: Environment<'_>) -> Result<Arc<Credentials>, CredentialsError> {
        // Before reading: what changes meanwhile is seen the next time.
        let files = stamps(&self.source, env);
        let loaded = match load_with(&self.source, env) {
            Ok(loaded) => Ok(Arc::new(loaded)),
            Err(error @ CredentialsError::None(_)) => self.fallback.clone().ok_or(error),
            Err(error) => Err(error),
        };
        match (loaded, &kept.credentials) {
            (Ok(loaded), before) => {
                if before.as_ref().is_some_and(|before| *before != loaded) {
                    tracing::info!(access_key_id = loaded.access_key_id, "the credentials were renewed");
                }
                (kept.credentials, kept.files, kept.complaint) = (Some(loaded.clone()), files, None);
                Ok(loaded)
            }
            // Somebody may be in the middle of replacing them.
            (Err(error), Some(before)) => {
                if kept.complaint.as_ref() != Some(&error) {
                    tracing::warn!(%error, "the credentials' files have changed; the earlier ones are still used");
                }
                let before = before.clone();
                kept.complaint = Some(error);
                Ok(before)
            }
            (Err(error), None) => Err(error),
        }
    }
}

fn stamps(source: &CredentialsSource, env: Environment<'_>) -> Vec<(PathBuf, Option<Stamp>)> {
    files(source, env)
        .into_iter()
        .map(|path| {
            let stamp = Stamp::of(&path);
            (path, stamp)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::security::credentials::KeyId;
    use crate::security::secret::Secret;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    struct Files(tempfile::TempDir);

    impl Files {
        fn keeper(&self) -> Keeper {
            let source = CredentialsSource::Files {
                access_key_id: KeyId::File(self.0.path().join("id")),
                secret_access_key_file: self.0.path().join("secret"),
                session_token_file: None,
            };
            Keeper::new(source, None)
        }

        fn write(&self, id: &str, secret: &str) {
            for (name, text) in [("id", id), ("secret", secret)] {
                let new = self.0.path().join("new");
                std::fs::write(&new, text).unwrap();
                std::fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
                std::fs::rename(new, self.0.path().join(name)).unwrap();
            }
        }
    }

    fn pair(id: &str, secret: &str) -> Credentials {
        Credentials::new(id, Secret::new(secret), None)
    }

    #[test]
    fn renewed_files_are_read_after_a_second_and_at_once_when_the_old_ones_are_refused() {
        let files = Files(tempfile::tempdir().unwrap());
        files.write("A", "one");
        let keeper = files.keeper();
        let start = Instant::now();
        assert_eq!(*keeper.get_at(start, &nothing).unwrap(), pair("A", "one"));
        files.write("A", "two");
        assert_eq!(*keeper.get_at(start + LOOK / 2, &nothing).unwrap(), pair("A", "one"));
        assert_eq!(*keeper.get_at(start + LOOK, &nothing).unwrap(), pair("A", "two"));
        assert!(!keeper.refused_with(&pair("A", "two"), &nothing), "there are no others");
        files.write("B", "three");
        assert!(keeper.refused_with(&pair("A", "two"), &nothing));
        assert_eq!(*keeper.get_at(start + LOOK, &nothing).unwrap(), pair("B", "three"));
    }

    #[test]
    fn what_is_half_replaced_does_not_take_the_place_of_what_works() {
        let files = Files(tempfile::tempdir().unwrap());
        let keeper = files.keeper();
        let start = Instant::now();
        assert!(matches!(keeper.get_at(start, &nothing), Err(CredentialsError::None(_))));
        files.write("A", "one");
        assert_eq!(*keeper.get_at(start, &nothing).unwrap(), pair("A", "one"), "a failure is not kept");
        std::fs::remove_file(files.0.path().join("secret")).unwrap();
        assert_eq!(*keeper.get_at(start + LOOK, &nothing).unwrap(), pair("A", "one"));
        files.write("B", "two");
        assert_eq!(*keeper.get_at(start + 2 * LOOK, &nothing).unwrap(), pair("B", "two"));
    }

    #[test]
    fn a_fallback_serves_until_there_are_any() {
        let home = tempfile::tempdir().unwrap();
        let env = |name: &str| (name == "HOME").then(|| home.path().to_str().unwrap().to_owned());
        let keeper = Keeper::new(CredentialsSource::Environment, Some(pair("forebay", "forebay")));
        let start = Instant::now();
        assert_eq!(keeper.get_at(start, &env).unwrap().access_key_id, "forebay");
        let file = home.path().join(".aws/credentials");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "[default]\naws_access_key_id=A\naws_secret_access_key=b\n").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(keeper.get_at(start + LOOK, &env).unwrap().access_key_id, "A");
    }
}
