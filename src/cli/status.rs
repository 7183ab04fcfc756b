//! `forebay status`: a running daemon's state.

use std::fmt::Write;

use super::client::Client;
use super::{Failure, print, runtime};
use crate::telemetry::status::{ClockFigures, Status};
use crate::telemetry::{BrokerStatus, UpstreamStatus};

/// Asks, and prints for people or for machines.
pub(super) fn run(url: &str, json: bool) -> Result<(), Failure> {
    let (code, body) = runtime()?.block_on(Client::new(url).get("/v1/status"))?;
    if !code.is_success() {
        return Err(Failure::Failed(format!("{url} answered {code}; is it a forebay daemon?")));
    }
    if json {
        let text = String::from_utf8_lossy(&body);
        return print(&format!("{}\n", text.trim_end()));
    }
    let status: Status = serde_json::from_slice(&body).map_err(|error| {
        Failure::Failed(format!("{url} answered something that is not a status ({error})"))
    })?;
    print(&table(&status))
}

/// A line per subject, aligned.
fn table(status: &Status) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<10} {value}");
    };
    line("gateway", format!("{} (forebay {})", status.gateway, status.version));
    if let Some(error) = &status.configuration.error {
        line("config", format!("not reloaded: {error}"));
    }
    if !status.configuration.needs_restart.is_empty() {
        line("config", format!("needs a restart for {}", status.configuration.needs_restart.join(", ")));
    }
    line("clock", clock(&status.clock));
    if let Some(state) = &status.mqtt.broker {
        line("broker", broker(state, status.mqtt.broker_detail.as_ref()));
    }
    if let Some(state) = &status.mqtt.listener {
        line("listener", state.clone());
    }
    let ingest = &status.ingest;
    line(
        "ingest",
        format!("{} accepted, {} rejected, {} skipped", ingest.accepted, ingest.rejected, ingest.skipped),
    );
    let store = &status.store;
    line(
        "store",
        format!(
            "{} items, {} on disk, {} written",
            store.items,
            size(store.bytes_on_disk),
            size(store.bytes_written)
        ),
    );
    if let Some(full) = &store.full {
        line("full", full.clone());
    }
    if store.dropped_items > 0 {
        line("dropped", format!("{} of the oldest items, for want of space", store.dropped_items));
    }
    for damage in &store.damage {
        line("damage", damage.clone());
    }
    for upstream in &status.upstreams {
        let reason = upstream.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let state = format!("{:?}", upstream.state).to_lowercase();
        line("upstream", format!("{}: {state}{reason}", upstream.name));
        line(
            "",
            format!(
                "{} pending, oldest {} s{}, {} acknowledged, {} dropped unsent, {} dead letters",
                upstream.pending,
                upstream.oldest_pending_age_seconds,
                outlook(upstream),
                upstream.acknowledged,
                upstream.dropped_unsent,
                upstream.dead_letters
            ),
        );
    }
    out
}

/// What is foretold of a backlog, in words.
fn outlook(upstream: &UpstreamStatus) -> String {
    if upstream.pending == 0 {
        return String::new();
    }
    let drained = upstream.drained_in_seconds.map(|seconds| format!(", drained in about {seconds} s"));
    let cost = upstream.pending_write_units.map(|units| format!(", for about {units} write units"));
    drained.into_iter().chain(cost).collect()
}

/// The broker client in words.
fn broker(state: &str, detail: Option<&BrokerStatus>) -> String {
    let Some(detail) = detail else { return state.to_owned() };
    let reason = detail.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{state} at {} for {} s{reason}", detail.url, detail.state_seconds)
}

/// The clock in words.
fn clock(clock: &ClockFigures) -> String {
    let doubt = clock.doubt.as_ref().map(|doubt| format!(" ({doubt})")).unwrap_or_default();
    match (clock.trusted, clock.jump_doubted) {
        (false, _) => format!("not trusted, nothing expires{doubt}"),
        (true, true) => "trusted, but it jumped by more than a day: nothing expires for an hour".to_owned(),
        (true, false) => format!("trusted{doubt}"),
    }
}

/// Bytes in the largest unit that leaves a number of at least one.
fn size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}
