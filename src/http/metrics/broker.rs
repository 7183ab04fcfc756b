//! The broker client's figures; nothing where there is no broker.

use super::text::{Text, counter, flag, gauge};
use crate::telemetry::{BrokerMetrics, MqttStatus};

pub(super) fn render(text: &mut Text, status: &MqttStatus, metrics: &BrokerMetrics) {
    let Some(state) = &status.broker else { return };
    let m = metrics;
    text.ones(&[
        flag(
            "forebay_broker_subscribed",
            "Whether the subscription at the broker is confirmed.",
            state == "subscribed",
        ),
        gauge("forebay_broker_queued_messages", "Messages received and not settled.", m.queued.get()),
        gauge("forebay_broker_queued_bytes", "Bytes received and not settled.", m.queued_bytes.get()),
        gauge(
            "forebay_broker_withholding",
            "Whether acknowledgements are withheld: the store is full or busy.",
            m.withholding.get(),
        ),
        counter("forebay_broker_messages_total", "PUBLISH packets received.", m.messages.get()),
        counter("forebay_broker_received_bytes_total", "Bytes received.", m.bytes.get()),
        counter("forebay_broker_acknowledged_total", "PUBACKs sent.", m.acknowledged.get()),
        counter(
            "forebay_broker_repeated_total",
            "Messages that the broker said it may have sent before.",
            m.repeated.get(),
        ),
        counter(
            "forebay_broker_retained_again_total",
            "Retained copies left out because they had come before.",
            m.retained_again.get(),
        ),
        counter(
            "forebay_broker_copies_total",
            "Further copies, left out, of messages that several filters match.",
            m.copies.get(),
        ),
        counter(
            "forebay_broker_too_large_total",
            "Messages beyond max_packet_size, acknowledged and not stored.",
            m.too_large.get(),
        ),
        counter(
            "forebay_broker_dropped_qos0_total",
            "QoS 0 messages dropped because the store could not take them.",
            m.dropped_qos0.get(),
        ),
        counter(
            "forebay_broker_connections_total",
            "Connections that the broker accepted.",
            m.connections.get(),
        ),
        counter("forebay_broker_failures_total", "Tries to connect that failed.", m.failures.get()),
        counter(
            "forebay_broker_lost_total",
            "Accepted connections that ended without Forebay's wish.",
            m.lost.get(),
        ),
    ]);
}
