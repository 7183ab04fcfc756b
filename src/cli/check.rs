//! `forebay check`: validates a configuration without touching anything.

use std::path::Path;

use super::{Failure, print, say};
use crate::config;

/// Reads and validates; says what it holds.
pub(super) fn run(file: &Path) -> Result<(), Failure> {
    let loaded = config::load(Some(file), config::Flags::default(), config::environment())
        .map_err(|error| Failure::Configuration(error.to_string()))?;
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}"));
    }
    let settings = &loaded.settings;
    print(&format!(
        "{} is valid: {}, {}, {}\n",
        file.display(),
        count(settings.tables.len(), "table"),
        count(settings.rules.len(), "rule"),
        count(settings.upstreams.len(), "upstream")
    ))
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
