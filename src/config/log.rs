//! `[log]`: how the daemon's log looks, and how much of it there is.

use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use super::raw;
use super::validate::Fault;

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Where it goes, and how it looks.
    pub format: LogFormat,
    /// Which events: directives of `tracing_subscriber`'s `EnvFilter`, such as `info` or `info,forebay::sync=debug`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

/// Where the log goes, and how it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// [`LogFormat::Journald`] where standard error is the journal's, else [`LogFormat::Text`].
    #[default]
    Auto,
    /// A line for people, on standard error.
    Text,
    /// A JSON object a line, on standard error.
    Json,
    /// Fields in the journal.
    Journald,
}

/// Checks the section.
pub(super) fn validate(raw: raw::Log) -> Result<LogSettings, Fault> {
    let raw::Log { format, level } = raw;
    let defaults = LogSettings::default();
    let level = level.unwrap_or(defaults.level);
    EnvFilter::try_new(&level).map_err(|error| {
        Fault::of(
            "log.level",
            format!(
                "log.level {level:?} is no filter ({error}); write \"info\", \"debug\", or \"info,forebay::sync=debug\""
            ),
        )
    })?;
    Ok(LogSettings { format: format.unwrap_or(defaults.format), level })
}
