//! The configuration, validated: what each room runs by.

use std::path::PathBuf;
use std::time::Duration;

use super::log::LogSettings;
use crate::clock::Trust;
use crate::http::{DynamodbSettings, ServerSettings};
use crate::ingest::RuleSet;
use crate::model::{KeySchema, Name, TableName, WhenFull};
use crate::mqtt::ListenerSettings;
use crate::mqtt::broker::BrokerSettings;
use crate::sync::UpstreamSettings;

/// A daemon's settings.
pub struct Settings {
    /// The gateway's identity.
    pub gateway_id: String,
    /// The log.
    pub log: LogSettings,
    /// Time.
    pub clock: ClockSettings,
    /// The store's directory.
    pub store_path: PathBuf,
    /// Journal and tree together, in bytes.
    pub max_size: u64,
    /// The longest a lone MQTT message waits for company.
    pub commit_wait: Duration,
    /// The HTTP door, where it is on.
    pub http: Option<ServerSettings>,
    /// The MQTT listener, where it is on.
    pub listener: Option<ListenerSettings>,
    /// The broker to subscribe at, where there is one.
    pub broker: Option<BrokerSettings>,
    /// For ARNs.
    pub dynamodb: DynamodbSettings,
    /// Configured tables.
    pub tables: Vec<ConfiguredTable>,
    /// The rules, compiled.
    pub rules: RuleSet,
    /// Upstreams.
    pub upstreams: Vec<UpstreamSettings>,
}

/// `[clock]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSettings {
    /// When the system's time is believed.
    pub trust: Trust,
    /// How long records with an estimated time wait for the right one.
    pub grace: Duration,
}

/// `[[table]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredTable {
    /// Its name.
    pub name: TableName,
    /// Its key.
    pub keys: KeySchema,
    /// Its TTL attribute.
    pub ttl_attribute: Option<Name>,
    /// The TTL that items from MQTT and REST get.
    pub ttl_default: Option<Duration>,
    /// When the store is full.
    pub when_full: WhenFull,
}
