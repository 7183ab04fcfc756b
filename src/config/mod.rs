//! The configuration: raw TOML (`raw`), then validated settings for each room (`validate`). Order: flag,
//! environment, file, default. A file replaces the no-configuration defaults wholly.

mod advice;
mod broker;
mod credentials;
mod environment;
mod handling;
mod issuer;
mod locate;
mod log;
mod raw;
mod settings;
mod space;
mod units;
mod validate;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use log::{LogFormat, LogSettings, filter as log_filter};
pub use settings::{ClockSettings, ConfiguredTable, Settings};
pub use units::{Size, Span};

/// What is wrong with a configuration: where, what, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{}: {what}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word, and what to do.
        what: String,
    },
    /// A line of it is wrong.
    #[error("{}:{line}: {what}", path.display())]
    At {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, with the key, and the remedy.
        what: String,
    },
    /// Something else is wrong (the environment, a flag).
    #[error("{0}")]
    Other(String),
}

/// Settings, and what the owner should know of them.
pub struct Loaded {
    /// What the daemon runs by.
    pub settings: Settings,
    /// Unknown environment variables, and what is valid but hardly meant.
    pub warnings: Vec<String>,
}

/// What the command line overrides.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--data`.
    pub data: Option<PathBuf>,
    /// `--http`.
    pub http: Option<String>,
    /// `--mqtt`.
    pub mqtt: Option<String>,
}

impl Flags {
    /// The keys that they override.
    fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        let given = [
            (self.data.is_some(), "store.path"),
            (self.http.is_some(), "http.listen"),
            (self.mqtt.is_some(), "mqtt.listener.listen"),
        ];
        given.into_iter().filter_map(|(given, key)| given.then_some(key))
    }
}

/// Where a daemon's configuration comes from: what to read again when it reloads.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file; without one the built-in defaults serve.
    pub file: Option<PathBuf>,
    /// The command line.
    pub flags: Flags,
}

impl Sources {
    /// Reads everything anew. The environment is the process's: it can't have changed.
    pub fn load(&self) -> Result<Loaded, ConfigError> {
        load(self.file.as_deref(), self.flags.clone(), environment())
    }
}

/// The process's environment; what is not UTF-8 in it names no setting, and makes a value that is refused.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}

/// Reads a file, or the no-configuration defaults, and lets environment and flags override it.
pub fn load(
    path: Option<&Path>,
    flags: Flags,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Loaded, ConfigError> {
    let environment::Overrides { raw: overrides, mut keys, mut warnings } =
        environment::read(environment).map_err(ConfigError::Other)?;
    keys.extend(flags.keys().map(str::to_owned));
    let flags = raw::Raw::from_flags(flags).map_err(ConfigError::Other)?;
    let (text, source) = match path {
        Some(path) => (read(path)?, Source::File(path)),
        None => (validate::NO_CONFIGURATION.to_owned(), Source::Defaults),
    };
    let located = |at: Option<std::ops::Range<usize>>, what: String| source.locate(&text, at, what);
    let mut raw: raw::Raw =
        toml::from_str(&text).map_err(|error| located(error.span(), error.message().trim().to_owned()))?;
    raw.override_with(overrides);
    raw.override_with(flags);
    let settings = validate::validate(raw).map_err(|fault| match &fault.key {
        // The file's line is not to blame for what a flag or a variable says.
        Some(key) if fault.span.is_none() && keys.contains(key) => ConfigError::Other(fault.what),
        _ => located(locate::span(&text, &fault), fault.what),
    })?;
    warnings.extend(advice::advice(&settings));
    Ok(Loaded { settings, warnings })
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.to_owned(),
        what: match error.kind() {
            std::io::ErrorKind::NotFound => {
                "there is no such file; --config names it, and without one the built-in defaults serve"
                    .to_owned()
            }
            std::io::ErrorKind::InvalidData => "the file is not UTF-8 text".to_owned(),
            _ => format!("it can't be read: {error}"),
        },
    })
}

/// Where a configuration's text comes from.
enum Source<'a> {
    File(&'a Path),
    Defaults,
}

impl Source<'_> {
    fn locate(&self, text: &str, span: Option<std::ops::Range<usize>>, what: String) -> ConfigError {
        match (self, span) {
            (Source::File(path), Some(span)) => {
                let line = 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
                ConfigError::At { path: path.to_path_buf(), line, what }
            }
            (Source::File(path), None) => ConfigError::Unreadable { path: path.to_path_buf(), what },
            (Source::Defaults, _) => ConfigError::Other(what),
        }
    }
}
