//! Credentials for an upstream: from the environment, a profile of the AWS tools' files, or files of their own.

use std::path::{Path, PathBuf};

use super::secret::{self, Secret, SecretError};

mod keeper;
mod profile;
#[cfg(test)]
mod tests;

pub use keeper::Keeper;

/// An access key with its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The access key's id: no secret.
    pub access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
}

impl Credentials {
    /// These.
    pub fn new(id: impl Into<String>, secret: Secret, session_token: Option<Secret>) -> Credentials {
        Credentials { access_key_id: id.into(), secret_access_key: secret, session_token }
    }

    pub(super) fn secret(&self) -> &str {
        self.secret_access_key.expose()
    }

    pub(super) fn session_token(&self) -> Option<&str> {
        self.session_token.as_ref().map(Secret::expose)
    }
}

/// Where credentials come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CredentialsSource {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`; else the profile `AWS_PROFILE` (or `default`)
    /// of the shared files.
    #[default]
    Environment,
    /// A profile.
    Profile {
        /// The one file to look in; default: the shared files (`AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`,
        /// then `AWS_CONFIG_FILE`, else `~/.aws/config`).
        file: Option<PathBuf>,
        /// The profile's name.
        name: String,
    },
    /// Each from a file of its own (systemd credentials work).
    Files {
        /// The access key's id.
        access_key_id: KeyId,
        /// Holds the secret access key, nothing else.
        secret_access_key_file: PathBuf,
        /// Holds the session token.
        session_token_file: Option<PathBuf>,
    },
}

/// The id of an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyId {
    /// This one.
    Text(String),
    /// The one in this file.
    File(PathBuf),
}

/// Why there are no credentials. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There are none where they were looked for.
    #[error("no credentials: {0}")]
    None(String),
    /// They are there, and can't be used.
    #[error("the credentials can't be used: {0}")]
    Unusable(String),
}

impl From<SecretError> for CredentialsError {
    fn from(error: SecretError) -> CredentialsError {
        match error {
            SecretError::Unusable { .. } => CredentialsError::Unusable(error.to_string()),
            SecretError::Missing(_) | SecretError::NoDirectory(_) => {
                CredentialsError::None(error.to_string())
            }
        }
    }
}

/// Looks up a variable of the environment; one that is empty counts as missing.
type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Loads credentials once; [`Keeper`] follows them.
pub fn load(source: &CredentialsSource) -> Result<Credentials, CredentialsError> {
    load_with(source, &environment)
}

fn load_with(source: &CredentialsSource, env: Environment<'_>) -> Result<Credentials, CredentialsError> {
    match source {
        CredentialsSource::Environment => from_environment(env),
        CredentialsSource::Profile { file, name } => {
            profile::load(&profile_files(file.as_deref(), env)?, name)
        }
        CredentialsSource::Files { access_key_id, secret_access_key_file, session_token_file } => {
            let id = match access_key_id {
                KeyId::Text(id) => id.clone(),
                KeyId::File(path) => id_in(path)?,
            };
            let token = session_token_file.as_deref().map(secret::read).transpose()?;
            Ok(Credentials::new(id, secret::read(secret_access_key_file)?, token))
        }
    }
}

fn from_environment(env: Environment<'_>) -> Result<Credentials, CredentialsError> {
    match (env("AWS_ACCESS_KEY_ID"), env("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            return Ok(Credentials::new(id, Secret::new(secret), env("AWS_SESSION_TOKEN").map(Secret::new)));
        }
        (Some(_), None) => {
            let what = "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY";
            return Err(CredentialsError::Unusable(what.to_owned()));
        }
        (None, _) => {}
    }
    let name = env("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let found = profile_files(None, env).and_then(|files| profile::load(&files, &name));
    found.map_err(|error| match error {
        CredentialsError::None(what) => CredentialsError::None(format!(
            "AWS_ACCESS_KEY_ID is not set, and {what}; set it with AWS_SECRET_ACCESS_KEY, or give the upstream profile, \
             credentials_file or secret_access_key_file"
        )),
        unusable => unusable,
    })
}

/// An id is no secret: its file may be everybody's.
fn id_in(path: &Path) -> Result<String, CredentialsError> {
    let path = secret::expand(path)?;
    let text = secret::read_public(&path)?;
    match text.trim() {
        "" => Err(CredentialsError::Unusable(format!("{}: the file is empty", path.display()))),
        id => Ok(id.to_owned()),
    }
}

/// The files that a profile is looked for in, in this order. ("Configuration and credential file settings" of the AWS CLI's
/// user guide.)
fn profile_files(file: Option<&Path>, env: Environment<'_>) -> Result<Vec<PathBuf>, CredentialsError> {
    if let Some(file) = file {
        return Ok(vec![secret::expand(file)?]);
    }
    let home = env("HOME").map(PathBuf::from);
    let below_home = |name: &str| home.as_ref().map(|home| home.join(".aws").join(name));
    let shared = env("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from).or_else(|| below_home("credentials"));
    let config = env("AWS_CONFIG_FILE").map(PathBuf::from).or_else(|| below_home("config"));
    let files: Vec<PathBuf> = shared.into_iter().chain(config).collect();
    if files.is_empty() {
        return Err(CredentialsError::None("there is no home directory to look in".to_owned()));
    }
    files.iter().map(|file| Ok(secret::expand(file)?)).collect()
}

/// The files that these credentials depend on.
fn files(source: &CredentialsSource, env: Environment<'_>) -> Vec<PathBuf> {
    match source {
        CredentialsSource::Environment if env("AWS_ACCESS_KEY_ID").is_some() => Vec::new(),
        CredentialsSource::Environment => profile_files(None, env).unwrap_or_default(),
        CredentialsSource::Profile { file, .. } => profile_files(file.as_deref(), env).unwrap_or_default(),
        CredentialsSource::Files { access_key_id, secret_access_key_file, session_token_file } => {
            let id = match access_key_id {
                KeyId::Text(_) => None,
                KeyId::File(path) => Some(path),
            };
            let named = id.into_iter().chain([secret_access_key_file]).chain(session_token_file);
            named.filter_map(|path| secret::expand(path).ok()).collect()
        }
    }
}
