//! A profile of the AWS tools' INI files.

use std::path::{Path, PathBuf};

use super::{Credentials, CredentialsError};
use crate::security::secret::{self, Secret, SecretError};

/// What a section says.
#[derive(Default)]
struct Section {
    id: Option<String>,
    secret: Option<Secret>,
    token: Option<Secret>,
    /// A way to credentials that is not gone here.
    elsewhere: Option<&'static str>,
}

/// Ways to credentials that need a program or a service.
const ELSEWHERE: [&str; 5] =
    ["credential_process", "role_arn", "sso_session", "sso_start_url", "web_identity_token_file"];

/// The profile of the first file that has keys in it.
pub(super) fn load(files: &[PathBuf], name: &str) -> Result<Credentials, CredentialsError> {
    let (mut absent, mut unusable) = (Vec::new(), None);
    for path in files {
        let text = match secret::read_public(path) {
            Ok(text) => text,
            Err(error @ SecretError::Missing(_)) => {
                absent.push(error.to_string());
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let Some(section) = section(&text, name) else {
            absent.push(format!("{} has no profile [{name}]", path.display()));
            continue;
        };
        match (section.id, section.secret) {
            (Some(id), Some(secret)) => {
                secret::refuse_public(path)?;
                return Ok(Credentials::new(id, secret, section.token));
            }
            _ => unusable = unusable.or(Some(lacking(path, name, section.elsewhere))),
        }
    }
    Err(unusable.map_or_else(|| CredentialsError::None(absent.join(", and ")), CredentialsError::Unusable))
}

fn lacking(path: &Path, name: &str, elsewhere: Option<&str>) -> String {
    let what =
        format!("{}: the profile [{name}] lacks aws_access_key_id or aws_secret_access_key", path.display());
    match elsewhere {
        Some(way) => format!("{what}; {way} is not followed here: let a tool write keys into files"),
        None => what,
    }
}

/// The section of a profile: `[name]` in the credentials file, `[profile name]` in the configuration.
fn section(text: &str, name: &str) -> Option<Section> {
    let mut found: Option<Section> = None;
    let mut here = false;
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let title = title.0.trim();
            here = title.strip_prefix("profile ").map_or(title, str::trim) == name;
            if here {
                found.get_or_insert_default();
            }
        } else if let Some((key, value)) = line.split_once('=')
            && let Some(section) = found.as_mut().filter(|_| here)
            && !line.starts_with(['#', ';'])
        {
            section.set(key.trim(), value.trim());
        }
    }
    found
}

impl Section {
    fn set(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        match key.to_ascii_lowercase().as_str() {
            "aws_access_key_id" => self.id = Some(value.to_owned()),
            "aws_secret_access_key" => self.secret = Some(Secret::new(value)),
            "aws_session_token" => self.token = Some(Secret::new(value)),
            key => {
                let way = ELSEWHERE.iter().find(|way| **way == key).copied();
                self.elsewhere = self.elsewhere.or(way);
            }
        }
    }
}
