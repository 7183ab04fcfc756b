//! From what is written to what is meant: defaults, and every check that needs more than one key.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::broker;
use super::credentials::{self, Given};
use super::handling;
use super::issuer;
use super::raw::{self, Raw};
use super::settings::{ClockSettings, ConfiguredTable, Settings};
use super::space;
use super::units::{Address, Size, Span};
use crate::http::{DynamodbSettings, ServerSettings};
use crate::ingest::{RuleSet, RuleSettings, TableSettings};
use crate::model::{KeyAttribute, KeySchema, Name, TableName, limits};
use crate::mqtt::ListenerSettings;
use crate::security::credentials::CredentialsSource;
use crate::security::tls;
use crate::sync::allowance::Allowances;
use crate::sync::{Endpoint, UpstreamSettings};

/// What `forebay run` serves without a configuration.
pub(super) const NO_CONFIGURATION: &str = r#"
[store]
path = "./forebay-data"

[http]
listen = "127.0.0.1:8000"

[mqtt.listener]
listen = "127.0.0.1:1883"

[[table]]
name = "readings"
partition_key = { name = "device", type = "S" }
sort_key = { name = "ts", type = "N" }

[[rule]]
name = "default"
topic = "{device..}"
table = "readings"
payload = "auto"
set = { device = "{device}", ts = "{now_us}" }
"#;

/// The smallest store that its reserves fit into.
const SMALLEST_STORE: u64 = 64 << 20;
/// The largest on 32-bit, where the map must fit the address space.
const LARGEST_STORE_32: u64 = 1 << 30;

/// What is wrong, and where in the text.
#[derive(Debug)]
pub(super) struct Fault {
    /// The element of a list that it is in.
    pub(super) span: Option<Range<usize>>,
    /// The key, as a path: below that element, or else from the top.
    pub(super) key: Option<String>,
    pub(super) what: String,
}

impl Fault {
    fn new(what: impl Into<String>) -> Fault {
        Fault { span: None, key: None, what: what.into() }
    }

    /// A fault of one key, which `what` names.
    pub(super) fn of(key: &str, what: impl Into<String>) -> Fault {
        Fault { span: None, key: Some(key.to_owned()), what: what.into() }
    }

    pub(super) fn at(self, span: Range<usize>) -> Fault {
        Fault { span: self.span.or(Some(span)), ..self }
    }
}

/// Checks everything.
pub(super) fn validate(raw: Raw) -> Result<Settings, Fault> {
    let spans = spans(&raw.tables);
    let tables = each(raw.tables, table)?;
    unique("table", tables.iter().map(|table| table.name.as_str()), &spans)?;
    let commit_wait = commit_wait(raw.store.commit_wait)?;
    let rules = rules(raw.rules, &tables)?;
    let spans = self::spans(&raw.upstreams);
    let upstreams = each(raw.upstreams, |raw| upstream(raw, &tables))?;
    unique("upstream", upstreams.iter().map(|upstream| upstream.name.as_str()), &spans)?;
    let max_size = max_size(raw.store.max_size)?;
    for (upstream, span) in upstreams.iter().zip(&spans) {
        space::backlog(upstream, max_size).map_err(|fault| fault.at(span.clone()))?;
    }
    let http = raw.http.map(http).transpose()?;
    let listener = raw.mqtt.listener.map(|raw| listener(raw, commit_wait)).transpose()?;
    different_doors(http.as_ref(), listener.as_ref())?;
    let gateway_id = gateway_id(raw.gateway.id)?;
    let (broker, rules) = broker::validate(raw.mqtt.broker, rules, &gateway_id, commit_wait)?;
    Ok(Settings {
        gateway_id,
        log: super::log::validate(raw.log)?,
        clock: ClockSettings {
            trust: raw.clock.trust.unwrap_or_default(),
            grace: raw.clock.grace.map_or(Duration::from_secs(600), |Span(grace)| grace),
        },
        store_path: raw.store.path.unwrap_or_else(|| PathBuf::from("/var/lib/forebay")),
        max_size,
        commit_wait,
        http,
        listener,
        broker,
        dynamodb: dynamodb(raw.dynamodb)?,
        tables,
        rules,
        upstreams,
    })
}

/// Validates each element of a list; a fault is where the element stands.
fn each<R, T>(list: Vec<Spanned<R>>, check: impl Fn(R) -> Result<T, Fault>) -> Result<Vec<T>, Fault> {
    list.into_iter()
        .map(|element| {
            let span = element.span();
            check(element.into_inner()).map_err(|fault| fault.at(span))
        })
        .collect()
}

fn spans<R>(list: &[Spanned<R>]) -> Vec<Range<usize>> {
    list.iter().map(Spanned::span).collect()
}

fn unique<'a>(kind: &str, names: impl Iterator<Item = &'a str>, spans: &[Range<usize>]) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    for (name, span) in names.zip(spans) {
        if !seen.insert(name) {
            let what = format!("the {kind} {name:?} is there twice; give each its own name");
            return Err(Fault::of("name", what).at(span.clone()));
        }
    }
    Ok(())
}

/// Two doors can't have one address (port 0 is a free one each).
fn different_doors(http: Option<&ServerSettings>, listener: Option<&ListenerSettings>) -> Result<(), Fault> {
    match (http, listener) {
        (Some(http), Some(listener)) if http.listen == listener.listen && http.listen.port() != 0 => {
            Err(Fault::of(
                "mqtt.listener.listen",
                format!(
                    "mqtt.listener.listen is {}, which is http.listen too; give each its own port",
                    http.listen
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// Configured, or made from the machine's id, so that it survives a new disk image of the same configuration.
fn gateway_id(configured: Option<String>) -> Result<String, Fault> {
    match configured {
        Some(id) if !id.is_empty() && id.len() <= 64 && id.chars().all(|c| c.is_ascii_graphic()) => Ok(id),
        Some(id) => Err(Fault::of(
            "gateway.id",
            format!(
                "gateway.id {id:?} is not an identifier: 1 to 64 printable ASCII characters without spaces"
            ),
        )),
        None => {
            let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
            let hash = xxhash_rust::xxh3::xxh3_64(machine.trim().as_bytes());
            Ok(format!("gw-{:08x}", hash >> 32))
        }
    }
}

fn max_size(configured: Option<Size>) -> Result<u64, Fault> {
    let small = usize::BITS < 64;
    let size = configured.map_or(if small { LARGEST_STORE_32 } else { 2 << 30 }, |Size(size)| size);
    if size < SMALLEST_STORE {
        return Err(Fault::of(
            "store.max_size",
            "store.max_size is too small: \"64MiB\" is the least, \"2GiB\" the default",
        ));
    }
    if small && size > LARGEST_STORE_32 {
        return Err(Fault::of(
            "store.max_size",
            "store.max_size is too large for a 32-bit system: \"1GiB\" is the most",
        ));
    }
    Ok(size)
}

fn commit_wait(configured: Option<Span>) -> Result<Duration, Fault> {
    let wait = configured.map_or(Duration::from_millis(5), |Span(wait)| wait);
    if wait > Duration::from_secs(1) {
        return Err(Fault::of(
            "store.commit_wait",
            "store.commit_wait is too long: \"1s\" is the most, \"5ms\" the default",
        ));
    }
    Ok(wait)
}

fn http(raw: raw::Http) -> Result<ServerSettings, Fault> {
    let raw::Http { listen, auth, max_connections } = raw;
    let Address(listen) =
        listen.ok_or_else(|| Fault::of("http", "[http] needs listen, such as \"127.0.0.1:8000\""))?;
    let raw::Auth::Off = auth.unwrap_or(raw::Auth::Off);
    if !listen.ip().is_loopback() {
        return Err(Fault::of(
            "http.listen",
            format!(
                "http.listen is {listen}, but without authentication only loopback is served; use 127.0.0.1 or [::1]"
            ),
        ));
    }
    let defaults = ServerSettings::new(listen);
    let max_connections = positive("http.max_connections", max_connections, defaults.max_connections)?;
    Ok(ServerSettings { max_connections, ..defaults })
}

/// Whoever wants no wait for company at the journal wants none at the socket either.
fn listener(raw: raw::Listener, commit_wait: Duration) -> Result<ListenerSettings, Fault> {
    let raw::Listener { listen, max_connections, max_packet_size, receive_maximum } = raw;
    let Address(listen) = listen.ok_or_else(|| {
        Fault::of("mqtt.listener", "[mqtt.listener] needs listen, such as \"127.0.0.1:1883\"")
    })?;
    let defaults = ListenerSettings::new(listen);
    let size = max_packet_size.map_or(u64::from(defaults.max_packet_size), |Size(size)| size);
    let max_packet_size =
        u32::try_from(size).ok().filter(|size| (1024..=16 << 20).contains(size)).ok_or_else(|| {
            Fault::of(
                "mqtt.listener.max_packet_size",
                "mqtt.listener.max_packet_size must be \"1KiB\" to \"16MiB\"",
            )
        })?;
    let receive_maximum = receive_maximum.unwrap_or(defaults.receive_maximum);
    if receive_maximum == 0 {
        return Err(Fault::of(
            "mqtt.listener.receive_maximum",
            "mqtt.listener.receive_maximum must be at least 1",
        ));
    }
    let max_connections =
        positive("mqtt.listener.max_connections", max_connections, defaults.max_connections)?;
    let gather = defaults.gather.min(commit_wait);
    Ok(ListenerSettings { max_connections, max_packet_size, receive_maximum, gather, ..defaults })
}

pub(super) fn positive(key: &str, configured: Option<usize>, default: usize) -> Result<usize, Fault> {
    match configured.unwrap_or(default) {
        0 => Err(Fault::of(key, format!("{key} must be at least 1; the default is {default}"))),
        n => Ok(n),
    }
}

fn dynamodb(raw: raw::Dynamodb) -> Result<DynamodbSettings, Fault> {
    let account_id = raw.account_id.unwrap_or_else(|| "000000000000".to_owned());
    if account_id.len() != 12 || !account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::of(
            "dynamodb.account_id",
            format!("dynamodb.account_id {account_id:?} is not 12 digits"),
        ));
    }
    Ok(DynamodbSettings { region: raw.region, account_id })
}

fn table(raw: raw::Table) -> Result<ConfiguredTable, Fault> {
    let raw::Table { name, partition_key, sort_key, ttl, when_full } = raw;
    let name = TableName::new(&name).ok_or_else(|| {
        Fault::of(
            "name",
            format!("{name:?} is not a table name: 3 to 255 of a-z, A-Z, 0-9, '_', '-' and '.'"),
        )
    })?;
    for key in std::iter::once(&partition_key).chain(&sort_key) {
        key_attribute(&name, key)?;
    }
    if sort_key.as_ref().is_some_and(|sort| sort.name == partition_key.name) {
        return Err(Fault::of(
            "sort_key",
            format!(
                "table {}: the sort key must be another attribute than the partition key {:?}",
                name.as_str(),
                partition_key.name
            ),
        ));
    }
    let keys = KeySchema { partition: partition_key, sort: sort_key };
    if let Some(ttl) = &ttl {
        let fits = (1..=limits::KEY_ATTRIBUTE_NAME).contains(&ttl.attribute.len());
        if !fits || keys.contains(&ttl.attribute) {
            return Err(Fault::of(
                "ttl",
                format!(
                    "table {}: the ttl attribute {:?} must have 1 to 255 bytes and not be a key",
                    name.as_str(),
                    ttl.attribute
                ),
            ));
        }
    }
    let (ttl_attribute, ttl_default) = match ttl {
        Some(raw::Ttl { attribute, default }) => {
            (Some(Name::from(attribute)), default.map(|Span(span)| span))
        }
        None => (None, None),
    };
    Ok(ConfiguredTable { name, keys, ttl_attribute, ttl_default, when_full })
}

fn key_attribute(table: &TableName, key: &KeyAttribute) -> Result<(), Fault> {
    if (1..=limits::KEY_ATTRIBUTE_NAME).contains(&key.name.len()) {
        return Ok(());
    }
    Err(Fault::new(format!("table {}: a key attribute's name has 1 to 255 bytes", table.as_str())))
}

/// Compiles the rules against the configured tables; a fault is where its rule stands.
fn rules(raw: Vec<Spanned<RuleSettings>>, tables: &[ConfiguredTable]) -> Result<RuleSet, Fault> {
    let (spans, rules): (Vec<_>, Vec<_>) =
        raw.into_iter().map(|rule| (rule.span(), rule.into_inner())).unzip();
    let known = tables.iter().map(|table| TableSettings {
        name: table.name.clone(),
        keys: table.keys.clone(),
        ttl_attribute: table.ttl_attribute.clone(),
        ttl_default: table.ttl_default,
    });
    RuleSet::new(&rules, known.collect()).map_err(|(index, error)| {
        // A rule without a name goes by its topic.
        let name = rules.get(index).and_then(|rule| rule.name.clone().or_else(|| rule.topic.clone()));
        let name = name.unwrap_or_default();
        Fault {
            span: spans.get(index).cloned(),
            key: Some(error.key.to_string()),
            what: format!("rule {name:?}: {error}"),
        }
    })
}

fn upstream(raw: raw::Upstream, configured: &[ConfiguredTable]) -> Result<UpstreamSettings, Fault> {
    let raw::Upstream {
        name,
        endpoint,
        region,
        tables,
        profile,
        credentials_file,
        access_key_id,
        access_key_id_file,
        secret_access_key_file,
        session_token_file,
        iot,
        web_identity,
        proxy,
        proxy_username,
        proxy_password_file,
        ca_file,
        supersede,
        max_in_flight,
        max_backlog,
        write_units_per_second,
        bytes_per_second,
        bytes_per_day,
        bytes_per_month,
        low_priority_share,
        single,
    } = raw;
    let named = |key: &str, what: String| Fault::of(key, format!("upstream {name:?}: {what}"));
    let endpoint = Endpoint::parse(&endpoint).map_err(|error| named("endpoint", error.to_string()))?;
    let region = region.or_else(|| region_of(&endpoint.host)).ok_or_else(|| {
        let what = "region is missing and the endpoint does not name one; add region = \"eu-west-1\"";
        named("endpoint", what.to_owned())
    })?;
    if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(named("region", format!("{region:?} is not a region; write it like \"eu-west-1\"")));
    }
    if tables.as_ref().is_some_and(BTreeMap::is_empty) {
        let what =
            "tables is empty, so that nothing would be sent; name tables, or leave the key out to send all";
        return Err(named("tables", what.to_owned()));
    }
    tls::check(ca_file.as_deref(), None).map_err(|what| named("ca_file", what))?;
    let given = Given {
        profile,
        credentials_file,
        access_key_id,
        access_key_id_file,
        secret_access_key_file,
        session_token_file,
    };
    let credentials = credentials::source(given).map_err(|(key, what)| named(key, what))?;
    let issued = iot.as_ref().map(|_| "iot").or(web_identity.as_ref().map(|_| "web_identity"));
    if let Some(key) = issued.filter(|_| credentials != CredentialsSource::Environment) {
        let what = format!("{key} stands beside keys or a profile; give one or the other");
        return Err(named(key, what));
    }
    let mut defaults = UpstreamSettings::new(name.clone(), endpoint, region);
    defaults.ca_file.clone_from(&ca_file);
    let issuer = issuer::issuer(iot, web_identity, &defaults).map_err(|(key, what)| named(key, what))?;
    let proxy =
        issuer::proxy(proxy, proxy_username, proxy_password_file).map_err(|(key, what)| named(key, what))?;
    let handling = handling::validate(single, tables.as_ref(), configured)
        .map_err(|fault| Fault { what: format!("upstream {name:?}: {}", fault.what), ..fault })?;
    defaults.limits.low_share = handling::low_share(low_priority_share, defaults.limits.low_share)
        .map_err(|what| named("low_priority_share", what))?;
    let max_in_flight = positive("max_in_flight", max_in_flight, defaults.max_in_flight)
        .map_err(|fault| named("max_in_flight", fault.what))?;
    let supersede = supersede.unwrap_or(defaults.supersede);
    let bytes = |size: Option<Size>| size.map(|Size(size)| size);
    let max_backlog = bytes(max_backlog);
    let allowances = Allowances {
        write_units_per_second,
        bytes_per_second: bytes(bytes_per_second),
        bytes_per_day: bytes(bytes_per_day),
        bytes_per_month: bytes(bytes_per_month),
    };
    space::allowances(&allowances).map_err(|(key, what)| named(key, what))?;
    let settings = UpstreamSettings {
        tables,
        handling,
        credentials,
        issuer,
        proxy,
        ca_file,
        supersede,
        max_in_flight,
        max_backlog,
        allowances,
        ..defaults
    };
    settings.check().map_err(|error| named("tables", error.to_string()))?;
    Ok(settings)
}

/// `dynamodb.REGION.amazonaws.com`.
fn region_of(host: &str) -> Option<String> {
    let region = host.strip_prefix("dynamodb.")?.split_once(".amazonaws.com")?.0;
    (!region.is_empty()).then(|| region.to_owned())
}
