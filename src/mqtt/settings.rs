//! What an owner can set.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The listener's settings.
#[derive(Clone, Debug)]
pub struct ListenerSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Connections open at once; further ones are closed at once.
    pub max_connections: usize,
    /// The largest packet taken, in bytes, header included. Announced to MQTT 5 clients.
    pub max_packet_size: u32,
    /// Messages of QoS 1 and 2 that an MQTT 5 client may have unacknowledged. Announced; for 3.1.1 reading stops there.
    pub receive_maximum: u16,
    /// How long a new connection may take to say CONNECT.
    pub connect_timeout: Duration,
    /// The longest keep-alive: MQTT 5 clients that want more, or none, are told this one. `None` leaves it to them.
    pub max_keep_alive: Option<u16>,
    /// How long the session of an absent client is remembered at most.
    pub max_session_expiry: Duration,
    /// Sessions of absent clients remembered; beyond it the one that has been away longest is forgotten.
    pub max_sessions: usize,
    /// Bytes of messages that one connection may have waiting before it is no longer read.
    pub connection_memory: usize,
    /// The same for all connections together; at least twice the largest packet counts.
    pub memory: usize,
    /// How long the socket must be quiet before a batch smaller than the last ones is offered; zero for no waiting.
    pub gather: Duration,
    /// How long the end may take: what is being committed is waited for and acknowledged.
    pub drain: Duration,
}

impl ListenerSettings {
    /// The defaults, at this address.
    pub fn new(listen: SocketAddr) -> ListenerSettings {
        ListenerSettings {
            listen,
            max_connections: 1024,
            max_packet_size: (256 + 4) * 1024,
            receive_maximum: 1000,
            connect_timeout: Duration::from_secs(10),
            max_keep_alive: None,
            max_session_expiry: Duration::from_secs(24 * 3600),
            max_sessions: 4096,
            connection_memory: 1 << 20,
            memory: 8 << 20,
            gather: Duration::from_millis(1),
            drain: Duration::from_secs(10),
        }
    }
}

impl ListenerSettings {
    /// The memory of all connections together: the largest packet must fit beside what else is waiting.
    pub(super) fn common_memory(&self) -> usize {
        self.memory.max(2 * self.max_packet_size as usize)
    }
}

impl Default for ListenerSettings {
    fn default() -> ListenerSettings {
        ListenerSettings::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)))
    }
}
