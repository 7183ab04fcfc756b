//! Logs: to standard error, one line an event; `FOREBAY_LOG` filters (`info`, `debug`, `forebay::sync=debug`).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging for the process.
pub fn start() {
    let filter = EnvFilter::try_from_env("FOREBAY_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
    // Someone (a test) has set a subscriber already: theirs serves.
    drop(started);
}
