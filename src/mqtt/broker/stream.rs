//! The connection below MQTT: a name is resolved, a socket opened, TLS agreed on.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

use super::settings::{BrokerSettings, BrokerUrl};
use crate::clock::Clock;
use crate::mqtt::socket;
use crate::security::tls;

/// Bytes in both directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a connection; the handle is the socket's, for its options. An error is for the owner to read.
pub(super) async fn open(
    url: &BrokerUrl,
    settings: &BrokerSettings,
    clock: &Clock,
) -> Result<(Box<dyn Stream>, OwnedFd), String> {
    let tls = if url.tls { Some(connector(url, settings, clock).await?) } else { None };
    let socket = connect(url).await?;
    socket::prepare(&socket);
    let handle = socket.as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    let Some((connector, name)) = tls else { return Ok((Box::new(socket), handle)) };
    let stream = connector.connect(name, socket).await.map_err(|error| format!("TLS: {error}"))?;
    Ok((Box::new(stream), handle))
}

/// Tries the name's addresses in turn.
async fn connect(url: &BrokerUrl) -> Result<TcpStream, String> {
    let addresses = lookup_host((url.host.as_str(), url.port))
        .await
        .map_err(|error| format!("the name {:?} can't be resolved: {error}", url.host))?;
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(format!("it can't be reached: {last}"))
}

/// TLS for this broker, from the files as they are now.
async fn connector(
    url: &BrokerUrl,
    settings: &BrokerSettings,
    clock: &Clock,
) -> Result<(TlsConnector, ServerName<'static>), String> {
    let name = ServerName::try_from(url.host.clone())
        .map_err(|_| format!("{:?} is no name that a certificate could be for", url.host))?;
    let (ca_file, identity, clock) = (settings.ca_file.clone(), settings.identity.clone(), clock.clone());
    let config = tokio::task::spawn_blocking(move || {
        let identity = identity.as_ref().map(|(chain, key)| (chain.as_path(), key.as_path()));
        tls::mutual(ca_file.as_deref(), identity, &clock)
    });
    let config = config.await.map_err(|error| error.to_string())??;
    Ok((TlsConnector::from(Arc::new(config)), name))
}
