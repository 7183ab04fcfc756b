//! `forebay run`: the daemon.

use super::{Failure, RunArguments};
use crate::app;
use crate::config::{Flags, Sources};

/// Loads the configuration and runs until a signal or a poisoned journal.
pub(super) fn run(arguments: RunArguments) -> Result<(), Failure> {
    let RunArguments { config, data, http, mqtt } = arguments;
    let sources = Sources { file: config, flags: Flags { data, http, mqtt } };
    let loaded = sources.load().map_err(|error| Failure::Configuration(error.to_string()))?;
    let logging = app::start_logging(&loaded.settings.log);
    if sources.file.is_none() {
        tracing::info!(
            "no --config: the built-in defaults serve; every MQTT message becomes an item of the table readings"
        );
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    app::run(loaded.settings, sources, logging).map_err(|error| match error {
        app::AppError::Table(_) => Failure::Configuration(error.to_string()),
        other => Failure::Failed(other.to_string()),
    })
}
