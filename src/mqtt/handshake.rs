//! From a new socket to a connection with a claimed session: CONNECT, take-over, CONNACK.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, ConnectReturnCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connect::{self, Connect, Refused, Welcome};
use super::frame::{self, Kind};
use super::listener::Shared;
use super::queue::Queue;
use super::session::Claim;
use super::{ListenerSettings, Offer, Version, socket, will};

/// How long the end of an earlier connection of the same client is waited for.
const TAKE_OVER: Duration = Duration::from_secs(10);
/// How long a refusal may take to be written.
const REFUSAL: Duration = Duration::from_secs(1);
/// Room for CONNECT at first.
const FIRST_READ: usize = 512;

/// A client that has been let in.
pub(super) struct Established {
    pub(super) connect: Connect,
    pub(super) client: Arc<str>,
    pub(super) claim: Claim,
    pub(super) queue: Queue,
    /// Seconds; 0 for none.
    pub(super) keep_alive: u16,
    /// What has been read beyond CONNECT.
    pub(super) input: BytesMut,
    /// CONNACK, not yet written.
    pub(super) out: BytesMut,
}

/// Waits for CONNECT and lets the client in, or refuses it.
pub(super) async fn establish<O: Offer>(
    stream: &mut TcpStream,
    peer: SocketAddr,
    shared: &Arc<Shared<O>>,
) -> Option<Established> {
    let settings = &shared.settings;
    let mut input = BytesMut::with_capacity(FIRST_READ);
    let read = timeout(settings.connect_timeout, read_connect(stream, &mut input, settings));
    let refused = match read.await {
        Ok(Ok(Some(connect))) => match admit(connect, input, shared).await {
            Ok(established) => return Some(established),
            Err(refused) => refused,
        },
        Ok(Ok(None)) => return None,
        Ok(Err(refused)) => refused,
        Err(_) => Refused::Silently("no CONNECT in time"),
    };
    shared.metrics.refused.add(1);
    tracing::info!(%peer, reason = refused.text(), "a connection is refused");
    let mut out = BytesMut::new();
    refused.write(&mut out);
    let _ = timeout(REFUSAL, stream.write_all(&out)).await;
    socket::linger(stream).await;
    None
}

/// Reads until CONNECT is whole; `None` if the socket ends before.
async fn read_connect(
    stream: &mut TcpStream,
    input: &mut BytesMut,
    settings: &ListenerSettings,
) -> Result<Option<Connect>, Refused> {
    loop {
        match frame::next(input, settings.max_packet_size as usize) {
            Ok(Some(frame)) if frame.kind == Kind::Connect => return connect::parse(&frame.body).map(Some),
            Ok(Some(_)) => return Err(Refused::Silently("the first packet is not CONNECT")),
            Err(_) => return Err(Refused::Silently("the first bytes are no MQTT packet")),
            Ok(None) => {}
        }
        if input.first().is_some_and(|first| *first != 0x10) {
            return Err(Refused::Silently("the first packet is not CONNECT"));
        }
        match stream.read_buf(input).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}

/// Claims the session and prepares the CONNACK.
async fn admit<O: Offer>(
    connect: Connect,
    input: BytesMut,
    shared: &Arc<Shared<O>>,
) -> Result<Established, Refused> {
    let settings = &shared.settings;
    let assigned = connect.client_id.is_empty().then(assigned_id).transpose()?;
    let client: Arc<str> = Arc::from(assigned.as_deref().unwrap_or(&connect.client_id));
    let Some(claimed) = shared.sessions.claim(&client, connect.clean, TAKE_OVER).await else {
        return Err(Refused::by(
            connect.version,
            Some(ConnectReturnCode::ServerUnavailable),
            ConnectReasonCode::ServerUnavailable,
            "an earlier connection of this client has not ended yet",
        ));
    };
    if let Some(ended) = claimed.will {
        will::later(&shared.wills, ended, &shared.metrics);
    }
    if let Some(ledger) = &shared.ledger {
        if connect.session_expiry > 0 && claimed.resumed.is_none() {
            let kept = Duration::from_secs(connect.session_expiry.into()).min(settings.max_session_expiry);
            ledger.begin(&client, u32::try_from(kept.as_secs()).unwrap_or(u32::MAX)).await;
        } else if connect.session_expiry == 0 && (claimed.ended || claimed.resumed.is_some()) {
            ledger.end(&[Arc::clone(&client)]).await;
        }
    }
    let ceiling = settings.max_keep_alive.filter(|ceiling| {
        connect.version == Version::V5 && (connect.keep_alive == 0 || connect.keep_alive > *ceiling)
    });
    let longest = u32::try_from(settings.max_session_expiry.as_secs()).unwrap_or(u32::MAX);
    let welcome = Welcome {
        session_present: claimed.resumed.is_some(),
        assigned: assigned.as_deref(),
        keep_alive: ceiling,
        session_expiry: (connect.session_expiry > longest).then_some(longest),
    };
    let mut out = BytesMut::new();
    welcome.write(connect.version, settings, &mut out);
    let received = claimed.resumed.unwrap_or_default();
    Ok(Established {
        queue: Queue::new(connect.version, settings.receive_maximum, &received),
        keep_alive: ceiling.unwrap_or(connect.keep_alive),
        claim: claimed.claim,
        client,
        connect,
        input,
        out,
    })
}

/// An identifier for a client that brought none.
fn assigned_id() -> Result<String, Refused> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(|_| Refused::Silently("no randomness for a client identifier"))?;
    let mut id = String::from("auto-");
    for byte in random {
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}
