//! A proxy on the way to an upstream: CONNECT where the upstream speaks TLS, requests in absolute form where it does not
//! (RFC 9110, 9.3.6; RFC 9112, 3.2.2).

use std::net::IpAddr;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::connection::NoReply;
use super::settings::{Endpoint, SettingsError};
use crate::security::secret::{self, Secret};

#[cfg(test)]
pub(super) mod fake;
#[cfg(test)]
mod tests;

/// The longest head of a proxy's answer, in bytes.
const HEAD: usize = 8 << 10;
const REMEDY: &str = "set proxy_username and proxy_password_file";

/// Which way requests go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// As `HTTPS_PROXY` and `NO_PROXY` say, for endpoints that speak TLS and are not this machine; else straight.
    #[default]
    Environment,
    /// Straight, whatever the environment says.
    Direct,
    /// Through this one.
    Through(ProxySettings),
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxySettings {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Who asks, where it wants to know.
    pub username: Option<String>,
    /// Holds that user's password, nothing else.
    pub password_file: Option<PathBuf>,
}

impl ProxySettings {
    /// Reads `http://host:port`.
    pub fn parse(text: &str) -> Result<ProxySettings, SettingsError> {
        let wrong = |what: &str| SettingsError::Proxy { proxy: text.to_owned(), what: what.to_owned() };
        let endpoint = Endpoint::parse(text).map_err(|error| match error {
            SettingsError::Endpoint { what, .. } => wrong(&what),
            other => other,
        })?;
        if endpoint.tls {
            return Err(wrong("it is spoken to in the clear (what goes through it is not)"));
        }
        if endpoint.path != "/" {
            return Err(wrong("it has a path"));
        }
        Ok(ProxySettings { endpoint, username: None, password_file: None })
    }
}

/// A proxy on the way.
pub(super) struct Proxy {
    endpoint: Endpoint,
    login: Login,
}

/// What a proxy wants to hear.
enum Login {
    Nothing,
    /// This.
    Said(HeaderValue),
    /// A user's name, and the file of its password: read anew each time, so that another one needs no restart.
    Named(String, Option<PathBuf>),
}

impl Proxy {
    /// The one on the way to an endpoint, if there is one.
    pub(super) fn choose(choice: &ProxyChoice, to: &Endpoint) -> Result<Option<Proxy>, String> {
        match choice {
            ProxyChoice::Direct => Ok(None),
            ProxyChoice::Through(settings) => Ok(Some(Proxy::of(settings))),
            ProxyChoice::Environment => Proxy::of_environment(to, &|name| std::env::var(name).ok()),
        }
    }

    fn of(settings: &ProxySettings) -> Proxy {
        let login = match &settings.username {
            Some(name) => Login::Named(name.clone(), settings.password_file.clone()),
            None => Login::Nothing,
        };
        Proxy { endpoint: settings.endpoint.clone(), login }
    }

    /// As curl and the AWS tools do, but only for TLS: what is plain is in the same house.
    fn of_environment(to: &Endpoint, env: &dyn Fn(&str) -> Option<String>) -> Result<Option<Proxy>, String> {
        let either = |upper: &str| {
            let found = env(&upper.to_ascii_lowercase()).or_else(|| env(upper));
            found.filter(|value| !value.trim().is_empty())
        };
        let local = to.host == "localhost" || to.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let Some(proxy) = either("HTTPS_PROXY").filter(|_| to.tls && !local) else { return Ok(None) };
        if either("NO_PROXY").is_some_and(|list| is_excepted(&to.host, &list)) {
            return Ok(None);
        }
        let proxy = proxy.trim();
        let bare = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
        let (user, place) = bare.rsplit_once('@').map_or((None, bare), |(user, place)| (Some(user), place));
        let scheme = if proxy.starts_with("https://") { "https" } else { "http" };
        // Never the variable as it is: there may be a password in it.
        let settings = ProxySettings::parse(&format!("{scheme}://{place}"))
            .map_err(|error| format!("HTTPS_PROXY: {error}; or set proxy = \"none\""))?;
        let login = match user {
            None => Login::Nothing,
            Some(user) => {
                let decoded =
                    |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                Login::Said(basic(&decoded(name), Some(&Secret::new(decoded(password))))?)
            }
        };
        Ok(Some(Proxy { endpoint: settings.endpoint, login }))
    }

    /// Where it is.
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, NoReply> {
        match &self.login {
            Login::Nothing => Ok(None),
            Login::Said(value) => Ok(Some(value.clone())),
            Login::Named(name, file) => {
                let failed = |what: String| NoReply::Unable(format!("proxy_password_file: {what}"));
                let password = file.as_deref().map(secret::read).transpose();
                let password = password.map_err(|error| failed(error.to_string()))?;
                basic(name, password.as_ref()).map(Some).map_err(failed)
            }
        }
    }

    /// Has the proxy connect these bytes to an endpoint. The caller bounds the time.
    pub(super) async fn tunnel(
        &self,
        io: &mut (impl AsyncRead + AsyncWrite + Unpin),
        to: &Endpoint,
    ) -> Result<(), NoReply> {
        let lost = |what: &dyn std::fmt::Display| {
            NoReply::Lost(format!("the proxy {}: {what}", self.endpoint.authority))
        };
        let host = if to.host.contains(':') { format!("[{}]", to.host) } else { to.host.clone() };
        let mut head = format!("CONNECT {host}:{0} HTTP/1.1\r\nHost: {host}:{0}\r\n", to.port).into_bytes();
        if let Some(authorization) = self.authorization()? {
            head.extend_from_slice(b"Proxy-Authorization: ");
            head.extend_from_slice(authorization.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        io.write_all(&head).await.map_err(|e| lost(&e))?;
        let mut answer = Vec::new();
        // One by one: what comes behind the head is the endpoint's.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() == HEAD {
                return Err(lost(&"its answer does not end"));
            }
            answer.push(io.read_u8().await.map_err(|e| lost(&e))?);
        }
        let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
        match words.next().and_then(|status| status.parse::<u16>().ok()).filter(|_| http) {
            Some(200..=299) => Ok(()),
            Some(407) => Err(self.wants_authorization()),
            Some(status @ 100..=599) => Err(lost(&format!("it does not connect to {host}: HTTP {status}"))),
            _ => Err(lost(&"what answers there is no proxy")),
        }
    }

    /// It answered 407.
    pub(super) fn wants_authorization(&self) -> NoReply {
        let what = match self.login {
            Login::Nothing => "wants a user",
            _ => "refuses the user or password",
        };
        NoReply::Unable(format!("the proxy {} {what}; {REMEDY}", self.endpoint.authority))
    }
}

/// `Basic` (RFC 7617).
fn basic(name: &str, password: Option<&Secret>) -> Result<HeaderValue, String> {
    let both = zeroize::Zeroizing::new(format!("{name}:{}", password.map_or("", Secret::expose)));
    let mut value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(both.as_bytes())))
        .map_err(|e| e.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}

/// `NO_PROXY`: names with all below them, addresses, or `*`.
fn is_excepted(host: &str, list: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split([',', ' '])
        .map(|entry| entry.trim().to_ascii_lowercase())
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            let name = entry.trim_start_matches("*.").trim_start_matches('.');
            let below = host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            entry == "*" || below || name.trim_start_matches('[').trim_end_matches(']') == host
        })
}
