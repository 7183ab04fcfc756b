//! Credentials for an upstream: from the environment, a profile, or files. Secrets print as a placeholder.

use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// An access key with its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The access key's id: no secret.
    pub access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
}

impl Credentials {
    /// These.
    pub fn new(
        id: impl Into<String>,
        secret: impl Into<String>,
        session_token: Option<String>,
    ) -> Credentials {
        Credentials { access_key_id: id.into(), secret_access_key: secret.into(), session_token }
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret_access_key
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_deref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("secret_access_key", &"(secret)")
            .field("session_token", &self.session_token.as_ref().map(|_| "(secret)"))
            .finish()
    }
}

/// Where credentials come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CredentialsSource {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; else the profile `AWS_PROFILE` (or `default`)
    /// of the shared file.
    #[default]
    Environment,
    /// A profile of a shared credentials file.
    Profile {
        /// The file; default: `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
        file: Option<PathBuf>,
        /// The profile's name.
        name: String,
    },
    /// The secret from a file of its own (systemd credentials work).
    Files {
        /// The access key's id.
        access_key_id: String,
        /// Holds the secret access key, nothing else.
        secret_access_key_file: PathBuf,
        /// Holds the session token.
        session_token_file: Option<PathBuf>,
    },
}

/// Why there are no credentials. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There are none where they were looked for.
    #[error("no credentials: {0}")]
    None(String),
    /// They are there, and can't be used.
    #[error("{0}")]
    Unusable(String),
}

/// Loads credentials; reads files, so: not often.
pub fn load(source: &CredentialsSource) -> Result<Credentials, CredentialsError> {
    load_with(source, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
}

fn load_with(
    source: &CredentialsSource,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Credentials, CredentialsError> {
    match source {
        CredentialsSource::Environment => {
            if let (Some(id), Some(secret)) = (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
                return Ok(Credentials::new(id, secret, env("AWS_SESSION_TOKEN")));
            }
            profile(&shared_file(env)?, &env("AWS_PROFILE").unwrap_or_else(|| "default".to_owned()))
        }
        CredentialsSource::Profile { file, name } => {
            let file = match file {
                Some(file) => file.clone(),
                None => shared_file(env)?,
            };
            profile(&file, name)
        }
        CredentialsSource::Files { access_key_id, secret_access_key_file, session_token_file } => {
            let token = session_token_file.as_deref().map(secret_file).transpose()?;
            Ok(Credentials::new(access_key_id, secret_file(secret_access_key_file)?, token))
        }
    }
}

fn shared_file(env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, CredentialsError> {
    env("AWS_SHARED_CREDENTIALS_FILE")
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|home| Path::new(&home).join(".aws/credentials")))
        .ok_or_else(|| {
            CredentialsError::None("neither AWS_ACCESS_KEY_ID nor a home directory is set".to_owned())
        })
}

/// A file that holds one secret. One that everybody may read is refused.
fn secret_file(path: &Path) -> Result<String, CredentialsError> {
    use std::os::unix::fs::PermissionsExt;
    let unusable = |what: String| CredentialsError::Unusable(format!("{}: {what}", path.display()));
    let mode = std::fs::metadata(path).map_err(|e| unusable(e.to_string()))?.permissions().mode();
    if mode & 0o004 != 0 {
        return Err(unusable("everybody may read this secret; chmod 600 it".to_owned()));
    }
    let text = read_small(path)?;
    let text = text.trim();
    if text.is_empty() {
        return Err(unusable("the file is empty".to_owned()));
    }
    Ok(text.to_owned())
}

fn read_small(path: &Path) -> Result<String, CredentialsError> {
    use std::io::Read;
    let failed = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::NotFound => CredentialsError::None(format!("{} does not exist", path.display())),
        _ => CredentialsError::Unusable(format!("{}: {e}", path.display())),
    };
    let mut text = String::new();
    std::fs::File::open(path).map_err(failed)?.take(1 << 20).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Reads a profile of the AWS tools' INI file.
fn profile(path: &Path, name: &str) -> Result<Credentials, CredentialsError> {
    let text = read_small(path)?;
    let (mut here, mut found) = (false, false);
    let (mut id, mut secret, mut token) = (None, None, None);
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let section = section.trim();
            here = section.strip_prefix("profile ").map_or(section, str::trim) == name;
            found |= here;
        } else if let Some((key, value)) = line.split_once('=')
            && here
            && !line.starts_with(['#', ';'])
        {
            let value = Some(value.trim().to_owned());
            match key.trim().to_ascii_lowercase().as_str() {
                "aws_access_key_id" => id = value,
                "aws_secret_access_key" => secret = value,
                "aws_session_token" => token = value,
                _ => {}
            }
        }
    }
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Credentials::new(id, secret, token)),
        _ if !found => Err(CredentialsError::None(format!("{} has no profile [{name}]", path.display()))),
        _ => Err(CredentialsError::Unusable(format!(
            "{}: the profile [{name}] lacks aws_access_key_id or aws_secret_access_key",
            path.display()
        ))),
    }
}
