//! Secrets: they print as a placeholder, are wiped when they are let go, and come from files that not everybody may read.

use std::fmt;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;
/// Where systemd puts a service's credentials (`LoadCredential=`; systemd.exec(5), "Credentials").
const DIRECTORY: &str = "${CREDENTIALS_DIRECTORY}";

/// A text that nobody may see.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// This one.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text, for whoever has to use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Why a secret can't be had. Never holds one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// There is no such file.
    #[error("{} does not exist", .0.display())]
    Missing(PathBuf),
    /// It is there, and can't be read, or not be used.
    #[error("{}: {what}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the remedy.
        what: String,
    },
    /// The path names systemd's directory, and there is none.
    #[error(
        "{} is given, but CREDENTIALS_DIRECTORY is not set; add LoadCredential= to the unit, or name a plain path",
        .0.display()
    )]
    NoDirectory(PathBuf),
}

/// The path that is meant: `${CREDENTIALS_DIRECTORY}` at its front is the environment's.
pub fn expand(path: &Path) -> Result<PathBuf, SecretError> {
    expand_with(path, std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from))
}

fn expand_with(path: &Path, directory: Option<PathBuf>) -> Result<PathBuf, SecretError> {
    let Ok(rest) = path.strip_prefix(DIRECTORY) else { return Ok(path.to_owned()) };
    directory.map(|directory| directory.join(rest)).ok_or_else(|| SecretError::NoDirectory(path.to_owned()))
}

/// Reads a file that holds one secret and nothing else; space around it does not count. One that everybody may read is
/// refused.
pub fn read(path: &Path) -> Result<Secret, SecretError> {
    let path = expand(path)?;
    let text = read_private(&path)?;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(SecretError::Unusable { path, what: "the file is empty".to_owned() });
    }
    Ok(Secret::new(trimmed))
}

/// Reads a file that everybody may see.
pub(super) fn read_public(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => SecretError::Missing(path.to_owned()),
        _ => SecretError::Unusable { path: path.to_owned(), what: error.to_string() },
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    // Of its size from the start: a buffer that grows leaves copies behind.
    let size = file.metadata().map_err(failed)?.len().min(LONGEST);
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(size).unwrap_or_default() + 1));
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Reads a file that has secrets in it: refused where everybody may read it.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    let text = read_public(path)?;
    refuse_public(path)?;
    Ok(text)
}

/// Whether a file's secrets are everybody's.
pub(super) fn refuse_public(path: &Path) -> Result<(), SecretError> {
    let unusable = |what: String| SecretError::Unusable { path: path.to_owned(), what };
    let metadata = std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
    if metadata.permissions().mode() & 0o004 != 0 {
        let remedy = format!("everybody may read this secret; chmod 600 {}", path.display());
        return Err(unusable(remedy));
    }
    Ok(())
}
