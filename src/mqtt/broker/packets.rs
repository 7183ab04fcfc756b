//! The packets of a client: PUBLISH and its acknowledgements as in the listener, in place and without copies; all others
//! through rumqttc's packet types. `docs/decisions/007-broker-client.md` says why not through its event loop.

use bytes::BytesMut;
use rumqttc::mqttbytes::{self, v4};
use rumqttc::v5::mqttbytes::{self as mqttbytes5, v5};

use super::settings::BrokerSettings;
use crate::mqtt::Version;
use crate::mqtt::end::End;
use crate::mqtt::frame::{self, FrameError};
use crate::mqtt::publish::Publish;

/// A session that outlives its connection for as long as the broker lets it.
const FOR_EVER: u32 = u32::MAX;
/// The first byte's high half of a PUBLISH.
const PUBLISH: u8 = 3;
/// The first byte of a DISCONNECT.
const DISCONNECT: u8 = 0xE0;
/// The longest fixed header.
const MAX_HEADER: usize = 5;
/// The longest topic, identifier and length fields in front of a payload that is left out, beside the fixed header.
const LONGEST_HEAD: usize = 2 + u16::MAX as usize + 2;

/// What a broker sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet {
    Publish(Publish),
    /// A PUBLISH beyond the maximum size; its bytes are still to be left out.
    TooLarge(TooLarge),
    Accepted {
        session_present: bool,
        /// In seconds, where the broker wants another one.
        keep_alive: Option<u16>,
    },
    /// CONNACK with a refusal: why, and what to do.
    Refused(String),
    Suback {
        id: u16,
        /// For each filter whether it was granted with QoS 1 or 2, or QoS 0 only, or not at all.
        granted: Vec<Granted>,
    },
    Unsuback {
        id: u16,
    },
    Pubrel {
        id: u16,
    },
    /// DISCONNECT (MQTT 5): why.
    Goodbye(String),
    Pong,
}

/// How a filter was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granted {
    Yes,
    /// What the broker acknowledges to its publishers may get lost.
    Qos0,
    No,
}

/// What is known of a message too large to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TooLarge {
    pub(super) topic: String,
    pub(super) packet_id: u16,
    pub(super) qos: u8,
    /// Of the whole packet.
    pub(super) size: usize,
}

/// Takes the next packet; `None` until it is whole. An error is for the owner to read.
pub(super) fn next(version: Version, input: &mut BytesMut, max: usize) -> Result<Option<Packet>, String> {
    let Some(first) = input.first() else { return Ok(None) };
    if first >> 4 != PUBLISH {
        return control(version, input, max);
    }
    match frame::next(input, max) {
        Ok(None) => Ok(None),
        Ok(Some(frame)) => Publish::delivered(version, frame.flags, frame.body)
            .map(|publish| Some(Packet::Publish(publish)))
            .map_err(|end| broken(end.text())),
        Err(FrameError::TooLarge) => too_large(version, input),
        Err(error) => Err(broken(End::from(error).text())),
    }
}

fn broken(what: impl std::fmt::Display) -> String {
    format!("the broker breaks the protocol: {what}")
}

/// Reads the head of a PUBLISH that is too large, once it is there.
fn too_large(version: Version, input: &BytesMut) -> Result<Option<Packet>, String> {
    let Some((header, size)) = frame::sizes(input) else { return Ok(None) };
    let head = input.get(header..size.min(header + LONGEST_HEAD).min(input.len())).unwrap_or_default();
    let flags = input.first().copied().unwrap_or_default() & 0x0F;
    let qos = (flags >> 1) & 3;
    let topic = match head {
        [high, low, rest @ ..] => rest.get(..usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    };
    let Some(topic) = topic else { return Ok(None) };
    let packet_id = match (qos, head.get(2 + topic.len()..)) {
        (0, _) => 0,
        (_, Some([high, low, ..])) => u16::from_be_bytes([*high, *low]),
        _ => return Ok(None),
    };
    if qos == 3 || (qos > 0 && packet_id == 0) {
        return Err(broken(format!("a malformed PUBLISH in {version:?}")));
    }
    let topic = String::from_utf8_lossy(topic).into_owned();
    Ok(Some(Packet::TooLarge(TooLarge { topic, packet_id, qos, size })))
}

/// Any packet but PUBLISH. It is cut out here: rumqttc may ask for more bytes in the middle of a packet that is whole.
fn control(version: Version, input: &mut BytesMut, max: usize) -> Result<Option<Packet>, String> {
    let size = match frame::sizes(input) {
        Some((_, size)) if size <= max => size,
        Some(_) => return Err(broken("a packet beyond the maximum size")),
        None if input.len() >= MAX_HEADER => return Err(broken("a malformed length")),
        None => return Ok(None),
    };
    if input.len() < size {
        return Ok(None);
    }
    let mut packet = input.split_to(size);
    match version {
        Version::V4 => v4::Packet::read(&mut packet, max).map_err(broken).and_then(from_v4),
        Version::V5 => {
            whole_disconnect(&mut packet);
            v5::Packet::read(&mut packet, None).map_err(broken).and_then(from_v5)
        }
    }
    .map(Some)
}

/// DISCONNECT may leave out its properties, and its reason as well (MQTT 5, section 3.14.2); rumqttc wants both.
fn whole_disconnect(packet: &mut BytesMut) {
    let reason = match packet[..] {
        [DISCONNECT, 0] => 0,
        [DISCONNECT, 1, reason] => reason,
        _ => return,
    };
    *packet = BytesMut::from(&[DISCONNECT, 2, reason, 0][..]);
}

fn from_v4(packet: v4::Packet) -> Result<Packet, String> {
    Ok(match packet {
        v4::Packet::ConnAck(ack) if ack.code == v4::ConnectReturnCode::Success => {
            Packet::Accepted { session_present: ack.session_present, keep_alive: None }
        }
        v4::Packet::ConnAck(ack) => {
            use v4::ConnectReturnCode as Code;
            Packet::Refused(match ack.code {
                Code::BadUserNamePassword | Code::NotAuthorized => refused_login(),
                Code::BadClientId => refused_client(),
                other => format!("the broker refuses the connection: {other:?}"),
            })
        }
        v4::Packet::SubAck(ack) => {
            let granted = ack.return_codes.iter().map(|code| match code {
                v4::SubscribeReasonCode::Success(mqttbytes::QoS::AtMostOnce) => Granted::Qos0,
                v4::SubscribeReasonCode::Success(_) => Granted::Yes,
                v4::SubscribeReasonCode::Failure => Granted::No,
            });
            Packet::Suback { id: ack.pkid, granted: granted.collect() }
        }
        v4::Packet::UnsubAck(ack) => Packet::Unsuback { id: ack.pkid },
        v4::Packet::PubRel(release) => Packet::Pubrel { id: release.pkid },
        v4::Packet::PingResp => Packet::Pong,
        other => return Err(broken(format!("{} is not for clients", name(&other)))),
    })
}

fn from_v5(packet: v5::Packet) -> Result<Packet, String> {
    Ok(match packet {
        v5::Packet::ConnAck(ack) if ack.code == v5::ConnectReturnCode::Success => Packet::Accepted {
            session_present: ack.session_present,
            keep_alive: ack.properties.and_then(|properties| properties.server_keep_alive),
        },
        v5::Packet::ConnAck(ack) => {
            use v5::ConnectReturnCode as Code;
            let said = ack.properties.and_then(|properties| properties.reason_string);
            let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
            Packet::Refused(match ack.code {
                Code::BadUserNamePassword | Code::NotAuthorized => refused_login() + &said,
                Code::BadClientId | Code::ClientIdentifierNotValid => refused_client() + &said,
                Code::RefusedProtocolVersion | Code::UnsupportedProtocolVersion => {
                    format!("the broker does not speak MQTT 5: set protocol = \"3.1.1\"{said}")
                }
                other => format!("the broker refuses the connection: {other:?}{said}"),
            })
        }
        v5::Packet::SubAck(ack) => {
            let granted = ack.return_codes.iter().map(|code| match code {
                v5::SubscribeReasonCode::Success(mqttbytes5::QoS::AtMostOnce) => Granted::Qos0,
                v5::SubscribeReasonCode::Success(_) => Granted::Yes,
                _ => Granted::No,
            });
            Packet::Suback { id: ack.pkid, granted: granted.collect() }
        }
        v5::Packet::UnsubAck(ack) => Packet::Unsuback { id: ack.pkid },
        v5::Packet::PubRel(release) => Packet::Pubrel { id: release.pkid },
        v5::Packet::Disconnect(goodbye) => {
            let said = goodbye.properties.and_then(|properties| properties.reason_string);
            let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
            Packet::Goodbye(match goodbye.reason_code {
                v5::DisconnectReasonCode::NormalDisconnection => "the broker has said goodbye".to_owned(),
                v5::DisconnectReasonCode::SessionTakenOver => {
                    format!("another client has the same client_id; give each gateway its own{said}")
                }
                code => format!("the broker ends the connection: {code:?}{said}"),
            })
        }
        v5::Packet::PingResp(_) => Packet::Pong,
        _ => return Err(broken("a packet that is not for clients")),
    })
}

fn name(packet: &v4::Packet) -> String {
    let text = format!("{packet:?}");
    text.split(['(', ' ']).next().unwrap_or_default().to_owned()
}

fn refused_login() -> String {
    "the broker refuses the login: check username and password_file, or cert_file".to_owned()
}

fn refused_client() -> String {
    "the broker refuses the client identifier: set another client_id".to_owned()
}

/// CONNECT: a session that the broker keeps.
pub(super) fn connect(settings: &BrokerSettings, login: Option<(&str, &str)>, out: &mut BytesMut) {
    let keep_alive = u16::try_from(settings.keep_alive.as_secs()).unwrap_or(u16::MAX);
    let client_id = settings.client_id.clone();
    match super::version(settings.protocol) {
        Version::V4 => {
            let mut connect = v4::Connect::new(client_id);
            connect.keep_alive = keep_alive;
            connect.clean_session = false;
            connect.login = login.map(|(user, password)| v4::Login::new(user, password));
            put4(&v4::Packet::Connect(connect), out);
        }
        Version::V5 => {
            let mut properties = v5::ConnectProperties::new();
            properties.session_expiry_interval = Some(FOR_EVER);
            let window = settings.max_queued_messages.clamp(1, usize::from(u16::MAX));
            properties.receive_maximum = u16::try_from(window).ok();
            properties.max_packet_size = Some(settings.max_packet_size);
            let properties = Some(properties);
            let connect = v5::Connect { keep_alive, client_id, clean_start: false, properties };
            let login = login.map(|(user, password)| v5::Login::new(user, password));
            put5(&v5::Packet::Connect(connect, None, login), out);
        }
    }
}

/// SUBSCRIBE at QoS 1. `retained`: copies are wanted (MQTT 5 brokers then send them for new subscriptions only).
/// `subscription`: what deliveries are to name (MQTT 5).
pub(super) fn subscribe(
    version: Version,
    id: u16,
    filters: &[String],
    retained: bool,
    subscription: Option<usize>,
    out: &mut BytesMut,
) {
    match version {
        Version::V4 => {
            let filters = filters
                .iter()
                .map(|path| v4::SubscribeFilter { path: path.clone(), qos: mqttbytes::QoS::AtLeastOnce });
            put4(&v4::Packet::Subscribe(v4::Subscribe { pkid: id, filters: filters.collect() }), out);
        }
        Version::V5 => {
            use v5::RetainForwardRule::{Never, OnNewSubscribe};
            let filters = filters.iter().map(|path| v5::Filter {
                retain_forward_rule: if retained { OnNewSubscribe } else { Never },
                ..v5::Filter::new(path.clone(), mqttbytes5::QoS::AtLeastOnce)
            });
            let properties =
                subscription.map(|id| v5::SubscribeProperties { id: Some(id), user_properties: Vec::new() });
            let subscribe = v5::Subscribe { pkid: id, filters: filters.collect(), properties };
            put5(&v5::Packet::Subscribe(subscribe), out);
        }
    }
}

/// UNSUBSCRIBE.
pub(super) fn unsubscribe(version: Version, id: u16, filters: &[String], out: &mut BytesMut) {
    let filters = filters.to_vec();
    match version {
        Version::V4 => put4(&v4::Packet::Unsubscribe(v4::Unsubscribe { pkid: id, topics: filters }), out),
        Version::V5 => {
            put5(&v5::Packet::Unsubscribe(v5::Unsubscribe { pkid: id, filters, properties: None }), out);
        }
    }
}

/// PINGREQ.
pub(super) fn ping(out: &mut BytesMut) {
    out.extend_from_slice(&[0xC0, 0]);
}

/// DISCONNECT, normal: the session stays.
pub(super) fn disconnect(out: &mut BytesMut) {
    out.extend_from_slice(&[0xE0, 0]);
}

/// Adds a packet. The crate refuses to write only what is larger than a packet can be.
fn put4(packet: &v4::Packet, out: &mut BytesMut) {
    if let Err(error) = packet.write(out, usize::MAX) {
        tracing::error!(%error, "a packet could not be written");
    }
}

fn put5(packet: &v5::Packet, out: &mut BytesMut) {
    if let Err(error) = packet.write(out, None) {
        tracing::error!(%error, "a packet could not be written");
    }
}

#[cfg(test)]
mod tests;
