//! `GET /metrics`: the status as Prometheus' text format, version 0.0.4.

mod broker;

use std::fmt::{Display, Write};
use std::sync::Arc;

use axum::extract;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;

use super::{State, health, status};
use crate::telemetry::status::Status;
use crate::telemetry::{BrokerMetrics, ListenerMetrics, UpstreamState, UpstreamStatus};

pub(super) async fn show(extract::State(state): extract::State<State>) -> Response {
    let ready = state.readiness.reason().is_none();
    let metrics = state.listener.clone();
    let broker = Arc::clone(&state.broker);
    let Some(status) = status::gather(state).await else {
        return health::text(StatusCode::INTERNAL_SERVER_ERROR, "the status can't be read\n");
    };
    let text = render(&status, metrics.as_deref(), &broker, ready);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// A text being written. Writing to a string does not fail.
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP forebay_{name} {help}\n# TYPE forebay_{name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.0, "forebay_{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{text}\"", if at == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }
}

/// All metrics.
fn render(status: &Status, metrics: Option<&ListenerMetrics>, client: &BrokerMetrics, ready: bool) -> String {
    let mut text = Text(String::with_capacity(4096));
    text.family("build_info", "gauge", "The version, as a label.");
    text.sample("build_info", &[("version", &status.version), ("gateway", &status.gateway)], 1);
    text.one("ready", "gauge", "Whether every configured door is open.", u8::from(ready));
    text.one("clock_trusted", "gauge", "Whether the clock is trusted.", u8::from(status.clock.trusted));
    text.family("ingest_messages_total", "counter", "Messages from MQTT and REST, by what became of them.");
    let ingest = &status.ingest;
    for (result, count) in
        [("accepted", ingest.accepted), ("rejected", ingest.rejected), ("skipped", ingest.skipped)]
    {
        text.sample("ingest_messages_total", &[("result", result)], count);
    }
    if let Some(metrics) = metrics {
        listener(&mut text, metrics);
    }
    broker::render(&mut text, &status.mqtt, client);
    store(&mut text, status);
    upstreams(&mut text, &status.upstreams);
    text.0
}

fn listener(text: &mut Text, metrics: &ListenerMetrics) {
    let m = metrics;
    let (gauge, counter) = ("gauge", "counter");
    text.one("mqtt_connections", gauge, "MQTT connections open now.", m.connections.get());
    text.one(
        "mqtt_withholding_connections",
        gauge,
        "Connections whose acknowledgements are withheld: the store is full.",
        m.withholding.get(),
    );
    text.one("mqtt_connections_opened_total", counter, "MQTT connections opened.", m.opened.get());
    text.one("mqtt_messages_total", counter, "PUBLISH packets received.", m.messages.get());
    text.one("mqtt_received_bytes_total", counter, "Bytes received.", m.bytes.get());
    text.one("mqtt_acknowledged_total", counter, "PUBACKs and PUBRECs sent.", m.acknowledged.get());
    text.one(
        "mqtt_repeated_total",
        counter,
        "QoS 2 messages delivered again within their session.",
        m.repeated.get(),
    );
    text.one(
        "mqtt_dropped_qos0_total",
        counter,
        "QoS 0 messages dropped because the store was full.",
        m.dropped_qos0.get(),
    );
    text.one("mqtt_wills_total", counter, "Wills published.", m.wills.get());
    text.one("mqtt_wills_lost_total", counter, "Wills that could not be stored.", m.wills_lost.get());
    text.one(
        "mqtt_subscriptions_refused_total",
        counter,
        "Topic filters refused.",
        m.subscriptions_refused.get(),
    );
    text.family("mqtt_refused_total", counter, "Connections refused or closed by the listener, by cause.");
    let causes = [
        ("limit", &m.turned_away),
        ("connect", &m.refused),
        ("taken_over", &m.taken_over),
        ("malformed", &m.malformed),
        ("too_large", &m.too_large),
        ("silent", &m.silent),
    ];
    for (cause, count) in causes {
        text.sample("mqtt_refused_total", &[("cause", cause)], count.get());
    }
}

fn store(text: &mut Text, status: &Status) {
    let store = &status.store;
    let gauge = "gauge";
    let counter = "counter";
    text.one("store_items", gauge, "Items in all tables.", store.items);
    text.one("store_disk_bytes", gauge, "Blocks allocated to the store's files.", store.bytes_on_disk);
    text.family(
        "store_written_bytes_total",
        counter,
        "Estimate of what has reached the device since the start.",
    );
    text.sample("store_written_bytes_total", &[("part", "journal")], store.bytes_written_journal);
    text.sample("store_written_bytes_total", &[("part", "tree")], store.bytes_written_tree);
    text.one("store_commits_total", counter, "Groups committed, each with one fsync.", store.commits);
    text.one("store_changes_total", counter, "Changes committed.", store.changes);
    text.one("store_folds_total", counter, "Folds of the overlay into the tree.", store.folds);
    text.one("store_journal_segments", gauge, "Journal segments kept.", store.segments);
    text.one("store_overlay_bytes", gauge, "Bytes in the overlay.", store.overlay_bytes);
    text.one("store_expired_items_total", counter, "Items that expiry has freed.", store.expired);
    text.one(
        "store_dropped_items_total",
        counter,
        "Items dropped before their time: space was short, and the owner chose that.",
        store.dropped_items,
    );
    text.one(
        "store_estimated_items",
        gauge,
        "Items whose estimated time waits to be resolved.",
        store.marked,
    );
    text.one(
        "store_full",
        gauge,
        "Whether the store refuses writes for want of space.",
        u8::from(store.full.is_some()),
    );
    text.one("store_damage", gauge, "Damage found at the last start.", store.damage.len());
}

fn upstreams(text: &mut Text, upstreams: &[UpstreamStatus]) {
    type Value = fn(&UpstreamStatus) -> u64;
    let families: [(&str, &str, &str, Value); 6] = [
        ("upstream_online", "gauge", "Whether the upstream answers.", |u| {
            u64::from(u.state == UpstreamState::Online)
        }),
        ("upstream_pending", "gauge", "Changes that the upstream has not settled.", |u| u.pending),
        ("upstream_oldest_pending_age_seconds", "gauge", "Age of the oldest of them.", |u| {
            u.oldest_pending_age_seconds
        }),
        ("upstream_acknowledged_total", "counter", "Changes that the upstream took.", |u| u.acknowledged),
        ("upstream_dropped_unsent_total", "counter", "Changes given up because the owner chose that.", |u| {
            u.dropped_unsent
        }),
        ("upstream_dead_letters", "gauge", "Letters waiting for the owner.", |u| u.dead_letters),
    ];
    if upstreams.is_empty() {
        return;
    }
    for (name, kind, help, value) in families {
        text.family(name, kind, help);
        for upstream in upstreams {
            text.sample(name, &[("upstream", &upstream.name)], value(upstream));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_a_family_and_labels_are_escaped() {
        let upstream = UpstreamStatus { name: "a\"b\\c".to_owned(), pending: 7, ..UpstreamStatus::default() };
        let status = Status { upstreams: vec![upstream], ..Status::default() };
        let text = render(&status, Some(&ListenerMetrics::default()), &BrokerMetrics::default(), true);
        assert!(text.contains("forebay_upstream_pending{upstream=\"a\\\"b\\\\c\"} 7\n"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split(['{', ' ']).next().unwrap();
            assert!(text.contains(&format!("# TYPE {name} ")), "{line}");
        }
    }
}
