//! `[mqtt.broker]`, validated.

use std::path::Path;
use std::time::Duration;

use super::raw;
use super::units::{Size, Span};
use super::validate::{Fault, positive};
use crate::ingest::RuleSet;
use crate::mqtt::broker::{BrokerSettings, BrokerUrl, Protocol};
use crate::security::secret::{self, SecretError};
use crate::security::tls;

/// The client's settings, and the rules with what they need to know of the broker.
pub(super) fn validate(
    raw: Option<raw::Broker>,
    rules: RuleSet,
    gateway_id: &str,
    commit_wait: Duration,
) -> Result<(Option<BrokerSettings>, RuleSet), Fault> {
    let Some(mut raw) = raw else { return Ok((None, rules)) };
    let (topics, retained) = (raw.topics.take(), raw.retained.unwrap_or(false));
    if topics.as_ref().is_some_and(Vec::is_empty) {
        return Err(fault("topics", "is empty; leave it out to subscribe to what the rules imply"));
    }
    let rules = rules
        .with_broker(topics, retained)
        .map_err(|(_, error)| Fault::of("mqtt.broker.topics", format!("mqtt.broker.{error}")))?;
    Ok((Some(settings(raw, gateway_id, commit_wait)?), rules))
}

fn settings(raw: raw::Broker, gateway_id: &str, commit_wait: Duration) -> Result<BrokerSettings, Fault> {
    let client_id = match raw.client_id {
        Some(id) if id.is_empty() || id.len() > 256 => {
            return Err(fault(
                "client_id",
                "must have 1 to 256 bytes; the broker keeps the session under it",
            ));
        }
        Some(id) => id,
        None => format!("forebay-{gateway_id}"),
    };
    let defaults = BrokerSettings::new(brokers(raw.url, raw.urls)?, client_id);
    let tls = defaults.brokers.iter().any(|broker| broker.tls);
    let identity = match (raw.cert_file, raw.key_file) {
        (Some(chain), Some(key)) => Some((chain, key)),
        (None, None) => None,
        (Some(_), None) => return Err(fault("cert_file", "needs key_file beside it")),
        (None, Some(_)) => return Err(fault("key_file", "needs cert_file beside it")),
    };
    for (key, given) in [("ca_file", raw.ca_file.is_some()), ("cert_file", identity.is_some())] {
        if given && !tls {
            return Err(fault(key, "is for TLS, but the url is mqtt://; write mqtts://, or leave it out"));
        }
    }
    check_files(raw.ca_file.as_deref(), identity.as_ref().map(|(chain, key)| (&**chain, &**key)))?;
    if raw.password_file.is_some() && raw.username.is_none() {
        return Err(fault("password_file", "needs username beside it"));
    }
    if let Some(path) = &raw.password_file {
        later_if_systemds(path, || secret::read(path).map(drop).map_err(|error| error.to_string()))
            .map_err(|what| fault("password_file", &format!("can't be used: {what}")))?;
    }
    let max_queued_messages =
        positive("mqtt.broker.max_queued_messages", raw.max_queued_messages, defaults.max_queued_messages)?;
    let max_queued_bytes = match raw.max_queued_bytes {
        None => defaults.max_queued_bytes,
        Some(Size(bytes)) => usize::try_from(bytes)
            .ok()
            .filter(|bytes| (64 << 10..=256 << 20).contains(bytes))
            .ok_or_else(|| fault("max_queued_bytes", "must be \"64KiB\" to \"256MiB\""))?,
    };
    Ok(BrokerSettings {
        protocol: protocol(raw.protocol.as_deref())?,
        username: raw.username,
        password_file: raw.password_file,
        ca_file: raw.ca_file,
        identity,
        keep_alive: keep_alive(raw.keep_alive, defaults.keep_alive)?,
        max_packet_size: max_packet_size(raw.max_packet_size, defaults.max_packet_size)?,
        max_queued_messages,
        max_queued_bytes,
        // Whoever wants no wait for company at the journal wants none at the socket either.
        gather: defaults.gather.min(commit_wait),
        ..defaults
    })
}

fn fault(key: &str, what: &str) -> Fault {
    Fault::of(&format!("mqtt.broker.{key}"), format!("mqtt.broker.{key} {what}"))
}

fn brokers(url: Option<String>, urls: Option<Vec<String>>) -> Result<Vec<BrokerUrl>, Fault> {
    let (key, urls) = match (url, urls) {
        (Some(url), None) => ("url", vec![url]),
        (None, Some(urls)) if !urls.is_empty() => ("urls", urls),
        (Some(_), Some(_)) => return Err(fault("urls", "stands beside url; give one or the other")),
        _ => {
            let what =
                "[mqtt.broker] needs url, such as \"mqtt://127.0.0.1:1883\", or a list of them in urls";
            return Err(Fault::of("mqtt.broker", what));
        }
    };
    let parse = |url: &String| BrokerUrl::parse(url).map_err(|error| fault(key, &format!("= {error}")));
    urls.iter().map(parse).collect()
}

fn protocol(configured: Option<&str>) -> Result<Protocol, Fault> {
    match configured {
        None | Some("3.1.1") => Ok(Protocol::V3),
        Some("5") => Ok(Protocol::V5),
        Some(other) => {
            Err(fault("protocol", &format!("= {other:?} is not spoken; write \"3.1.1\" or \"5\"")))
        }
    }
}

fn keep_alive(configured: Option<Span>, default: Duration) -> Result<Duration, Fault> {
    let span = configured.map_or(default, |Span(span)| span);
    let allowed = Duration::from_secs(1)..=Duration::from_secs(u64::from(u16::MAX));
    if span.subsec_nanos() == 0 && allowed.contains(&span) {
        return Ok(span);
    }
    Err(fault("keep_alive", "must be whole seconds, \"1s\" to \"65535s\"; the default is \"30s\""))
}

fn max_packet_size(configured: Option<Size>, default: u32) -> Result<u32, Fault> {
    let size = configured.map_or(u64::from(default), |Size(size)| size);
    u32::try_from(size)
        .ok()
        .filter(|size| (1024..=16 << 20).contains(size))
        .ok_or_else(|| fault("max_packet_size", "must be \"1KiB\" to \"16MiB\""))
}

/// The TLS files as they are now; the client reads them anew for each connection.
fn check_files(ca_file: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<(), Fault> {
    if let Some(path) = ca_file {
        later_if_systemds(path, || tls::check(Some(path), None)).map_err(|what| at("ca_file", what))?;
    }
    if let Some((chain, key)) = identity {
        later_if_systemds(key, || tls::check(None, Some((chain, key)))).map_err(|what| {
            let which = if what.starts_with("cert_file") { "cert_file" } else { "key_file" };
            at(which, what)
        })?;
    }
    Ok(())
}

/// A fault that begins with its key already.
fn at(key: &str, what: String) -> Fault {
    Fault::of(&format!("mqtt.broker.{key}"), format!("mqtt.broker.{what}"))
}

/// A file in the service manager's directory can only be looked at by the service itself.
fn later_if_systemds(path: &Path, check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    match secret::expand(path) {
        Err(SecretError::NoDirectory(_)) => Ok(()),
        _ => check(),
    }
}

#[cfg(test)]
mod tests;
