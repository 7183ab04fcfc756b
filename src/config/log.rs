//! `[log]`: how the daemon's log looks, and how much of it there is.

use serde::Deserialize;
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::raw;
use super::validate::Fault;

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Where it goes, and how it looks.
    pub format: LogFormat,
    /// Which events: as [`filter`] reads them, such as `info` or `info,forebay::sync=debug`.
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

/// A filter from its text: levels, alone or for a module (`info,forebay::sync=debug`), split by commas.
///
/// `Targets` takes a word that is no level for a module, and shows that one alone; here it is a slip.
pub fn filter(text: &str) -> Result<Targets, String> {
    let is_level = |part: &str| !part.is_empty() && part.parse::<LevelFilter>().is_ok();
    let slip = text.split(',').find(|part| !part.contains('=') && !is_level(part));
    match slip {
        Some(part) => Err(format!("{:?} is no level", part.trim())),
        None => text.parse().map_err(|error| format!("{error}")),
    }
}

/// Checks the section.
pub(super) fn validate(raw: raw::Log) -> Result<LogSettings, Fault> {
    let raw::Log { format, level } = raw;
    let defaults = LogSettings::default();
    let level = level.unwrap_or(defaults.level);
    filter(&level).map_err(|error| {
        Fault::of(
            "log.level",
            format!(
                "log.level {level:?} is no filter ({error}); write \"info\", \"debug\", or \"info,forebay::sync=debug\""
            ),
        )
    })?;
    Ok(LogSettings { format: format.unwrap_or(defaults.format), level })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_for_all_and_for_modules() {
        let levels = |text: &str| filter(text).unwrap();
        let debug = levels("info,forebay::sync=debug");
        assert!(debug.would_enable("forebay::sync::worker", &tracing::Level::DEBUG));
        assert!(!debug.would_enable("forebay::store", &tracing::Level::DEBUG));
        assert!(debug.would_enable("forebay::store", &tracing::Level::INFO));
        assert!(!levels("off").would_enable("forebay", &tracing::Level::ERROR));
        for slip in ["loud", "", "info,loud", "forebay=loud"] {
            assert!(filter(slip).is_err(), "{slip:?}");
        }
    }
}
