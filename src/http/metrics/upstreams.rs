//! The upstreams, each under its name in the configuration.

use super::text::{Kind, Text};
use crate::telemetry::{UpstreamState, UpstreamStatus};

/// All states, and their names.
const STATES: [(UpstreamState, &str); 5] = [
    (UpstreamState::Online, "online"),
    (UpstreamState::Offline, "offline"),
    (UpstreamState::Throttled, "throttled"),
    (UpstreamState::Paused, "paused"),
    (UpstreamState::Blocked, "blocked"),
];

type Value = fn(&UpstreamStatus) -> u64;
type Estimate = fn(&UpstreamStatus) -> Option<u64>;

/// One number of each upstream.
const FAMILIES: [(&str, Kind, &str, Value); 5] = [
    ("forebay_upstream_pending", Kind::Gauge, "Changes that the upstream has not settled.", |u| u.pending),
    ("forebay_upstream_oldest_pending_age_seconds", Kind::Gauge, "Age of the oldest of them.", |u| {
        u.oldest_pending_age_seconds
    }),
    ("forebay_upstream_acknowledged_total", Kind::Counter, "Changes that the upstream took.", |u| {
        u.acknowledged
    }),
    (
        "forebay_upstream_dropped_unsent_total",
        Kind::Counter,
        "Changes given up unsent because the owner chose that.",
        |u| u.dropped_unsent,
    ),
    ("forebay_upstream_dead_letters", Kind::Gauge, "Letters waiting for the owner.", |u| u.dead_letters),
];

/// What is foretold of each upstream; there is no sample while nothing can be.
const ESTIMATES: [(&str, &str, Estimate); 2] = [
    (
        "forebay_upstream_drained_in_seconds",
        "Estimate of when none will be pending, at the rate of late; absent while unknown or not draining.",
        |u| u.drained_in_seconds,
    ),
    (
        "forebay_upstream_pending_write_units",
        "Estimate of the write units that the pending changes will cost; absent while unknown.",
        |u| u.pending_write_units,
    ),
];

pub(super) fn render(text: &mut Text, upstreams: &[UpstreamStatus]) {
    if upstreams.is_empty() {
        return;
    }
    let name = "forebay_upstream_state";
    text.family(name, Kind::Gauge, "1 for the state that the upstream is in, 0 for the others.");
    for upstream in upstreams {
        for (state, label) in STATES {
            let labels = [("upstream", upstream.name.as_str()), ("state", label)];
            text.sample(name, &labels, u8::from(upstream.state == state));
        }
    }
    for (name, kind, help, value) in FAMILIES {
        text.by("upstream", name, kind, help, upstreams.iter().map(|u| (&u.name, value(u))));
    }
    for (name, help, value) in ESTIMATES {
        let known: Vec<_> = upstreams.iter().filter_map(|u| Some((&u.name, value(u)?))).collect();
        if !known.is_empty() {
            text.by("upstream", name, Kind::Gauge, help, known);
        }
    }
}
