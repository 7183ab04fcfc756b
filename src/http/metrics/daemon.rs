//! The daemon itself: version, readiness, configuration, clock, and the process by the names that every client library uses.

use super::Figures;
use super::text::{Kind, Text, counter, flag, gauge};
use crate::telemetry::ConfigurationFigures;
use crate::telemetry::process::ProcessFigures;

pub(super) fn render(text: &mut Text, figures: &Figures<'_>) {
    let status = figures.status;
    text.family("forebay_build_info", Kind::Gauge, "Always 1; version and gateway are its labels.");
    let labels = [("version", status.version.as_str()), ("gateway", status.gateway.as_str())];
    text.sample("forebay_build_info", &labels, 1);
    text.ones(&[flag("forebay_ready", "Whether every configured door is open.", figures.ready)]);
    configuration(text, &status.configuration);
    let clock = &status.clock;
    text.ones(&[
        flag(
            "forebay_clock_trusted",
            "Whether the clock is trusted; nothing expires while it is not.",
            clock.trusted,
        ),
        flag(
            "forebay_clock_jump_doubted",
            "Whether a forward jump of more than a day waits to have held for an hour.",
            clock.jump_doubted,
        ),
        counter("forebay_clock_corrections_total", "How often the time was set back.", clock.corrections),
    ]);
    process(text, &figures.process);
}

fn configuration(text: &mut Text, configuration: &ConfigurationFigures) {
    text.ones(&[
        flag(
            "forebay_config_reload_success",
            "Whether the last reload of the configuration was applied; 1 while there was none.",
            configuration.error.is_none(),
        ),
        gauge(
            "forebay_config_loaded_timestamp_seconds",
            "When the configuration in force was read, by the gateway's clock.",
            configuration.loaded_at,
        ),
        gauge(
            "forebay_config_needs_restart",
            "Keys that have changed in the file and are applied by a restart only.",
            configuration.needs_restart.len() as u64,
        ),
    ]);
    let results = [("applied", configuration.reloads), ("refused", configuration.refused)];
    let help = "Reloads of the configuration, by what became of them.";
    text.by("result", "forebay_config_reloads_total", Kind::Counter, help, results);
}

/// What could be read.
fn process(text: &mut Text, process: &ProcessFigures) {
    let seconds = [
        ("process_cpu_seconds_total", Kind::Counter, "User and system time.", process.cpu_seconds),
        ("process_start_time_seconds", Kind::Gauge, "When the process started.", process.start_seconds),
    ];
    for (name, kind, help, value) in seconds {
        if let Some(value) = value {
            text.family(name, kind, help);
            text.sample(name, &[], value);
        }
    }
    let numbers = [
        ("process_resident_memory_bytes", "Resident memory.", process.resident_bytes),
        (
            "process_virtual_memory_bytes",
            "Address space; the store's map counts wholly.",
            process.virtual_bytes,
        ),
        ("process_open_fds", "Open file descriptors.", process.open_fds),
        ("process_max_fds", "The most that may be open.", process.max_fds),
        ("process_threads", "Threads.", process.threads),
    ];
    for (name, help, value) in numbers {
        if let Some(value) = value {
            text.ones(&[gauge(name, help, value)]);
        }
    }
}
