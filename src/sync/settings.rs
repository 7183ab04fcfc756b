//! What an upstream's owner decides; `config` makes it of TOML.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;

use super::allowance::Allowances;
use super::batch::Limits;
use super::issuer::IssuerSettings;
use super::proxy::ProxyChoice;
use super::route::Handling;
use crate::model::limits::{BATCH_WRITES, BODY};
use crate::security::credentials::CredentialsSource;

/// One upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Its name in the configuration; its cursor and dead letters are kept under it.
    pub name: String,
    /// Where it is.
    pub endpoint: Endpoint,
    /// The region that signatures name.
    pub region: String,
    /// Local name → upstream name, and all that is sent; without it every table goes under its own name.
    pub tables: Option<BTreeMap<String, String>>,
    /// What is said of single tables, by their local names.
    pub handling: BTreeMap<String, Handling>,
    /// PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Where the credentials are.
    pub credentials: CredentialsSource,
    /// Who issues credentials, for a time; then none are looked for elsewhere.
    pub issuer: Option<IssuerSettings>,
    /// The way that requests go, to the issuer as well.
    pub proxy: ProxyChoice,
    /// Whether a later change of a key replaces earlier ones that have not been sent.
    pub supersede: bool,
    /// Requests on their way at once.
    pub max_in_flight: usize,
    /// The longest that finding the address, connecting and the TLS handshake may take together.
    pub connect_timeout: Duration,
    /// The longest that an answer may take; a request gets a second more for each 16 KiB of it.
    pub request_timeout: Duration,
    /// The ceiling of the wait between attempts while it can't be reached.
    pub max_backoff: Duration,
    /// Bounds of the window and of a batch.
    pub limits: Limits,
    /// Bytes of a request's body.
    pub max_request: usize,
    /// Dead letters kept; beyond it the upstream is blocked until some are gone.
    pub max_dead_letters: usize,
    /// Journal, in bytes, that it may hold back while it is not as far; `None`: what the store has room for.
    pub max_backlog: Option<u64>,
    /// What may be spent on it.
    pub allowances: Allowances,
    /// How long shutting down waits for requests on their way.
    pub drain_timeout: Duration,
}

impl UpstreamSettings {
    /// An upstream with the defaults: every table under its own name, credentials from the environment.
    pub fn new(name: impl Into<String>, endpoint: Endpoint, region: impl Into<String>) -> UpstreamSettings {
        UpstreamSettings {
            name: name.into(),
            endpoint,
            region: region.into(),
            tables: None,
            handling: BTreeMap::new(),
            ca_file: None,
            credentials: CredentialsSource::Environment,
            issuer: None,
            proxy: ProxyChoice::Environment,
            supersede: true,
            max_in_flight: 2,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            max_backoff: Duration::from_secs(30),
            limits: Limits {
                changes: 10_000,
                bytes: 4 << 20,
                batch_changes: BATCH_WRITES,
                batch_bytes: 1 << 20,
                low_share: 10,
            },
            max_request: BODY,
            max_dead_letters: 10_000,
            max_backlog: None,
            allowances: Allowances::default(),
            drain_timeout: Duration::from_secs(5),
        }
    }

    /// What is wrong with the settings as a whole, if anything.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.name.is_empty() || self.name.len() > 255 {
            return Err(SettingsError::Name(self.name.clone()));
        }
        let mut seen = BTreeSet::new();
        for upstream in self.tables.iter().flat_map(BTreeMap::values) {
            if !seen.insert(upstream) {
                return Err(SettingsError::SharedTable(upstream.clone()));
            }
        }
        Ok(())
    }
}

/// The settings contradict themselves.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Not an address.
    #[error("{endpoint} is no endpoint: {what}; write it like https://dynamodb.eu-west-1.amazonaws.com")]
    Endpoint {
        /// As written.
        endpoint: String,
        /// What is wrong.
        what: String,
    },
    /// Not a proxy.
    #[error("{proxy} is no proxy: {what}; write it like http://proxy:3128")]
    Proxy {
        /// As written.
        proxy: String,
        /// What is wrong.
        what: String,
    },
    /// Two tables would overwrite each other's items.
    #[error("two tables are mapped to the upstream table {0}; give each its own")]
    SharedTable(String),
    /// Names are keys of rows.
    #[error("an upstream's name has 1 to 255 bytes, not {0:?}")]
    Name(String),
}

/// An upstream's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Name or address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// As the `Host` header has it.
    pub authority: String,
    /// The path, `/` as a rule.
    pub path: String,
}

impl Endpoint {
    /// Reads `https://host[:port][/path]` or `http://…`.
    pub fn parse(text: &str) -> Result<Endpoint, SettingsError> {
        let wrong = |what: &str| SettingsError::Endpoint { endpoint: text.to_owned(), what: what.to_owned() };
        let uri: Uri = text.trim().parse().map_err(|_| wrong("it can't be read"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("it begins with neither https:// nor http://")),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(|| wrong("the host is missing"))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("credentials don't belong into it"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let port = uri.port_u16();
        let authority = match port {
            Some(port) if port != if tls { 443 } else { 80 } => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        Ok(Endpoint {
            tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: port.unwrap_or(if tls { 443 } else { 80 }),
            authority,
            path: uri.path().to_owned(),
        })
    }

    /// The whole address.
    pub fn url(&self) -> String {
        format!("{}://{}{}", if self.tls { "https" } else { "http" }, self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read() {
        let endpoint = Endpoint::parse("https://dynamodb.eu-west-1.amazonaws.com").unwrap();
        assert_eq!(
            (endpoint.tls, endpoint.port, endpoint.url().as_str()),
            (true, 443, "https://dynamodb.eu-west-1.amazonaws.com/")
        );
        let endpoint = Endpoint::parse("http://[::1]:8000/").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.authority.as_str()), ("::1", "[::1]:8000"));
        for wrong in
            ["", "dynamodb.eu-west-1.amazonaws.com", "ftp://x", "https://", "http://a:b@c", "http://x/?y"]
        {
            assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn two_tables_do_not_share_an_upstream_table() {
        let mut settings =
            UpstreamSettings::new("central", Endpoint::parse("http://localhost:1").unwrap(), "eu-west-1");
        settings.tables = Some([("a", "x"), ("b", "y")].map(|(l, u)| (l.to_owned(), u.to_owned())).into());
        assert_eq!(settings.check(), Ok(()));
        settings.tables = Some([("a", "x"), ("b", "x")].map(|(l, u)| (l.to_owned(), u.to_owned())).into());
        assert_eq!(settings.check(), Err(SettingsError::SharedTable("x".to_owned())));
    }
}
