//! An upstream's credentials: which of the keys were given, and what they make together.

use std::path::PathBuf;

use crate::security::credentials::{self, CredentialsSource, KeyId};

/// The keys of an `[[upstream]]` that are about credentials.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) profile: Option<String>,
    pub(super) credentials_file: Option<PathBuf>,
    pub(super) access_key_id: Option<String>,
    pub(super) access_key_id_file: Option<PathBuf>,
    pub(super) secret_access_key_file: Option<PathBuf>,
    pub(super) session_token_file: Option<PathBuf>,
}

/// A key, and what is wrong with it.
pub(super) type Wrong = (&'static str, String);

/// What they mean. The files need not be there yet, nor be good: they may be renewed at any time, and the gateway has more to
/// do than this upstream.
pub(super) fn source(given: Given) -> Result<CredentialsSource, Wrong> {
    let own = given.access_key_id.is_some() || given.access_key_id_file.is_some();
    let Some(secret_access_key_file) = given.secret_access_key_file else {
        return match (own, given.session_token_file, given.profile, given.credentials_file) {
            (true, ..) => Err(wrong("access_key_id", "needs secret_access_key_file beside it")),
            (_, Some(_), ..) => Err(wrong("session_token_file", "needs secret_access_key_file beside it")),
            (_, _, None, None) => Ok(CredentialsSource::Environment),
            (_, _, name, file) => {
                Ok(CredentialsSource::Profile { file, name: name.unwrap_or_else(|| "default".to_owned()) })
            }
        };
    };
    if given.profile.is_some() || given.credentials_file.is_some() {
        let what = "stands beside profile or credentials_file; give one or the other";
        return Err(wrong("secret_access_key_file", what));
    }
    let access_key_id = match (given.access_key_id, given.access_key_id_file) {
        (Some(id), None) if !id.is_empty() => KeyId::Text(id),
        (None, Some(path)) => KeyId::File(path),
        _ => {
            let what = "needs either access_key_id or access_key_id_file beside it";
            return Err(wrong("secret_access_key_file", what));
        }
    };
    let session_token_file = given.session_token_file;
    Ok(CredentialsSource::Files { access_key_id, secret_access_key_file, session_token_file })
}

pub(super) fn wrong(key: &'static str, what: &str) -> Wrong {
    (key, format!("{key} {what}"))
}

/// Whether something is in the service manager's directory, which is only there for the service itself.
pub(super) fn is_services(named: &impl std::fmt::Debug) -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY").is_none()
        && format!("{named:?}").contains("${CREDENTIALS_DIRECTORY}")
}

/// What keeps these credentials from being used as things are. The environment, and the service manager's directory, can only be
/// judged by the service itself.
pub(super) fn advice(source: &CredentialsSource) -> Option<String> {
    if *source == CredentialsSource::Environment || is_services(source) {
        return None;
    }
    credentials::load(source).err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        Given::default()
    }

    #[test]
    fn each_way_is_recognised() {
        let here = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let own = |access_key_id| CredentialsSource::Files {
            access_key_id,
            secret_access_key_file: here.clone(),
            session_token_file: None,
        };
        let profile = |name: &str, file| CredentialsSource::Profile { file, name: name.to_owned() };
        let secret = || Given { secret_access_key_file: Some(here.clone()), ..given() };
        let text = || Some("A".to_owned());
        for (given, source) in [
            (given(), CredentialsSource::Environment),
            (Given { profile: text(), ..given() }, profile("A", None)),
            (
                Given { credentials_file: Some(here.clone()), ..given() },
                profile("default", Some(here.clone())),
            ),
            (Given { access_key_id: text(), ..secret() }, own(KeyId::Text("A".to_owned()))),
            (Given { access_key_id_file: Some(here.clone()), ..secret() }, own(KeyId::File(here.clone()))),
        ] {
            assert_eq!(super::source(given), Ok(source));
        }
    }

    #[test]
    fn halves_and_doubles_are_refused() {
        let here = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let text = || Some("A".to_owned());
        let secret = || Given { secret_access_key_file: Some(here.clone()), ..given() };
        for (given, key) in [
            (Given { access_key_id: text(), ..given() }, "access_key_id"),
            (Given { session_token_file: Some(here.clone()), ..given() }, "session_token_file"),
            (secret(), "secret_access_key_file"),
            (Given { access_key_id: text(), profile: text(), ..secret() }, "secret_access_key_file"),
            (
                Given { access_key_id: text(), access_key_id_file: Some(here.clone()), ..secret() },
                "secret_access_key_file",
            ),
        ] {
            assert_eq!(source(given).unwrap_err().0, key);
        }
    }

    #[test]
    fn what_can_be_judged_from_here_is_and_the_rest_is_left_to_the_service() {
        let files = |path: &str| CredentialsSource::Files {
            access_key_id: KeyId::Text("A".to_owned()),
            secret_access_key_file: path.into(),
            session_token_file: None,
        };
        let missing = advice(&files("/nowhere/secret")).unwrap();
        assert!(missing.contains("/nowhere/secret does not exist"), "{missing}");
        // `cargo test` runs without the variable.
        assert_eq!(advice(&files("${CREDENTIALS_DIRECTORY}/secret")), None);
        assert_eq!(advice(&CredentialsSource::Environment), None);
    }
}
