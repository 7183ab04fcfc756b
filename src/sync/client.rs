//! Requests to one upstream: signed, over kept connections, each step with a time-out, answers bounded.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{HeaderMap, Request};

pub use super::connection::NoReply;
use super::connection::{Bounds, Live, Lost, date_of};
use super::dial::Dialer;
use super::issuer::{Issuer, IssuerSettings};
use super::proxy::Proxy;
use super::retry::Answer;
use super::settings::{Endpoint, UpstreamSettings};
use crate::clock::Clock;
use crate::model::limits::BODY;
use crate::security::credentials::{Credentials, CredentialsSource, Keeper};
use crate::security::secret::Secret;
use crate::security::sign::Signer;
use crate::security::tls;

#[cfg(test)]
mod tests;

/// The slowest link that is still waited for, in bytes per second.
const SLOWEST: u64 = 16 << 10;

/// An upstream's answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// `x-amzn-errortype`.
    pub error_type: Option<String>,
    /// `x-amz-crc32`.
    pub crc: Option<u32>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// To be judged.
    pub fn answer(&self) -> Answer<'_> {
        Answer {
            status: self.status,
            error_type: self.error_type.as_deref(),
            crc: self.crc,
            body: &self.body,
        }
    }
}

/// A place for one connection; requests on one slot go one after another.
#[derive(Default)]
pub struct Slot(Option<Live>);

/// Makes requests to one upstream.
pub struct Client {
    endpoint: Endpoint,
    url: String,
    dialer: Dialer,
    request_timeout: Duration,
    credentials: Source,
    /// The credentials that the last request was signed with.
    used: Mutex<Option<Arc<Credentials>>>,
    signer: Signer,
    clock: Clock,
    /// What the upstream's `Date` says: its time less the time since boot, in microseconds; and whether it counts even
    /// while our clock is trusted (a signature was refused for its time).
    skew: Mutex<Option<(i64, bool)>>,
}

/// Where a client's credentials come from.
enum Source {
    Kept(Keeper),
    Issued(Arc<Issuer>),
}

impl Source {
    fn of(settings: &UpstreamSettings, clock: &Clock) -> Result<Source, String> {
        let environment = settings.credentials == CredentialsSource::Environment;
        let issuer = match &settings.issuer {
            None if environment => {
                IssuerSettings::of_environment(settings, &|name| std::env::var(name).ok())?
            }
            issuer => issuer.clone(),
        };
        if let Some(issuer) = issuer {
            return Ok(Source::Issued(Arc::new(Issuer::new(issuer, settings, clock.clone()))));
        }
        // A plain endpoint is one of one's own, which as a rule does not look at signatures, but wants one.
        let plain = !settings.endpoint.tls && environment;
        let fallback = plain.then(|| Credentials::new("forebay", Secret::new("forebay"), None));
        Ok(Source::Kept(Keeper::new(settings.credentials.clone(), fallback)))
    }

    async fn get(&self) -> Result<Arc<Credentials>, NoReply> {
        match self {
            Source::Kept(keeper) => keeper.get().map_err(|error| NoReply::Unable(error.to_string())),
            Source::Issued(issuer) => issuer.get().await,
        }
    }

    fn refused(&self, used: &Credentials) -> bool {
        match self {
            Source::Kept(keeper) => keeper.refused(used),
            Source::Issued(issuer) => issuer.refused(used),
        }
    }
}

impl Client {
    /// A client with these settings; reads the certificates.
    pub fn new(settings: &UpstreamSettings, clock: Clock) -> Result<Client, String> {
        let endpoint = settings.endpoint.clone();
        let proxy = Proxy::choose(&settings.proxy, &endpoint)?;
        let config = || tls::config(settings.ca_file.as_deref(), &clock);
        let dialer = Dialer::new(endpoint.clone(), proxy, settings.connect_timeout, config)?;
        Ok(Client {
            url: endpoint.url(),
            endpoint,
            dialer,
            request_timeout: settings.request_timeout,
            credentials: Source::of(settings, &clock)?,
            used: Mutex::new(None),
            signer: Signer::dynamodb(settings.region.clone()),
            clock,
            skew: Mutex::new(None),
        })
    }

    /// The upstream refused the credentials: reads them again, and says whether there are others now.
    pub fn credentials_refused(&self) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner).clone();
        used.is_some_and(|used| self.credentials.refused(&used))
    }

    /// From now on signatures use the upstream's time: it refused one for ours.
    pub fn believe_upstream_time(&self) {
        if let Some((_, always)) = self.skew.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            *always = true;
        }
    }

    /// Calls one operation.
    pub async fn call(&self, slot: &mut Slot, operation: &str, body: Bytes) -> Result<Reply, NoReply> {
        // Without credentials there is no use in connecting; and it can be said while the upstream is away.
        let credentials = self.credentials.get().await?;
        let allowance = self.request_timeout + Duration::from_secs(body.len() as u64 / SLOWEST);
        // A kept connection may have died without a word; BatchWriteItem's puts and deletes may safely arrive twice.
        if let Some(mut live) = slot.0.take()
            && live.is_usable(allowance).await
        {
            let request = self.request(operation, body.clone(), &credentials)?;
            match self.exchange(live, request, allowance).await {
                Ok((reply, live)) => {
                    slot.0 = live;
                    return reply;
                }
                Err(Lost::BeforeAnswer(_)) => {}
                Err(lost) => return Err(lost.into()),
            }
        }
        let live = self.dialer.dial().await?;
        let request = self.request(operation, body, &credentials)?;
        let (reply, live) = self.exchange(live, request, allowance).await?;
        slot.0 = live;
        reply
    }

    fn request(
        &self,
        operation: &str,
        body: Bytes,
        credentials: &Arc<Credentials>,
    ) -> Result<Request<Full<Bytes>>, NoReply> {
        let unable = |e: &dyn std::fmt::Display| NoReply::Unable(e.to_string());
        let mut request = Request::post(&self.endpoint.path)
            .header(HOST, &self.endpoint.authority)
            .header(CONTENT_TYPE, "application/x-amz-json-1.0")
            .header(USER_AGENT, concat!("forebay/", env!("CARGO_PKG_VERSION")))
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .body(body)
            .map_err(|e| unable(&e))?;
        self.signer
            .sign(&mut request, &self.url, credentials, self.signing_time())
            .map_err(|e| unable(&e))?;
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials.clone());
        self.dialer.addressed(request.map(Full::new))
    }

    /// Our time, or the upstream's where ours is worth nothing.
    fn signing_time(&self) -> u64 {
        let skew = *self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        match skew {
            Some((offset, always)) if always || !self.clock.trusted() => {
                self.clock.since_boot_us().saturating_add_signed(offset)
            }
            _ => self.clock.now_us(),
        }
    }

    fn learn_time(&self, headers: &HeaderMap) {
        let Some(time) = date_of(headers) else { return };
        let offset = time.as_microsecond().saturating_sub_unsigned(self.clock.since_boot_us());
        let mut skew = self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        let always = skew.is_some_and(|(_, always)| always);
        *skew = Some((offset, always));
    }

    /// One request and what came of it; and the connection, where it stays open.
    async fn exchange(
        &self,
        live: Live,
        request: Request<Full<Bytes>>,
        allowance: Duration,
    ) -> Result<(Result<Reply, NoReply>, Option<Live>), Lost> {
        let bounds = Bounds { head: allowance, body: self.request_timeout, bytes: BODY };
        let (head, body, live) = live.exchange(request, bounds).await?;
        if let Some(error) = self.dialer.proxy_error(head.status) {
            return Ok((Err(error), live));
        }
        self.learn_time(&head.headers);
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let reply = Reply {
            status: head.status.as_u16(),
            error_type: text("x-amzn-errortype").map(str::to_owned),
            crc: text("x-amz-crc32").and_then(|crc| crc.parse().ok()),
            body,
        };
        Ok((Ok(reply), live))
    }
}
