//! Temporary credentials from whoever issues them: AWS IoT's credential provider, or STS for a web identity. They are asked
//! for when they are first needed and renewed early; while that fails, the old ones serve on until the upstream refuses them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper::http::request::Builder;
use tokio::time::Instant;

use super::connection::{Bounds, NoReply, date_of};
use super::dial::Dialer;
use super::proxy::{Proxy, ProxyChoice};
use super::settings::{Endpoint, UpstreamSettings};
use crate::clock::Clock;
use crate::security::credentials::Credentials;
use crate::security::tls;

#[cfg(test)]
mod fake;
mod iot;
mod renewal;
#[cfg(test)]
mod tests;
mod web_identity;

pub use iot::Iot;
pub use web_identity::WebIdentity;

use renewal::{Renewal, Step};

/// The longest answer, in bytes; a real one has about two thousand.
const ANSWER: usize = 64 << 10;

/// Who issues an upstream's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerSettings {
    /// AWS IoT's credential provider.
    Iot(Iot),
    /// STS, for a token of somebody whom AWS trusts to name identities.
    WebIdentity(WebIdentity),
}

impl IssuerSettings {
    fn endpoint(&self) -> &Endpoint {
        match self {
            IssuerSettings::Iot(iot) => &iot.endpoint,
            IssuerSettings::WebIdentity(identity) => &identity.endpoint,
        }
    }

    /// What the environment says, where nothing else does: `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`, perhaps
    /// `AWS_ROLE_SESSION_NAME` and `AWS_ENDPOINT_URL_STS`. Keys in the environment come first, profiles last.
    pub(super) fn of_environment(
        settings: &UpstreamSettings,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Option<IssuerSettings>, String> {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        let Some(token_file) = env("AWS_WEB_IDENTITY_TOKEN_FILE") else { return Ok(None) };
        if env("AWS_ACCESS_KEY_ID").is_some() {
            return Ok(None);
        }
        let missing = || "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN; set both".to_owned();
        let mut identity =
            WebIdentity::new(env("AWS_ROLE_ARN").ok_or_else(missing)?, token_file.into(), &settings.region);
        identity.session_name = env("AWS_ROLE_SESSION_NAME").unwrap_or(identity.session_name);
        identity.ca_file.clone_from(&settings.ca_file);
        if let Some(endpoint) = env("AWS_ENDPOINT_URL_STS") {
            identity.endpoint =
                Endpoint::parse(&endpoint).map_err(|error| format!("AWS_ENDPOINT_URL_STS: {error}"))?;
        }
        Ok(Some(IssuerSettings::WebIdentity(identity)))
    }

    /// Whether its files are what they should be, as far as can be told without asking.
    pub fn check_files(&self) -> Result<(), String> {
        match self {
            IssuerSettings::Iot(iot) => {
                let identity = Some((iot.cert_file.as_path(), iot.key_file.as_path()));
                tls::check(iot.ca_file.as_deref(), identity).map_err(|what| format!("iot: {what}"))
            }
            IssuerSettings::WebIdentity(identity) => {
                tls::check(identity.ca_file.as_deref(), None)?;
                identity.token().map(drop).map_err(|what| format!("web_identity: {what}"))
            }
        }
    }
}

/// Credentials as they came.
#[derive(Debug)]
struct Issued {
    credentials: Credentials,
    /// When they end, by the issuer's clock, in microseconds since 1970.
    expiration_us: i64,
}

/// Credentials for as long as they are said to last from when they were received.
#[derive(Clone, Debug)]
struct Lasting {
    credentials: Arc<Credentials>,
    lifetime: Duration,
}

/// Keeps credentials that somebody issues.
pub(super) struct Issuer {
    name: String,
    settings: IssuerSettings,
    proxy: ProxyChoice,
    connect_timeout: Duration,
    request_timeout: Duration,
    clock: Clock,
    started: Instant,
    renewal: Mutex<Renewal>,
    /// Held by who asks: one at a time.
    asking: tokio::sync::Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Issuer {
    pub(super) fn new(settings: IssuerSettings, upstream: &UpstreamSettings, clock: Clock) -> Issuer {
        Issuer {
            name: upstream.name.clone(),
            settings,
            proxy: upstream.proxy.clone(),
            connect_timeout: upstream.connect_timeout,
            request_timeout: upstream.request_timeout,
            clock,
            started: Instant::now(),
            renewal: Mutex::new(Renewal::default()),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The credentials to sign with now. Waits for the issuer only where there are none that may still be good.
    pub(super) async fn get(self: &Arc<Issuer>) -> Result<Arc<Credentials>, NoReply> {
        let (step, asked) = {
            let renewal = lock(&self.renewal);
            (renewal.step(self.now()), renewal.asked())
        };
        match step {
            Step::Use(credentials) => Ok(credentials),
            Step::UseAndRenew(credentials) => {
                self.renew_behind();
                Ok(credentials)
            }
            Step::RenewFirst(old) => self.renew(asked).await.or_else(|error| old.ok_or(error)),
        }
    }

    /// The upstream refused these: says whether there are others by now; if not, they are asked for before the next request.
    pub(super) fn refused(&self, used: &Credentials) -> bool {
        lock(&self.renewal).refused(used)
    }

    /// Microseconds by a clock that nobody sets.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn renew_behind(self: &Arc<Issuer>) {
        // Somebody asks already.
        if self.asking.try_lock().is_err() {
            return;
        }
        let (issuer, asked) = (Arc::clone(self), lock(&self.renewal).asked());
        tokio::spawn(async move { drop(issuer.renew(asked).await) });
    }

    /// Asks, unless somebody else has since `asked`: then theirs is the answer.
    async fn renew(&self, asked: u64) -> Result<Arc<Credentials>, NoReply> {
        let _alone = self.asking.lock().await;
        let theirs = lock(&self.renewal).outcome_since(asked);
        if let Some(outcome) = theirs {
            return outcome;
        }
        let result = self.ask().await;
        let (now, random) = (self.now(), fastrand::u64(..));
        let (upstream, news) = (&self.name, lock(&self.renewal).landed(result.clone(), now, random));
        match &result {
            Ok(new) => {
                let (access_key_id, seconds) = (&new.credentials.access_key_id, new.lifetime.as_secs());
                tracing::info!(upstream, access_key_id, seconds, "credentials were issued");
            }
            Err(error) if news => {
                tracing::warn!(upstream, %error, "the credentials can't be renewed now; the earlier ones are still used");
            }
            Err(_) => {}
        }
        result.map(|new| new.credentials)
    }

    /// Asks once. Certificates, keys and tokens are read anew, so that renewed ones need no restart.
    async fn ask(&self) -> Result<Lasting, NoReply> {
        let endpoint = self.settings.endpoint();
        let proxy = Proxy::choose(&self.proxy, endpoint).map_err(unable)?;
        let config = || match &self.settings {
            IssuerSettings::Iot(iot) => {
                let identity = Some((iot.cert_file.as_path(), iot.key_file.as_path()));
                tls::mutual(iot.ca_file.as_deref(), identity, &self.clock)
            }
            IssuerSettings::WebIdentity(identity) => tls::config(identity.ca_file.as_deref(), &self.clock),
        };
        let dialer = Dialer::new(endpoint.clone(), proxy, self.connect_timeout, config).map_err(unable)?;
        let request = match &self.settings {
            IssuerSettings::Iot(iot) => iot.request(),
            IssuerSettings::WebIdentity(identity) => identity.request(),
        }?;
        let live = dialer.dial().await.map_err(|error| self.explained(error))?;
        let bounds = Bounds { head: self.request_timeout, body: self.request_timeout, bytes: ANSWER };
        let answer = live.exchange(dialer.addressed(request)?, bounds).await;
        let (head, body, _) = answer.map_err(|lost| self.explained(lost.into()))?;
        if let Some(error) = dialer.proxy_error(head.status) {
            return Err(error);
        }
        let issued = match &self.settings {
            IssuerSettings::Iot(iot) => iot.read(head.status.as_u16(), &body),
            IssuerSettings::WebIdentity(identity) => identity.read(head.status.as_u16(), &body),
        }?;
        let theirs = date_of(&head.headers).map(|date| date.as_microsecond());
        let now_us = theirs.or_else(|| self.clock.trusted().then(|| self.clock.now_us().cast_signed()));
        let lifetime = renewal::lifetime(issued.expiration_us, now_us);
        Ok(Lasting { credentials: Arc::new(issued.credentials), lifetime })
    }

    /// With the issuer's name, and with the remedy where it refuses our certificate.
    fn explained(&self, error: NoReply) -> NoReply {
        match error {
            // A TLS alert: it knows who we are, and does not want us.
            NoReply::Lost(what) if what.contains("received fatal alert") => NoReply::Unable(format!(
                "no credentials: {what}; is the certificate of cert_file registered, active and not expired?"
            )),
            NoReply::Lost(what) => NoReply::Lost(format!("no credentials: {what}")),
            other => other,
        }
    }
}

/// A request's beginning, as all issuers get it.
fn begin(builder: Builder, endpoint: &Endpoint) -> Builder {
    builder
        .header(HOST, &endpoint.authority)
        .header(USER_AGENT, concat!("forebay/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
}

fn finish(builder: Builder, body: Bytes) -> Result<Request<Full<Bytes>>, NoReply> {
    builder.body(Full::new(body)).map_err(|e| NoReply::Unable(e.to_string()))
}

fn unable(what: String) -> NoReply {
    NoReply::Unable(format!("no credentials: {what}"))
}

/// What answers is not the issuer.
fn strange(who: &str, what: &str) -> NoReply {
    NoReply::Lost(format!("no credentials: not {who}'s answer (a captive portal?): {what}"))
}
