//! What the listener sends. Acknowledgements are written by hand (four bytes each, a test holds them against
//! `mqtt-protocol-core`), everything else through that crate.

use bytes::{BufMut, BytesMut};
use mqtt_protocol_core::mqtt::packet::{Properties, ReasonString, v3_1_1, v5_0};
use mqtt_protocol_core::mqtt::result_code::{
    DisconnectReasonCode, MqttError, PubcompReasonCode, SubackReasonCode, SubackReturnCode,
    UnsubackReasonCode,
};

use super::Version;

/// What a refused SUBSCRIBE is told.
const NO_SUBSCRIPTIONS: &str =
    "this is a Forebay gateway: it stores what is published and serves no subscriptions; read over HTTP";

/// PUBACK, success: the same in both versions.
pub(super) fn puback(id: u16, out: &mut BytesMut) {
    acknowledgement(0x40, id, out);
}

/// PUBREC, success.
pub(super) fn pubrec(id: u16, out: &mut BytesMut) {
    acknowledgement(0x50, id, out);
}

/// PUBCOMP; `known`: the PUBREL's identifier was.
pub(super) fn pubcomp(version: Version, id: u16, known: bool, out: &mut BytesMut) {
    if known || version == Version::V4 {
        return acknowledgement(0x70, id, out);
    }
    out.put_slice(&[0x70, 3]);
    out.put_u16(id);
    out.put_u8(PubcompReasonCode::PacketIdentifierNotFound as u8);
}

fn acknowledgement(first: u8, id: u16, out: &mut BytesMut) {
    let [high, low] = id.to_be_bytes();
    out.put_slice(&[first, 2, high, low]);
}

/// PINGRESP.
pub(super) fn pingresp(out: &mut BytesMut) {
    out.put_slice(&[0xD0, 0]);
}

/// SUBACK that refuses `filters` filters: 0x80 in 3.1.1; in 5 reason code 0x83 ("valid, but the server does not accept
/// it"), with a reason unless the client wants none.
pub(super) fn suback(version: Version, id: u16, filters: usize, with_reason: bool, out: &mut BytesMut) {
    let built = match version {
        Version::V4 => v3_1_1::Suback::builder()
            .packet_id(id)
            .return_codes(vec![SubackReturnCode::Failure; filters])
            .build()
            .map(|packet| packet.to_continuous_buffer()),
        Version::V5 => v5_0::Suback::builder()
            .packet_id(id)
            .reason_codes(vec![SubackReasonCode::ImplementationSpecificError; filters])
            .props(reason(with_reason.then_some(NO_SUBSCRIPTIONS)))
            .build()
            .map(|packet| packet.to_continuous_buffer()),
    };
    put(built, out);
}

/// UNSUBACK: there was no subscription.
pub(super) fn unsuback(version: Version, id: u16, filters: usize, out: &mut BytesMut) {
    let built = match version {
        Version::V4 => {
            v3_1_1::Unsuback::builder().packet_id(id).build().map(|packet| packet.to_continuous_buffer())
        }
        Version::V5 => v5_0::Unsuback::builder()
            .packet_id(id)
            .reason_codes(vec![UnsubackReasonCode::NoSubscriptionExisted; filters])
            .build()
            .map(|packet| packet.to_continuous_buffer()),
    };
    put(built, out);
}

/// DISCONNECT with a reason; only MQTT 5 has it.
pub(super) fn disconnect(code: DisconnectReasonCode, text: &str, out: &mut BytesMut) {
    let built = v5_0::Disconnect::builder()
        .reason_code(code)
        .props(reason(Some(text)))
        .build()
        .map(|packet| packet.to_continuous_buffer());
    put(built, out);
}

/// A reason string as properties.
pub(super) fn reason(text: Option<&str>) -> Properties {
    text.and_then(|text| ReasonString::new(text).ok()).map(Into::into).into_iter().collect()
}

/// Adds a packet. The crate refuses to build only what it could not send, such as too long a text.
pub(super) fn put(built: Result<Vec<u8>, MqttError>, out: &mut BytesMut) {
    match built {
        Ok(packet) => out.put_slice(&packet),
        Err(error) => tracing::error!(%error, "a packet could not be built"),
    }
}

#[cfg(test)]
mod tests {
    use mqtt_protocol_core::mqtt::packet::v5_0::{Disconnect, Puback, Pubcomp, Pubrec, Suback};

    use super::*;

    fn made(write: impl FnOnce(&mut BytesMut)) -> Vec<u8> {
        let mut out = BytesMut::new();
        write(&mut out);
        out.to_vec()
    }

    #[test]
    fn acknowledgements_are_those_of_the_protocol_crate() {
        let theirs = Puback::builder().packet_id(0x1234).build().unwrap().to_continuous_buffer();
        assert_eq!(made(|out| puback(0x1234, out)), theirs);
        let theirs = Pubrec::builder().packet_id(9).build().unwrap().to_continuous_buffer();
        assert_eq!(made(|out| pubrec(9, out)), theirs);
        let theirs = Pubcomp::builder()
            .packet_id(9)
            .reason_code(PubcompReasonCode::PacketIdentifierNotFound)
            .build()
            .unwrap()
            .to_continuous_buffer();
        assert_eq!(made(|out| pubcomp(Version::V5, 9, false, out)), theirs);
        assert_eq!(made(|out| pubcomp(Version::V4, 9, false, out)), b"\x70\x02\x00\x09");
    }

    #[test]
    fn a_refused_subscription_says_why() {
        assert_eq!(made(|out| suback(Version::V4, 1, 2, true, out)), b"\x90\x04\x00\x01\x80\x80");
        let bytes = made(|out| suback(Version::V5, 1, 1, true, out));
        let (packet, _) = Suback::parse(&bytes[2..]).unwrap();
        assert_eq!(packet.reason_codes(), [SubackReasonCode::ImplementationSpecificError]);
        assert_eq!(packet.props().len(), 1);
        assert_eq!(made(|out| suback(Version::V5, 1, 1, false, out)), b"\x90\x04\x00\x01\x00\x83");
        assert_eq!(made(|out| unsuback(Version::V5, 1, 1, out)), b"\xB0\x04\x00\x01\x00\x11");
        assert_eq!(made(|out| unsuback(Version::V4, 1, 1, out)), b"\xB0\x02\x00\x01");
    }

    #[test]
    fn a_disconnect_carries_code_and_text() {
        let bytes = made(|out| disconnect(DisconnectReasonCode::PacketTooLarge, "why", out));
        let (packet, _) = Disconnect::parse(&bytes[2..]).unwrap();
        assert_eq!(packet.reason_code(), Some(DisconnectReasonCode::PacketTooLarge));
    }
}
