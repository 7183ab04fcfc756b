//! The bodies of the packets that are neither CONNECT nor PUBLISH, through `mqtt-protocol-core`.

use mqtt_protocol_core::mqtt::packet::{Property, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::DisconnectReasonCode;

use super::Version;
use super::end::End;

/// The identifier of a PUBREL.
pub(super) fn pubrel(version: Version, body: &[u8]) -> Result<u16, End> {
    let parsed = match version {
        Version::V4 if body.len() != 2 => None,
        Version::V4 => v3_1_1::Pubrel::parse(body).ok().map(|(packet, length)| (packet.packet_id(), length)),
        Version::V5 => v5_0::Pubrel::parse(body).ok().map(|(packet, length)| (packet.packet_id(), length)),
    };
    whole(parsed, body).ok_or(End::Malformed("a malformed PUBREL"))
}

/// Identifier and number of filters of a SUBSCRIBE.
pub(super) fn subscribe(version: Version, body: &[u8]) -> Result<(u16, usize), End> {
    let parsed = match version {
        Version::V4 => v3_1_1::Subscribe::parse(body)
            .ok()
            .map(|(packet, length)| ((packet.packet_id(), packet.entries().len()), length)),
        Version::V5 => v5_0::Subscribe::parse(body)
            .ok()
            .map(|(packet, length)| ((packet.packet_id(), packet.entries().len()), length)),
    };
    whole(parsed, body).filter(|(id, _)| *id > 0).ok_or(End::Malformed("a malformed SUBSCRIBE"))
}

/// Identifier and number of filters of an UNSUBSCRIBE.
pub(super) fn unsubscribe(version: Version, body: &[u8]) -> Result<(u16, usize), End> {
    let parsed = match version {
        Version::V4 => v3_1_1::Unsubscribe::parse(body)
            .ok()
            .map(|(packet, length)| ((packet.packet_id(), packet.entries().len()), length)),
        Version::V5 => v5_0::Unsubscribe::parse(body)
            .ok()
            .map(|(packet, length)| ((packet.packet_id(), packet.entries().len()), length)),
    };
    whole(parsed, body).filter(|(id, _)| *id > 0).ok_or(End::Malformed("a malformed UNSUBSCRIBE"))
}

/// How a DISCONNECT ends the connection, and the session expiry it sets, in seconds.
pub(super) fn disconnect(version: Version, body: &[u8]) -> Result<(End, Option<u32>), End> {
    if version == Version::V4 {
        let malformed = End::Malformed("DISCONNECT with a body");
        return if body.is_empty() { Ok((End::Disconnected, None)) } else { Err(malformed) };
    }
    let parsed = v5_0::Disconnect::parse(body).ok();
    let packet = whole(parsed, body).ok_or(End::Malformed("a malformed DISCONNECT"))?;
    let expiry = packet.props().iter().flatten().find_map(|property| match property {
        Property::SessionExpiryInterval(expiry) => Some(expiry.val()),
        _ => None,
    });
    let end = match packet.reason_code() {
        None | Some(DisconnectReasonCode::NormalDisconnection) => End::Disconnected,
        Some(_) => End::DisconnectedWithWill,
    };
    Ok((end, expiry))
}

/// What was parsed, if that was all of the body.
fn whole<T>(parsed: Option<(T, usize)>, body: &[u8]) -> Option<T> {
    parsed.filter(|(_, length)| *length == body.len()).map(|(packet, _)| packet)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Version::{V4, V5};

    #[test]
    fn a_disconnect_may_set_the_session_expiry_and_ask_for_the_will() {
        assert_eq!(disconnect(V4, b""), Ok((End::Disconnected, None)));
        assert_eq!(disconnect(V4, b"x"), Err(End::Malformed("DISCONNECT with a body")));
        assert_eq!(disconnect(V5, b""), Ok((End::Disconnected, None)));
        assert_eq!(disconnect(V5, b"\x04"), Ok((End::DisconnectedWithWill, None)));
        assert_eq!(disconnect(V5, b"\x00\x05\x11\0\0\0\x07"), Ok((End::Disconnected, Some(7))));
        assert!(disconnect(V5, b"\x00\x00x").is_err());
        assert!(disconnect(V5, b"\x03").is_err());
    }

    #[test]
    fn packets_must_be_whole_and_have_identifiers() {
        assert_eq!(pubrel(V4, b"\x01\x02"), Ok(0x0102));
        assert!(pubrel(V4, b"\x01\x02\x00").is_err());
        assert_eq!(pubrel(V5, b"\x01\x02\x00"), Ok(0x0102));
        assert!(pubrel(V5, b"\x00\x00").is_err());
        assert_eq!(subscribe(V4, b"\0\x01\0\x01a\x01\0\x01b\x02"), Ok((1, 2)));
        assert!(subscribe(V4, b"\0\0\0\x01a\x01").is_err());
        assert!(subscribe(V4, b"\0\x01").is_err());
        assert_eq!(unsubscribe(V5, b"\0\x01\0\0\x01a"), Ok((1, 1)));
    }

    proptest! {
        /// No bytes panic.
        #[test]
        fn takes_or_refuses_anything(body in prop::collection::vec(any::<u8>(), 0..60)) {
            for version in [V4, V5] {
                let _ = pubrel(version, &body);
                let _ = subscribe(version, &body);
                let _ = unsubscribe(version, &body);
                let _ = disconnect(version, &body);
            }
        }
    }
}
