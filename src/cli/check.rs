//! `forebay check`: validates a configuration without touching anything.

use std::path::Path;

use super::{Failure, print, say};
use crate::config;

/// Reads and validates; says what it holds.
pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let loaded = config::load(Some(file), config::Flags::default(), std::env::vars())
        .map_err(|error| Failure::Configuration(error.to_string()))?;
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}"));
    }
    let settings = &loaded.settings;
    print(&format!(
        "{} is valid: {} tables, {} rules, {} upstreams\n",
        file.display(),
        settings.tables.len(),
        settings.rules.len(),
        settings.upstreams.len()
    ))
}
