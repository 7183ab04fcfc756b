//! `forebay run`: the daemon.

use super::{Failure, RunArguments};
use crate::app;
use crate::config::{self, Flags};

/// Loads the configuration and runs until a signal or a poisoned journal.
pub(super) fn run(arguments: RunArguments) -> Result<(), Failure> {
    app::start_logging();
    let RunArguments { config, data, http, mqtt } = arguments;
    let loaded = config::load(config.as_deref(), Flags { data, http, mqtt }, config::environment())
        .map_err(|error| Failure::Configuration(error.to_string()))?;
    if config.is_none() {
        tracing::info!(
            "no --config: the built-in defaults serve; every MQTT message becomes an item of the table readings"
        );
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    app::run(loaded.settings).map_err(|error| match error {
        app::AppError::Table(_) => Failure::Configuration(error.to_string()),
        other => Failure::Failed(other.to_string()),
    })
}
