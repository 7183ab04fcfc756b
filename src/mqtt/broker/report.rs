//! The client's state, for `status` and the log: a line for each change, none for each try.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::settings::BrokerUrl;
use crate::telemetry::{BrokerMetrics, BrokerStatus, MqttStatus, Watched};

/// Says what is going on.
pub(super) struct Report<'a> {
    status: Arc<Watched<MqttStatus>>,
    metrics: &'a BrokerMetrics,
    /// What was last said of each broker that can't be had.
    said: HashMap<String, String>,
}

const CONNECTING: &str = "connecting";
const SUBSCRIBED: &str = "subscribed";

impl<'a> Report<'a> {
    /// Nothing has happened yet.
    pub(super) fn new(status: Arc<Watched<MqttStatus>>, metrics: &'a BrokerMetrics) -> Report<'a> {
        Report { status, metrics, said: HashMap::new() }
    }

    /// There is no broker in the configuration.
    pub(super) fn off(&mut self) {
        self.said.clear();
        self.status.update(|status| (status.broker, status.broker_detail) = (None, None));
    }

    /// There is one, and no connection.
    pub(super) fn waiting(&mut self, url: &BrokerUrl, filters: &[String]) {
        self.change(CONNECTING, |detail| {
            detail.url = url.to_string();
            detail.filters = filters.to_vec();
        });
    }

    /// A try failed.
    pub(super) fn failed(&mut self, url: &BrokerUrl, reason: &str) {
        self.metrics.failures.add(1);
        self.not_subscribed(url, reason);
    }

    /// A connection is lost.
    pub(super) fn lost(&mut self, url: &BrokerUrl, reason: &str) {
        self.metrics.lost.add(1);
        self.not_subscribed(url, reason);
    }

    fn not_subscribed(&mut self, url: &BrokerUrl, reason: &str) {
        let url = url.to_string();
        self.change(CONNECTING, |detail| {
            detail.url.clone_from(&url);
            detail.reason = Some(reason.to_owned());
        });
        if self.said.get(&url).is_some_and(|said| said == reason) {
            tracing::debug!(broker = url, reason, "the MQTT broker can't be had still");
        } else {
            tracing::warn!(broker = url, reason, "the MQTT broker can't be had; Forebay goes on trying");
            self.said.insert(url, reason.to_owned());
        }
    }

    /// The broker has accepted the connection.
    pub(super) fn connected(&mut self, url: &BrokerUrl, session_present: bool) {
        self.metrics.connections.add(1);
        tracing::debug!(broker = %url, session_present, "connected to the MQTT broker");
        self.change(CONNECTING, |detail| {
            detail.url = url.to_string();
            detail.session_present = Some(session_present);
        });
    }

    /// The subscription is confirmed; `amiss`: what is not as it should be.
    pub(super) fn subscribed(&mut self, url: &BrokerUrl, filters: &[String], amiss: Option<String>) {
        let session_present = self.detail().session_present;
        match &amiss {
            None => {
                tracing::info!(broker = %url, ?filters, session_present, "subscribed at the MQTT broker");
            }
            Some(amiss) => tracing::warn!(broker = %url, ?filters, amiss, "subscribed at the MQTT broker"),
        }
        self.said.clear();
        self.change(SUBSCRIBED, |detail| {
            detail.url = url.to_string();
            detail.filters = filters.to_vec();
            detail.reason = amiss;
        });
    }

    fn detail(&self) -> BrokerStatus {
        self.status.get().broker_detail.unwrap_or_default()
    }

    fn change(&self, state: &str, change: impl FnOnce(&mut BrokerStatus)) {
        self.status.update(|status| {
            let detail = status.broker_detail.get_or_insert_default();
            if status.broker.as_deref() != Some(state) {
                status.broker = Some(state.to_owned());
                detail.since = Some(Instant::now());
            }
            change(detail);
        });
    }
}
