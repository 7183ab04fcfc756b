//! CONNECT and CONNACK (sections 3.1, 3.2).

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use mqtt_protocol_core::mqtt::packet::{
    AssignedClientIdentifier, MaximumPacketSize, Properties, Property, Qos, ReceiveMaximum, ServerKeepAlive,
    SessionExpiryInterval, v3_1_1, v5_0,
};
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode, ConnectReturnCode, MqttError};

use super::answer;
use super::publish::check_topic;
use super::{ListenerSettings, Version};

/// The longest client identifier, in bytes.
const MAX_CLIENT_ID: usize = 256;

/// What a client said in CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Connect {
    /// 3.1.1 or 5.
    pub(super) version: Version,
    /// Its identifier; empty if it wants one assigned.
    pub(super) client_id: Box<str>,
    /// Begin without the state of earlier connections.
    pub(super) clean: bool,
    /// In seconds; 0 for none.
    pub(super) keep_alive: u16,
    /// How long the session outlives the connection, in seconds; `u32::MAX` for ever.
    pub(super) session_expiry: u32,
    /// The largest packet the client takes.
    pub(super) max_packet_size: usize,
    /// The client wants reasons with refusals.
    pub(super) reasons: bool,
    /// What to publish if the connection ends badly.
    pub(super) will: Option<WillPacket>,
}

/// A will as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WillPacket {
    pub(super) topic: Box<str>,
    pub(super) payload: Bytes,
    pub(super) qos: u8,
    pub(super) retain: bool,
    /// Seconds between the end of the connection and the will.
    pub(super) delay: u32,
}

/// A CONNECT that is refused; with what answer, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// 3.1.1: a return code.
    V4(ConnectReturnCode, &'static str),
    /// 5: a reason code and its text.
    V5(ConnectReasonCode, &'static str),
    /// Not answered, as the protocol wants it.
    Silently(&'static str),
}

impl Refused {
    /// For the log.
    pub(super) fn text(self) -> &'static str {
        match self {
            Refused::V4(_, text) | Refused::V5(_, text) | Refused::Silently(text) => text,
        }
    }

    /// The refusal of a version for a cause that 3.1.1 has a code for, or none.
    pub(super) fn by(
        version: Version,
        v4: Option<ConnectReturnCode>,
        v5: ConnectReasonCode,
        text: &'static str,
    ) -> Refused {
        match (version, v4) {
            (Version::V5, _) => Refused::V5(v5, text),
            (Version::V4, Some(code)) => Refused::V4(code, text),
            (Version::V4, None) => Refused::Silently(text),
        }
    }

    /// The CONNACK.
    pub(super) fn write(self, out: &mut BytesMut) {
        let built = match self {
            Refused::Silently(_) => return,
            Refused::V4(code, _) => v3_1_1::Connack::builder()
                .session_present(false)
                .return_code(code)
                .build()
                .map(|packet| packet.to_continuous_buffer()),
            Refused::V5(code, text) => v5_0::Connack::builder()
                .session_present(false)
                .reason_code(code)
                .props(answer::reason(Some(text)))
                .build()
                .map(|packet| packet.to_continuous_buffer()),
        };
        answer::put(built, out);
    }
}

/// Reads the body of a CONNECT.
pub(super) fn parse(body: &[u8]) -> Result<Connect, Refused> {
    let version = version(body)?;
    let malformed = |text| Refused::by(version, None, ConnectReasonCode::MalformedPacket, text);
    check_flags(body.get(7).copied().unwrap_or_default()).map_err(malformed)?;
    let connect = match version {
        Version::V4 => {
            let (packet, length) = v3_1_1::Connect::parse(body).map_err(|error| refused(version, error))?;
            (length == body.len()).then(|| from_v4(&packet))
        }
        Version::V5 => {
            let body = &*without_lone_password(body);
            let (packet, length) = v5_0::Connect::parse(body).map_err(|error| refused(version, error))?;
            (length == body.len()).then(|| from_v5(&packet)).transpose()?
        }
    };
    let connect = connect.ok_or_else(|| malformed("bytes behind the end of CONNECT"))?;
    check(&connect)?;
    Ok(connect)
}

/// The protocol's name and level: bytes 0 to 6.
fn version(body: &[u8]) -> Result<Version, Refused> {
    const TEXT: &str = "MQTT 3.1.1 and 5 are spoken, nothing else";
    match body {
        [0, 4, b'M', b'Q', b'T', b'T', 4, ..] => Ok(Version::V4),
        [0, 4, b'M', b'Q', b'T', b'T', 5, ..] => Ok(Version::V5),
        [0, 4, b'M', b'Q', b'T', b'T', level, ..] if *level > 5 => {
            Err(Refused::V5(ConnectReasonCode::UnsupportedProtocolVersion, TEXT))
        }
        [0, 4, b'M', b'Q', b'T', b'T', _, ..] | [0, 6, b'M', b'Q', b'I', b's', b'd', b'p', ..] => {
            Err(Refused::V4(ConnectReturnCode::UnacceptableProtocolVersion, TEXT))
        }
        _ => Err(Refused::Silently("not an MQTT client")),
    }
}

/// The connect flags (section 3.1.2.3 on); the protocol crate leaves these to its users.
fn check_flags(flags: u8) -> Result<(), &'static str> {
    let (will, will_qos, will_retain) = (flags & 4 != 0, (flags >> 3) & 3, flags & 0x20 != 0);
    if flags & 1 != 0 {
        return Err("the reserved flag of CONNECT is set");
    }
    if will_qos == 3 || (!will && (will_qos != 0 || will_retain)) {
        return Err("the will's flags in CONNECT do not fit together");
    }
    Ok(())
}

/// MQTT 5 allows a password without a user name; the protocol crate does not. Nobody looks at either, so the password is
/// taken for a user name, which has the same form.
fn without_lone_password(body: &[u8]) -> Cow<'_, [u8]> {
    const BOTH: u8 = 0xC0;
    const PASSWORD: u8 = 0x40;
    match body.get(7) {
        Some(flags) if flags & BOTH == PASSWORD => {
            let mut body = body.to_vec();
            if let Some(flags) = body.get_mut(7) {
                *flags ^= BOTH;
            }
            Cow::Owned(body)
        }
        _ => Cow::Borrowed(body),
    }
}

/// The crate's errors as refusals.
fn refused(version: Version, error: MqttError) -> Refused {
    match error {
        MqttError::ProtocolError => {
            Refused::by(version, None, ConnectReasonCode::ProtocolError, "CONNECT breaks the protocol")
        }
        _ => Refused::by(version, None, ConnectReasonCode::MalformedPacket, "a malformed CONNECT"),
    }
}

fn from_v4(packet: &v3_1_1::Connect) -> Connect {
    let will = packet.will_flag().then(|| WillPacket {
        topic: packet.will_topic().unwrap_or_default().into(),
        payload: Bytes::copy_from_slice(packet.will_payload().unwrap_or_default()),
        qos: qos(packet.will_qos()),
        retain: packet.will_retain(),
        delay: 0,
    });
    Connect {
        version: Version::V4,
        client_id: packet.client_id().into(),
        clean: packet.clean_session(),
        keep_alive: packet.keep_alive(),
        session_expiry: if packet.clean_session() { 0 } else { u32::MAX },
        max_packet_size: usize::MAX,
        reasons: false,
        will,
    }
}

fn from_v5(packet: &v5_0::Connect) -> Result<Connect, Refused> {
    let mut connect = Connect {
        version: Version::V5,
        client_id: packet.client_id().into(),
        clean: packet.clean_start(),
        keep_alive: packet.keep_alive(),
        session_expiry: 0,
        max_packet_size: usize::MAX,
        reasons: true,
        will: None,
    };
    for property in packet.props() {
        match property {
            Property::SessionExpiryInterval(p) => connect.session_expiry = u32::from_be_bytes(word(p)),
            Property::MaximumPacketSize(p) => connect.max_packet_size = p.val() as usize,
            Property::RequestProblemInformation(p) => connect.reasons = p.val() != 0,
            Property::AuthenticationMethod(_) => {
                return Err(Refused::V5(
                    ConnectReasonCode::BadAuthenticationMethod,
                    "the listener has no authentication methods",
                ));
            }
            _ => {}
        }
    }
    if packet.will_flag() {
        let delay = packet.will_props().iter().find_map(|property| match property {
            Property::WillDelayInterval(p) => Some(p.val()),
            _ => None,
        });
        connect.will = Some(WillPacket {
            topic: packet.will_topic().unwrap_or_default().into(),
            payload: Bytes::copy_from_slice(packet.will_payload().unwrap_or_default()),
            qos: qos(packet.will_qos()),
            retain: packet.will_retain(),
            delay: delay.unwrap_or_default(),
        });
    }
    Ok(connect)
}

fn word(property: &SessionExpiryInterval) -> [u8; 4] {
    property.val().to_be_bytes()
}

fn qos(qos: Qos) -> u8 {
    qos as u8
}

/// Identifier and will topic.
fn check(connect: &Connect) -> Result<(), Refused> {
    let Connect { version, client_id, .. } = connect;
    let identifier = |text| {
        let code = ConnectReasonCode::ClientIdentifierNotValid;
        Refused::by(*version, Some(ConnectReturnCode::IdentifierRejected), code, text)
    };
    if client_id.len() > MAX_CLIENT_ID {
        return Err(identifier("a client identifier may have 256 bytes"));
    }
    if client_id.contains('\0') {
        return Err(identifier("U+0000 in the client identifier"));
    }
    if client_id.is_empty() && *version == Version::V4 && !connect.clean {
        return Err(identifier("an empty client identifier needs a clean session"));
    }
    match &connect.will {
        Some(will) if will.topic.is_empty() || check_topic(will.topic.as_bytes()).is_err() => {
            let code = ConnectReasonCode::TopicNameInvalid;
            Err(Refused::by(*version, None, code, "the will's topic is no topic name"))
        }
        _ => Ok(()),
    }
}

/// What a client is told that is let in.
pub(super) struct Welcome<'a> {
    pub(super) session_present: bool,
    /// The identifier it got, if it brought none.
    pub(super) assigned: Option<&'a str>,
    /// The keep-alive it must use instead of its own.
    pub(super) keep_alive: Option<u16>,
    /// The session expiry that is kept instead of its own.
    pub(super) session_expiry: Option<u32>,
}

impl Welcome<'_> {
    /// The CONNACK.
    pub(super) fn write(&self, version: Version, settings: &ListenerSettings, out: &mut BytesMut) {
        let built = match version {
            Version::V4 => v3_1_1::Connack::builder()
                .session_present(self.session_present)
                .return_code(ConnectReturnCode::Accepted)
                .build()
                .map(|packet| packet.to_continuous_buffer()),
            Version::V5 => v5_0::Connack::builder()
                .session_present(self.session_present)
                .reason_code(ConnectReasonCode::Success)
                .props(self.properties(settings))
                .build()
                .map(|packet| packet.to_continuous_buffer()),
        };
        answer::put(built, out);
    }

    fn properties(&self, settings: &ListenerSettings) -> Properties {
        let properties: [Option<Property>; 5] = [
            ReceiveMaximum::new(settings.receive_maximum).ok().map(Into::into),
            MaximumPacketSize::new(settings.max_packet_size).ok().map(Into::into),
            self.assigned.and_then(|id| AssignedClientIdentifier::new(id).ok()).map(Into::into),
            self.keep_alive.and_then(|seconds| ServerKeepAlive::new(seconds).ok()).map(Into::into),
            self.session_expiry.and_then(|seconds| SessionExpiryInterval::new(seconds).ok()).map(Into::into),
        ];
        properties.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
