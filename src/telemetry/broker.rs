//! The broker client's figures.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{Counter, Gauge, MqttStatus};

/// What the broker client does.
#[derive(Debug, Default)]
pub struct BrokerMetrics {
    /// PUBLISH packets received.
    pub messages: Counter,
    /// Bytes received.
    pub bytes: Counter,
    /// PUBACKs sent.
    pub acknowledged: Counter,
    /// Messages that came with the DUP flag.
    pub repeated: Counter,
    /// Retained copies that answer a renewed subscription, and have come before.
    pub retained_again: Counter,
    /// Further copies of messages that several filters match.
    pub copies: Counter,
    /// Messages larger than `max_packet_size`, acknowledged and not stored.
    pub too_large: Counter,
    /// QoS 0 messages dropped because the store could not take them.
    pub dropped_qos0: Counter,
    /// Connections that the broker accepted.
    pub connections: Counter,
    /// Tries to connect that failed.
    pub failures: Counter,
    /// Accepted connections that ended without Forebay's wish.
    pub lost: Counter,
    /// Messages received and not settled.
    pub queued: Gauge,
    /// Their bytes.
    pub queued_bytes: Gauge,
    /// 1 while acknowledgements are withheld because the store can't take messages.
    pub withholding: Gauge,
}

/// More about the broker client's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BrokerStatus {
    /// The broker's URL: the one connected to, or tried last.
    pub url: String,
    /// Why it is not subscribed, or what is amiss although it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How long it has been in its state, in seconds.
    pub state_seconds: u64,
    /// Whether the broker still had the session when the last connection began; what it had kept for it has then come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_present: Option<bool>,
    /// The topic filters asked for.
    pub filters: Vec<String>,
    /// When the state began.
    #[serde(skip)]
    pub since: Option<Instant>,
}

impl MqttStatus {
    /// The same with ages as of now.
    pub fn aged(mut self) -> MqttStatus {
        if let Some(detail) = &mut self.broker_detail {
            detail.state_seconds = detail.since.map_or(0, |since| since.elapsed().as_secs());
        }
        self
    }
}
