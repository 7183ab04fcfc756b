//! The doors: what came in over MQTT and HTTP, and what became of it.

use super::text::{Kind, Text, Unit, counter, gauge};
use crate::telemetry::status::IngestFigures;
use crate::telemetry::{ListenerMetrics, RequestMetrics};

pub(super) fn ingest(text: &mut Text, ingest: &IngestFigures) {
    let results = [("accepted", ingest.accepted), ("rejected", ingest.rejected), ("skipped", ingest.skipped)];
    let help = "Items from MQTT and REST that were stored, and messages that were rejected or skipped.";
    text.by("result", "forebay_ingest_messages_total", Kind::Counter, help, results);
}

pub(super) fn listener(text: &mut Text, metrics: &ListenerMetrics) {
    let m = metrics;
    text.ones(&[
        gauge("forebay_mqtt_connections", "Connections open now.", m.connections.get()),
        gauge(
            "forebay_mqtt_withholding_connections",
            "Connections whose acknowledgements are withheld: the store is full or busy.",
            m.withholding.get(),
        ),
        counter("forebay_mqtt_connections_opened_total", "Connections opened.", m.opened.get()),
        counter("forebay_mqtt_messages_total", "PUBLISH packets received.", m.messages.get()),
        counter("forebay_mqtt_received_bytes_total", "Bytes received.", m.bytes.get()),
        counter("forebay_mqtt_acknowledged_total", "PUBACKs and PUBRECs sent.", m.acknowledged.get()),
        counter(
            "forebay_mqtt_repeated_total",
            "QoS 2 messages delivered again within their session.",
            m.repeated.get(),
        ),
        counter(
            "forebay_mqtt_dropped_qos0_total",
            "QoS 0 messages dropped because the store could not take them.",
            m.dropped_qos0.get(),
        ),
        counter("forebay_mqtt_wills_total", "Wills published.", m.wills.get()),
        counter("forebay_mqtt_wills_lost_total", "Wills that could not be stored.", m.wills_lost.get()),
        counter(
            "forebay_mqtt_subscriptions_refused_total",
            "Topic filters refused: the listener serves no subscriptions.",
            m.subscriptions_refused.get(),
        ),
    ]);
    let causes = [
        ("limit", &m.turned_away),
        ("connect", &m.refused),
        ("taken_over", &m.taken_over),
        ("malformed", &m.malformed),
        ("too_large", &m.too_large),
        ("silent", &m.silent),
    ];
    let help = "Connections refused or closed by the listener, by cause.";
    let causes = causes.map(|(cause, count)| (cause, count.get()));
    text.by("cause", "forebay_mqtt_refused_total", Kind::Counter, help, causes);
}

pub(super) fn requests(text: &mut Text, requests: &RequestMetrics) {
    let name = "forebay_http_requests_total";
    text.family(name, Kind::Counter, "Requests answered, by operation or route, and status code.");
    for ((operation, code), count) in requests.counts() {
        let what = match &operation.route {
            Some(route) => format!("{} {route}", operation.name),
            None => operation.name.to_owned(),
        };
        let code = code.to_string();
        let labels = [("door", operation.door.name()), ("operation", &what), ("code", &code)];
        text.sample(name, &labels, count);
    }
    let name = "forebay_http_request_duration_seconds";
    text.family(name, Kind::Histogram, "From a request's head to its answer's head.");
    for (door, durations) in requests.durations() {
        text.buckets(name, &[("door", door.name())], &durations.figures(), Unit::Microseconds);
    }
}
