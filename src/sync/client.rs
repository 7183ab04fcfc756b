//! Requests to one upstream: signed, over kept connections, each step with a time-out, answers bounded.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, DATE, HOST, USER_AGENT};
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

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

/// A connection that was idle for longer is not used again: middle boxes forget it without a word.
const IDLE: Duration = Duration::from_secs(45);
/// Addresses of a host that are tried.
const ADDRESSES: usize = 4;
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

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// The request can't even be made: credentials or certificates are missing.
    #[error("{0}")]
    Unable(String),
    /// The upstream can't be reached, or the connection was cut; the request may have arrived.
    #[error("{0}")]
    Lost(String),
}

/// A place for one connection; requests on one slot go one after another.
#[derive(Default)]
pub struct Slot(Option<Live>);

struct Live {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    used: Instant,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Makes requests to one upstream.
pub struct Client {
    endpoint: Endpoint,
    url: String,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connect_timeout: Duration,
    request_timeout: Duration,
    credentials: Keeper,
    /// The credentials that the last request was signed with.
    used: Mutex<Option<Arc<Credentials>>>,
    signer: Signer,
    clock: Clock,
    /// What the upstream's `Date` says: its time less the time since boot, in microseconds; and whether it counts even
    /// while our clock is trusted (a signature was refused for its time).
    skew: Mutex<Option<(i64, bool)>>,
    /// The address that was connected to last.
    address: Mutex<Option<SocketAddr>>,
}

impl Client {
    /// A client with these settings; reads the certificates.
    pub fn new(settings: &UpstreamSettings, clock: Clock) -> Result<Client, String> {
        let endpoint = settings.endpoint.clone();
        let tls = if endpoint.tls {
            let name =
                ServerName::try_from(endpoint.host.clone()).map_err(|e| format!("{}: {e}", endpoint.host))?;
            Some((TlsConnector::from(Arc::new(tls::config(settings.ca_file.as_deref(), &clock)?)), name))
        } else {
            None
        };
        // A plain endpoint is one of one's own, which as a rule does not look at signatures, but wants one.
        let plain = !endpoint.tls && settings.credentials == CredentialsSource::Environment;
        let fallback = plain.then(|| Credentials::new("forebay", Secret::new("forebay"), None));
        Ok(Client {
            url: endpoint.url(),
            endpoint,
            tls,
            connect_timeout: settings.connect_timeout,
            request_timeout: settings.request_timeout,
            credentials: Keeper::new(settings.credentials.clone(), fallback),
            used: Mutex::new(None),
            signer: Signer::dynamodb(settings.region.clone()),
            clock,
            skew: Mutex::new(None),
            address: Mutex::new(None),
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
        self.credentials()?;
        let allowance = self.request_timeout + Duration::from_secs(body.len() as u64 / SLOWEST);
        // A kept connection may have died without a word; BatchWriteItem's puts and deletes may safely arrive twice.
        if let Some(mut live) = slot.0.take()
            && live.used.elapsed() < IDLE
            && timeout(allowance, live.sender.ready()).await.is_ok_and(|ready| ready.is_ok())
        {
            let request = self.request(operation, body.clone())?;
            match self.exchange(live, request, allowance).await {
                Ok((reply, live)) => {
                    slot.0 = live;
                    return Ok(reply);
                }
                Err(Lost::BeforeAnswer(_)) => {}
                Err(Lost::Other(what)) => return Err(NoReply::Lost(what)),
            }
        }
        let live = timeout(self.connect_timeout, self.connect())
            .await
            .map_err(|_| NoReply::Lost(format!("no connection to {} in time", self.endpoint.authority)))?
            .map_err(NoReply::Lost)?;
        let request = self.request(operation, body)?;
        match self.exchange(live, request, allowance).await {
            Ok((reply, live)) => {
                slot.0 = live;
                Ok(reply)
            }
            Err(Lost::BeforeAnswer(what) | Lost::Other(what)) => Err(NoReply::Lost(what)),
        }
    }

    fn request(&self, operation: &str, body: Bytes) -> Result<Request<Full<Bytes>>, NoReply> {
        let unable = |e: &dyn std::fmt::Display| NoReply::Unable(e.to_string());
        let mut request = Request::post(&self.endpoint.path)
            .header(HOST, &self.endpoint.authority)
            .header(CONTENT_TYPE, "application/x-amz-json-1.0")
            .header(USER_AGENT, concat!("forebay/", env!("CARGO_PKG_VERSION")))
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .body(body)
            .map_err(|e| unable(&e))?;
        let credentials = self.credentials()?;
        self.signer
            .sign(&mut request, &self.url, &credentials, self.signing_time())
            .map_err(|e| unable(&e))?;
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials);
        Ok(request.map(Full::new))
    }

    fn credentials(&self) -> Result<Arc<Credentials>, NoReply> {
        self.credentials.get().map_err(|error| NoReply::Unable(error.to_string()))
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
        let Some(date) = headers.get(DATE).and_then(|date| date.to_str().ok()) else { return };
        let Ok(time) = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date) else { return };
        let offset = time.as_microsecond().saturating_sub_unsigned(self.clock.since_boot_us());
        let mut skew = self.skew.lock().unwrap_or_else(PoisonError::into_inner);
        let always = skew.is_some_and(|(_, always)| always);
        *skew = Some((offset, always));
    }

    async fn exchange(
        &self,
        mut live: Live,
        request: Request<Full<Bytes>>,
        allowance: Duration,
    ) -> Result<(Reply, Option<Live>), Lost> {
        let answer = timeout(allowance, live.sender.send_request(request))
            .await
            .map_err(|_| Lost::Other("no answer in time".to_owned()))?
            .map_err(|e| Lost::BeforeAnswer(with_cause(&e)))?;
        let (head, body) = answer.into_parts();
        self.learn_time(&head.headers);
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let body = timeout(self.request_timeout, Limited::new(body, BODY).collect())
            .await
            .map_err(|_| Lost::Other("the answer stopped in the middle".to_owned()))?
            .map_err(|e| Lost::Other(format!("the answer: {}", with_cause(&*e))))?
            .to_bytes();
        let reply = Reply {
            status: head.status.as_u16(),
            error_type: text("x-amzn-errortype").map(str::to_owned),
            crc: text("x-amz-crc32").and_then(|crc| crc.parse().ok()),
            body,
        };
        live.used = Instant::now();
        let open = !live.sender.is_closed();
        Ok((reply, open.then_some(live)))
    }

    /// Tries the host's addresses one after another, none for so long that the others get no turn: behind many a modem IPv6
    /// leads nowhere. The one that worked last comes first.
    async fn connect_tcp(&self) -> Result<TcpStream, String> {
        let place = (self.endpoint.host.as_str(), self.endpoint.port);
        let found = tokio::net::lookup_host(place).await.map_err(|e| with_cause(&e))?;
        let mut addresses: Vec<SocketAddr> = found.take(ADDRESSES).collect();
        let last = *self.address.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.sort_by_key(|address| Some(*address) != last);
        let turn = self.connect_timeout / (addresses.len() as u32 + 1);
        let mut failure = "it has no address".to_owned();
        for address in addresses {
            match timeout(turn, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    *self.address.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
                    return Ok(tcp);
                }
                Ok(Err(error)) => failure = with_cause(&error),
                Err(_) => failure = "no connection in time".to_owned(),
            }
        }
        Err(failure)
    }

    async fn connect(&self) -> Result<Live, String> {
        let tcp = self.connect_tcp().await.map_err(|e| format!("{}: {e}", self.endpoint.authority))?;
        tcp.set_nodelay(true).map_err(|e| e.to_string())?;
        match &self.tls {
            None => handshake(tcp).await,
            Some((connector, name)) => {
                let tls = connector
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(|e| format!("TLS with {}: {}", self.endpoint.authority, with_cause(&e)))?;
                handshake(tls).await
            }
        }
    }
}

enum Lost {
    /// Before anything of an answer came.
    BeforeAnswer(String),
    Other(String),
}

async fn handshake(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Live, String> {
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(io))
        .await
        .map_err(|e| with_cause(&e))?;
    let driver = tokio::spawn(async move {
        // Its error also ends the request that is under way.
        let _ = connection.await;
    })
    .abort_handle();
    Ok(Live { sender, driver, used: Instant::now() })
}

/// An error with what is behind it.
fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
