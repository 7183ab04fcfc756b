//! The configuration as written: every key optional, unknown keys refused. Meaning is given in [`super::validate`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::Flags;
use super::log::LogFormat;
use super::units::{Address, Size, Span};
use crate::clock::Trust;
use crate::ingest::RuleSettings;
use crate::model::{KeyAttribute, WhenFull};

/// A whole file. A section that is missing is off.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default)]
    pub(super) gateway: Gateway,
    #[serde(default)]
    pub(super) log: Log,
    #[serde(default)]
    pub(super) clock: Clock,
    #[serde(default)]
    pub(super) store: Store,
    pub(super) http: Option<Http>,
    #[serde(default)]
    pub(super) mqtt: Mqtt,
    #[serde(default)]
    pub(super) dynamodb: Dynamodb,
    #[serde(default, rename = "table")]
    pub(super) tables: Vec<Spanned<Table>>,
    #[serde(default, rename = "rule")]
    pub(super) rules: Vec<Spanned<RuleSettings>>,
    #[serde(default, rename = "upstream")]
    pub(super) upstreams: Vec<Spanned<Upstream>>,
}

/// Declares a section of optional keys, and how another one's keys override them.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $(pub(super) $field: Option<$type>,)*
        }

        impl $name {
            fn override_with(&mut self, other: $name) {
                $(if other.$field.is_some() { self.$field = other.$field; })*
            }
        }
    };
}

section! {
    /// `[gateway]`.
    Gateway { id: String, }
}
section! {
    /// `[log]`.
    Log { format: LogFormat, level: String, }
}
section! {
    /// `[clock]`.
    Clock { trust: Trust, grace: Span, }
}
section! {
    /// `[store]`.
    Store { path: PathBuf, max_size: Size, commit_wait: Span, }
}
section! {
    /// `[http]`.
    Http { listen: Address, auth: Auth, max_connections: usize, }
}
section! {
    /// `[mqtt.listener]`.
    Listener { listen: Address, max_connections: usize, max_packet_size: Size, receive_maximum: u16, }
}
section! {
    /// `[dynamodb]`.
    Dynamodb { region: String, account_id: String, }
}

section! {
    /// `[mqtt.broker]`.
    Broker {
        url: String,
        urls: Vec<String>,
        protocol: String,
        client_id: String,
        username: String,
        password_file: PathBuf,
        ca_file: PathBuf,
        cert_file: PathBuf,
        key_file: PathBuf,
        topics: Vec<String>,
        retained: bool,
        keep_alive: Span,
        max_packet_size: Size,
        max_queued_messages: usize,
        max_queued_bytes: Size,
    }
}

/// `[mqtt]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mqtt {
    pub(super) broker: Option<Broker>,
    pub(super) listener: Option<Listener>,
}

/// How HTTP clients prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Auth {
    /// Not at all; on loopback only.
    Off,
}

/// `[[table]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) partition_key: KeyAttribute,
    pub(super) sort_key: Option<KeyAttribute>,
    pub(super) ttl: Option<Ttl>,
    #[serde(default)]
    pub(super) when_full: WhenFull,
}

/// `ttl = { attribute = "…", default = "30d" }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ttl {
    pub(super) attribute: String,
    pub(super) default: Option<Span>,
}

/// `[[upstream]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Upstream {
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) region: Option<String>,
    pub(super) tables: Option<BTreeMap<String, String>>,
    pub(super) profile: Option<String>,
    pub(super) credentials_file: Option<PathBuf>,
    pub(super) access_key_id: Option<String>,
    pub(super) access_key_id_file: Option<PathBuf>,
    pub(super) secret_access_key_file: Option<PathBuf>,
    pub(super) session_token_file: Option<PathBuf>,
    pub(super) iot: Option<Iot>,
    pub(super) web_identity: Option<WebIdentity>,
    pub(super) proxy: Option<String>,
    pub(super) proxy_username: Option<String>,
    pub(super) proxy_password_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) supersede: Option<bool>,
    pub(super) max_in_flight: Option<usize>,
    pub(super) max_backlog: Option<Size>,
    pub(super) write_units_per_second: Option<u64>,
    pub(super) bytes_per_second: Option<Size>,
    pub(super) bytes_per_day: Option<Size>,
    pub(super) bytes_per_month: Option<Size>,
    pub(super) low_priority_share: Option<u8>,
    #[serde(default, rename = "table")]
    pub(super) single: Vec<Spanned<UpstreamTable>>,
}

/// `[[upstream.table]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamTable {
    pub(super) name: String,
    pub(super) priority: Option<i32>,
    pub(super) only: Option<Vec<String>>,
    pub(super) without: Option<Vec<String>>,
}

/// `iot` of an `[[upstream]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Iot {
    pub(super) endpoint: String,
    pub(super) role_alias: String,
    pub(super) thing_name: Option<String>,
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    pub(super) ca_file: Option<PathBuf>,
}

/// `web_identity` of an `[[upstream]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WebIdentity {
    pub(super) role_arn: String,
    pub(super) token_file: PathBuf,
    pub(super) session_name: Option<String>,
    pub(super) endpoint: Option<String>,
}

impl Raw {
    /// The command line as a configuration.
    pub(super) fn from_flags(flags: Flags) -> Result<Raw, String> {
        let address = |flag: &str, text: Option<String>| -> Result<Option<SocketAddr>, String> {
            let parse = |text: String| {
                text.parse().map_err(|_| {
                    format!("{flag} {text:?} is not an address and port, such as 127.0.0.1:8000")
                })
            };
            text.map(parse).transpose()
        };
        let mut raw = Raw::default();
        raw.store.path = flags.data;
        if let Some(listen) = address("--http", flags.http)? {
            raw.http.get_or_insert_default().listen = Some(Address(listen));
        }
        if let Some(listen) = address("--mqtt", flags.mqtt)? {
            raw.mqtt.listener.get_or_insert_default().listen = Some(Address(listen));
        }
        Ok(raw)
    }

    /// Lets another configuration's single keys win (the environment). Lists are never merged.
    pub(super) fn override_with(&mut self, other: Raw) {
        self.gateway.override_with(other.gateway);
        self.log.override_with(other.log);
        self.clock.override_with(other.clock);
        self.store.override_with(other.store);
        self.dynamodb.override_with(other.dynamodb);
        if let Some(http) = other.http {
            self.http.get_or_insert_default().override_with(http);
        }
        if let Some(broker) = other.mqtt.broker {
            self.mqtt.broker.get_or_insert_default().override_with(broker);
        }
        if let Some(listener) = other.mqtt.listener {
            self.mqtt.listener.get_or_insert_default().override_with(listener);
        }
    }
}
