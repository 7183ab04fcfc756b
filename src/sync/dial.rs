//! The way to an endpoint: its addresses one after another, a proxy where there is one, TLS.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::header::PROXY_AUTHORIZATION;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, StatusCode, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connection::{Live, NoReply, with_cause};
use super::proxy::Proxy;
use super::settings::Endpoint;

/// Addresses of a host that are tried.
const ADDRESSES: usize = 4;

/// Connects to one endpoint.
pub(super) struct Dialer {
    endpoint: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    proxy: Option<Proxy>,
    /// The longest for all steps together.
    patience: Duration,
    /// The address that was connected to last.
    address: Mutex<Option<SocketAddr>>,
}

impl Dialer {
    /// To this endpoint; `config` is asked for where it speaks TLS.
    pub(super) fn new(
        endpoint: Endpoint,
        proxy: Option<Proxy>,
        patience: Duration,
        config: impl FnOnce() -> Result<ClientConfig, String>,
    ) -> Result<Dialer, String> {
        let tls = if endpoint.tls {
            let name =
                ServerName::try_from(endpoint.host.clone()).map_err(|e| format!("{}: {e}", endpoint.host))?;
            Some((TlsConnector::from(Arc::new(config()?)), name))
        } else {
            None
        };
        Ok(Dialer { endpoint, tls, proxy, patience, address: Mutex::new(None) })
    }

    /// A proxy that gets the requests themselves.
    fn plain_proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|_| self.tls.is_none())
    }

    /// The request in the form that whoever gets it wants; signed before, since proxies take out what is theirs.
    pub(super) fn addressed<B>(&self, mut request: Request<B>) -> Result<Request<B>, NoReply> {
        let Some(proxy) = self.plain_proxy() else { return Ok(request) };
        let absolute = Uri::builder().scheme("http").authority(self.endpoint.authority.as_str());
        let path = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        if let Ok(uri) = absolute.path_and_query(path).build() {
            *request.uri_mut() = uri;
        }
        if let Some(authorization) = proxy.authorization()? {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization);
        }
        Ok(request)
    }

    /// The error that an answer's status is, where it is the proxy's and not the endpoint's.
    pub(super) fn proxy_error(&self, status: StatusCode) -> Option<NoReply> {
        let proxy = self.plain_proxy().filter(|_| status == StatusCode::PROXY_AUTHENTICATION_REQUIRED)?;
        Some(proxy.wants_authorization())
    }

    /// A connection.
    pub(super) async fn dial(&self) -> Result<Live, NoReply> {
        timeout(self.patience, self.connect()).await.unwrap_or_else(|_| {
            Err(NoReply::Lost(format!("no connection to {} in time", self.endpoint.authority)))
        })
    }

    async fn connect(&self) -> Result<Live, NoReply> {
        let lost = NoReply::Lost;
        let place = self.proxy.as_ref().map_or(&self.endpoint, Proxy::endpoint);
        let mut tcp = self.connect_tcp(place).await.map_err(|e| {
            let role = if self.proxy.is_some() { "the proxy " } else { "" };
            lost(format!("{role}{}: {e}", place.authority))
        })?;
        tcp.set_nodelay(true).map_err(|e| lost(e.to_string()))?;
        let Some((connector, name)) = &self.tls else { return Live::over(tcp).await.map_err(lost) };
        if let Some(proxy) = &self.proxy {
            proxy.tunnel(&mut tcp, &self.endpoint).await?;
        }
        let tls = connector
            .connect(name.clone(), tcp)
            .await
            .map_err(|e| lost(format!("TLS with {}: {}", self.endpoint.authority, with_cause(&e))))?;
        Live::over(tls).await.map_err(lost)
    }

    /// Tries the host's addresses one after another, none for so long that the others get no turn: behind many a modem IPv6
    /// leads nowhere. The one that worked last comes first.
    async fn connect_tcp(&self, place: &Endpoint) -> Result<TcpStream, String> {
        let found =
            tokio::net::lookup_host((place.host.as_str(), place.port)).await.map_err(|e| with_cause(&e))?;
        let mut addresses: Vec<SocketAddr> = found.take(ADDRESSES).collect();
        let last = *self.address.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.sort_by_key(|address| Some(*address) != last);
        let turn = self.patience / (addresses.len() as u32 + 1);
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
}
