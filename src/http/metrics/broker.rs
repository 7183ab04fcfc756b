//! The broker client's figures; nothing where there is no broker.

use super::Text;
use crate::telemetry::{BrokerMetrics, MqttStatus};

pub(super) fn render(text: &mut Text, status: &MqttStatus, metrics: &BrokerMetrics) {
    let Some(state) = &status.broker else { return };
    let m = metrics;
    let (gauge, counter) = ("gauge", "counter");
    text.one(
        "broker_subscribed",
        gauge,
        "Whether the subscription at the broker is confirmed.",
        u8::from(state == "subscribed"),
    );
    text.one("broker_queued_messages", gauge, "Messages received and not settled.", m.queued.get());
    text.one("broker_queued_bytes", gauge, "Bytes received and not settled.", m.queued_bytes.get());
    text.one(
        "broker_withholding",
        gauge,
        "Whether acknowledgements are withheld: the store is full.",
        m.withholding.get(),
    );
    text.one("broker_messages_total", counter, "PUBLISH packets received.", m.messages.get());
    text.one("broker_received_bytes_total", counter, "Bytes received.", m.bytes.get());
    text.one("broker_acknowledged_total", counter, "PUBACKs sent.", m.acknowledged.get());
    text.one(
        "broker_repeated_total",
        counter,
        "Messages that the broker said it may have sent before.",
        m.repeated.get(),
    );
    text.one(
        "broker_retained_again_total",
        counter,
        "Retained copies left out because they had come before.",
        m.retained_again.get(),
    );
    text.one(
        "broker_too_large_total",
        counter,
        "Messages beyond max_packet_size, acknowledged and not stored.",
        m.too_large.get(),
    );
    text.one(
        "broker_dropped_qos0_total",
        counter,
        "QoS 0 messages dropped because the store was full.",
        m.dropped_qos0.get(),
    );
    text.one(
        "broker_connections_total",
        counter,
        "Connections that the broker accepted.",
        m.connections.get(),
    );
    text.one("broker_failures_total", counter, "Tries to connect that failed.", m.failures.get());
    text.one(
        "broker_lost_total",
        counter,
        "Accepted connections that ended without Forebay's wish.",
        m.lost.get(),
    );
}
