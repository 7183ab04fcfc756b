//! What an owner can set.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The broker client's settings. Files are read anew for each connection, so that they may be renewed at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerSettings {
    /// The brokers, tried in turn; at least one.
    pub brokers: Vec<BrokerUrl>,
    /// The version of the protocol.
    pub protocol: Protocol,
    /// The client identifier: the broker keeps the session under it.
    pub client_id: String,
    /// The user name.
    pub username: Option<String>,
    /// Holds the password, nothing else.
    pub password_file: Option<PathBuf>,
    /// Certificate authorities to trust instead of the system's (PEM).
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate chain and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// A packet is sent at least this often, and silence of the broker for twice as long ends the connection.
    pub keep_alive: Duration,
    /// The largest packet taken, in bytes, header included. A larger message is acknowledged and not stored.
    pub max_packet_size: u32,
    /// Messages received and not yet settled, beyond which nothing more is read.
    pub max_queued_messages: usize,
    /// The same in bytes.
    pub max_queued_bytes: usize,
    /// How long a connection may take until the broker has accepted it.
    pub connect_timeout: Duration,
    /// The first pause between two rounds through the brokers; it doubles from round to round.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// How long nothing must have come before a batch smaller than the last ones is offered; zero for no waiting.
    pub gather: Duration,
    /// How long the end may take: what has been received is stored and acknowledged.
    pub drain: Duration,
}

impl BrokerSettings {
    /// The defaults, with these brokers and this identifier.
    pub fn new(brokers: Vec<BrokerUrl>, client_id: impl Into<String>) -> BrokerSettings {
        BrokerSettings {
            brokers,
            protocol: Protocol::default(),
            client_id: client_id.into(),
            username: None,
            password_file: None,
            ca_file: None,
            identity: None,
            keep_alive: Duration::from_secs(30),
            max_packet_size: (256 + 4) * 1024,
            max_queued_messages: 8192,
            max_queued_bytes: 4 << 20,
            connect_timeout: Duration::from_secs(15),
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            gather: Duration::from_millis(1),
            drain: Duration::from_secs(10),
        }
    }
}

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// 3.1.1.
    #[default]
    V3,
    /// 5.
    V5,
}

/// Where a broker is: `mqtt://host`, `mqtts://host:8883`, `mqtt://[::1]:1883`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Whether it is spoken to through TLS.
    pub tls: bool,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Why a text is no broker's URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {problem}; write {remedy}")]
pub struct BrokerUrlError {
    text: String,
    problem: &'static str,
    remedy: &'static str,
}

/// What a URL looks like.
const EXAMPLE: &str = "\"mqtt://127.0.0.1:1883\", or mqtts:// for TLS";

impl BrokerUrl {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<BrokerUrl, BrokerUrlError> {
        let wrong = |problem, remedy| BrokerUrlError { text: text.to_owned(), problem, remedy };
        let (tls, rest) = match text.split_once("://") {
            Some(("mqtt", rest)) => (false, rest),
            Some(("mqtts", rest)) => (true, rest),
            Some(_) => return Err(wrong("is neither mqtt:// nor mqtts://", EXAMPLE)),
            None => return Err(wrong("is no URL", EXAMPLE)),
        };
        if rest.contains('@') {
            // The text itself would show the password.
            let text = format!("{}…@…", if tls { "mqtts://" } else { "mqtt://" });
            let (problem, remedy) = ("has a user name in it", "username and password_file");
            return Err(BrokerUrlError { text, problem, remedy });
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', ' ']) {
            return Err(wrong("has more than a host and a port", EXAMPLE));
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, after) =
                    rest.split_once(']').ok_or_else(|| wrong("lacks the closing ]", "mqtt://[::1]:1883"))?;
                if host.parse::<std::net::Ipv6Addr>().is_err() {
                    return Err(wrong("has no IPv6 address in its brackets", "mqtt://[::1]:1883"));
                }
                (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some(after) }))
            }
            None => match rest.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err(wrong("has an IPv6 address without brackets", "mqtt://[::1]:1883"));
                }
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.is_empty() {
            return Err(wrong("names no host", EXAMPLE));
        }
        let default = if tls { 8883 } else { 1883 };
        let port = port.map_or(Ok(default), str::parse).map_err(|_| wrong("has no port number", EXAMPLE))?;
        Ok(BrokerUrl { tls, host: host.to_owned(), port })
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        match self.host.parse() {
            Ok(IpAddr::V6(host)) => write!(f, "{scheme}://[{host}]:{}", self.port),
            _ => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_written() {
        for (text, whole) in [
            ("mqtt://broker", "mqtt://broker:1883"),
            ("mqtts://broker/", "mqtts://broker:8883"),
            ("mqtt://10.0.0.1:1884", "mqtt://10.0.0.1:1884"),
            ("mqtt://[::1]", "mqtt://[::1]:1883"),
            ("mqtts://[0:0::1]:9", "mqtts://[::1]:9"),
        ] {
            assert_eq!(BrokerUrl::parse(text).unwrap().to_string(), whole);
        }
    }

    #[test]
    fn what_is_no_url_is_explained_without_a_password() {
        for (text, part) in [
            ("broker:1883", "no URL"),
            ("http://broker", "neither mqtt://"),
            ("mqtt://", "names no host"),
            ("mqtt://broker:x", "port"),
            ("mqtt://broker:99999", "port"),
            ("mqtt://broker/path", "more than a host"),
            ("mqtt://::1:1883", "without brackets"),
            ("mqtt://[::1", "closing"),
            ("mqtt://[broker]", "no IPv6"),
            ("mqtt://[::1]x", "port"),
            ("mqtt://me:sesame@broker", "username and password_file"),
        ] {
            let error = BrokerUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains("sesame"), "{error}");
        }
    }
}
