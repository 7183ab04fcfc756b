//! The configuration, validated: what each room runs by.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Trust;
use crate::ingest::RuleSettings;
use crate::model::{KeySchema, Name, TableName, WhenFull};

/// A daemon's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The gateway's identity.
    pub gateway_id: String,
    /// Time.
    pub clock: ClockSettings,
    /// The store's directory.
    pub store_path: PathBuf,
    /// Journal and tree together, in bytes.
    pub max_size: u64,
    /// The longest a lone MQTT message waits for company.
    pub commit_wait: Duration,
    /// The HTTP door, where it is on.
    pub http: Option<HttpDoor>,
    /// The MQTT listener, where it is on.
    pub listener: Option<ListenerDoor>,
    /// For ARNs.
    pub dynamodb: DynamodbSettings,
    /// Configured tables.
    pub tables: Vec<ConfiguredTable>,
    /// Rules, in order.
    pub rules: Vec<RuleSettings>,
    /// Upstreams.
    pub upstreams: Vec<ConfiguredUpstream>,
}

/// `[clock]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockSettings {
    /// When the system's time is believed.
    pub trust: Trust,
    /// How long records with an estimated time wait for the right one.
    pub grace: Duration,
}

/// `[http]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpDoor {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
}

/// `[mqtt.listener]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerDoor {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Connections at once.
    pub max_connections: usize,
    /// The largest packet taken, in bytes.
    pub max_packet_size: u32,
    /// QoS 1 and 2 messages a client may have in flight (MQTT 5 clients are told).
    pub receive_maximum: u16,
}

/// `[dynamodb]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DynamodbSettings {
    /// The region in ARNs; without it the request's.
    pub region: Option<String>,
    /// The account in ARNs.
    pub account_id: String,
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

/// `[[upstream]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredUpstream {
    /// Its name.
    pub name: String,
    /// `http://` or `https://`, host, optional port.
    pub endpoint: String,
    /// For signatures.
    pub region: String,
    /// Local name → upstream name, and all that is sent; `None`: every table under its own name.
    pub tables: Option<BTreeMap<String, String>>,
    /// A profile of the credentials file.
    pub profile: Option<String>,
    /// A credentials file other than the usual one.
    pub credentials_file: Option<PathBuf>,
    /// More certificate authorities, PEM.
    pub ca_file: Option<PathBuf>,
    /// A later change of a key takes the place of earlier ones that have not been sent.
    pub supersede: bool,
    /// Requests under way at once.
    pub max_in_flight: usize,
}
