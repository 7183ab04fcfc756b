//! Why a connection ends, and what the client is told.

use mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode as Code;

use super::frame::FrameError;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// DISCONNECT: the will is dropped.
    Disconnected,
    /// DISCONNECT with reason 0x04 (MQTT 5): the will is to be published.
    DisconnectedWithWill,
    /// The socket ended without a DISCONNECT.
    Closed,
    /// Nothing came for one and a half keep-alive times.
    Silent,
    /// The client does not read what it is sent.
    Deaf,
    /// The client connected again elsewhere; whether that asked for a clean start.
    TakenOver {
        /// It did: the session ends.
        clean: bool,
    },
    /// The daemon ends.
    ShuttingDown,
    /// Bytes that are no packet.
    Malformed(&'static str),
    /// A packet that may not stand here.
    Protocol(&'static str),
    /// A packet beyond the maximum size.
    TooLarge,
    /// A topic name with wildcards.
    TopicName,
    /// A topic alias, though none are offered.
    TopicAlias,
    /// More unacknowledged messages than announced.
    ReceiveMaximum,
    /// All connections together hold too much.
    Memory,
    /// Whether messages became durable isn't known; they are not acknowledged.
    OutcomeUnknown,
}

impl End {
    /// What an MQTT 5 client is told: reason code and text. `None` where the client ended it, or is gone.
    pub(super) fn reason(self) -> Option<(Code, &'static str)> {
        Some(match self {
            End::Disconnected | End::DisconnectedWithWill | End::Closed | End::Deaf => return None,
            End::Silent => (Code::KeepAliveTimeout, "nothing came for one and a half keep-alive times"),
            End::TakenOver { .. } => (Code::SessionTakenOver, "this client identifier connected again"),
            End::ShuttingDown => (Code::ServerShuttingDown, "the gateway is stopping"),
            End::Malformed(what) => (Code::MalformedPacket, what),
            End::Protocol(what) => (Code::ProtocolError, what),
            End::TooLarge => (Code::PacketTooLarge, "larger than the Maximum Packet Size of the CONNACK"),
            End::TopicName => (Code::TopicNameInvalid, "a topic name must not contain + or #"),
            End::TopicAlias => (Code::TopicAliasInvalid, "topic aliases are not offered"),
            End::ReceiveMaximum => {
                (Code::ReceiveMaximumExceeded, "more unacknowledged messages than Receive Maximum")
            }
            End::Memory => (Code::QuotaExceeded, "the gateway's memory for waiting messages is used up"),
            End::OutcomeUnknown => {
                (Code::UnspecifiedError, "storing failed; send again what is unacknowledged")
            }
        })
    }

    /// For the log.
    pub(super) fn text(self) -> &'static str {
        match self {
            End::Disconnected => "the client said DISCONNECT",
            End::DisconnectedWithWill => "the client said DISCONNECT with its will",
            End::Closed => "the socket ended without a DISCONNECT",
            End::Deaf => "the client does not read what it is sent",
            other => other.reason().map_or("", |(_, text)| text),
        }
    }

    /// The client broke the protocol, or a limit it was told.
    pub(super) fn is_breach(self) -> bool {
        matches!(
            self,
            End::Malformed(_)
                | End::Protocol(_)
                | End::TopicName
                | End::TopicAlias
                | End::ReceiveMaximum
                | End::TooLarge
        )
    }
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> End {
        match error {
            FrameError::Malformed => End::Malformed("a malformed fixed header"),
            FrameError::NotForServers => End::Protocol("a packet type that only servers send"),
            FrameError::TooLarge => End::TooLarge,
        }
    }
}
