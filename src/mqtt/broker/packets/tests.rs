use proptest::prelude::*;

use super::super::settings::{BrokerUrl, Protocol};
use super::*;

fn all(version: Version, bytes: &[u8], max: usize) -> Vec<Result<Option<Packet>, String>> {
    let mut input = BytesMut::from(bytes);
    let mut packets = Vec::new();
    loop {
        let packet = next(version, &mut input, max);
        let go_on = matches!(packet, Ok(Some(ref packet)) if !matches!(packet, Packet::TooLarge(_)));
        packets.push(packet);
        if !go_on {
            return packets;
        }
    }
}

fn one(version: Version, bytes: &[u8]) -> Packet {
    match all(version, bytes, 1 << 20).remove(0) {
        Ok(Some(packet)) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn connack_is_a_yes_or_a_reason() {
    let yes = |session_present, keep_alive| Packet::Accepted { session_present, keep_alive };
    assert_eq!(one(Version::V4, b"\x20\x02\x01\x00"), yes(true, None));
    assert_eq!(one(Version::V5, b"\x20\x06\x00\x00\x03\x13\x00\x0a"), yes(false, Some(10)));
    for (version, bytes, part) in [
        (Version::V4, &b"\x20\x02\x00\x05"[..], "password_file"),
        (Version::V4, b"\x20\x02\x00\x02", "client_id"),
        (Version::V4, b"\x20\x02\x00\x03", "ServiceUnavailable"),
        (Version::V5, b"\x20\x03\x00\x87\x00", "password_file"),
        (Version::V5, b"\x20\x03\x00\x84\x00", "protocol = \"3.1.1\""),
        (Version::V5, b"\x20\x08\x00\x89\x05\x1f\x00\x02no", "ServerBusy (no)"),
    ] {
        let Packet::Refused(reason) = one(version, bytes) else { panic!() };
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn confirmations_and_the_end_are_read() {
    let granted = vec![Granted::Yes, Granted::Qos0, Granted::No];
    assert_eq!(
        one(Version::V4, b"\x90\x05\x00\x07\x01\x00\x80"),
        Packet::Suback { id: 7, granted: granted.clone() }
    );
    assert_eq!(one(Version::V5, b"\x90\x06\x00\x07\x00\x01\x00\x87"), Packet::Suback { id: 7, granted });
    assert_eq!(one(Version::V4, b"\xB0\x02\x00\x07"), Packet::Unsuback { id: 7 });
    assert_eq!(one(Version::V4, b"\x62\x02\x00\x07"), Packet::Pubrel { id: 7 });
    assert_eq!(one(Version::V5, b"\xD0\x00"), Packet::Pong);
    for (bytes, part) in [
        (&b"\xE0\x02\x8E\x00"[..], "same client_id"),
        (b"\xE0\x01\x8E", "same client_id"),
        (b"\xE0\x00", "goodbye"),
        (b"\xE0\x07\x8B\x05\x1F\x00\x02by", "ServerShuttingDown (by)"),
    ] {
        let Packet::Goodbye(reason) = one(Version::V5, bytes) else { panic!() };
        assert!(reason.contains(part), "{reason}");
    }
    assert!(all(Version::V5, b"\x90\x02\x00\x07", 100)[0].is_err(), "whole, and too short");
    assert!(
        all(Version::V4, b"\x82\x06\x00\x01\x00\x01a\x00", 100)[0].is_err(),
        "SUBSCRIBE is not for clients"
    );
}

#[test]
fn a_publish_that_is_too_large_is_known_by_its_head() {
    let mut bytes = b"\x32\xD0\x0F\x00\x03a/b\x12\x34".to_vec();
    let expected = TooLarge { topic: "a/b".to_owned(), packet_id: 0x1234, qos: 1, size: 3 + 2_000 };
    assert_eq!(all(Version::V4, &bytes, 1024), [Ok(Some(Packet::TooLarge(expected.clone())))]);
    assert_eq!(all(Version::V4, &bytes[..9], 1024), [Ok(None)]);
    bytes.resize(3 + 2_000, b'x');
    assert_eq!(all(Version::V5, &bytes, 1024), [Ok(Some(Packet::TooLarge(expected)))]);
    assert!(matches!(all(Version::V4, &bytes, 4096)[..], [Ok(Some(Packet::Publish(_))), Ok(None)]));
    // Anything else that is too large is no packet of a broker's.
    assert!(all(Version::V4, b"\x90\xD0\x0F\x00\x01", 1024)[0].is_err());
}

#[test]
fn connect_asks_for_a_session_that_stays() {
    let mut settings = BrokerSettings::new(vec![BrokerUrl::parse("mqtt://b").unwrap()], "me");
    let mut out = BytesMut::new();
    connect(&settings, Some(("u", "p")), &mut out);
    assert_eq!(&out[..], b"\x10\x14\x00\x04MQTT\x04\xC0\x00\x1E\x00\x02me\x00\x01u\x00\x01p");
    settings.protocol = Protocol::V5;
    out.clear();
    connect(&settings, None, &mut out);
    // Session Expiry Interval for ever, Receive Maximum 8192, Maximum Packet Size 266240.
    assert_eq!(
        &out[..],
        b"\x10\x1C\x00\x04MQTT\x05\x00\x00\x1E\x0D\x11\xFF\xFF\xFF\xFF\x21\x20\x00\x27\x00\x04\x10\x00\x00\x02me"
    );
}

#[test]
fn subscriptions_are_of_qos_1() {
    let (filters, mut out) = (["a/#".to_owned()], BytesMut::new());
    subscribe(Version::V4, 1, &filters, true, None, &mut out);
    subscribe(Version::V5, 2, &filters, true, None, &mut out);
    subscribe(Version::V5, 3, &filters, false, Some(5), &mut out);
    unsubscribe(Version::V4, 4, &filters, &mut out);
    unsubscribe(Version::V5, 5, &filters, &mut out);
    assert_eq!(
        &out[..],
        b"\x82\x08\x00\x01\x00\x03a/#\x01\x82\x09\x00\x02\x00\x00\x03a/#\x11\x82\x0B\x00\x03\x02\x0B\x05\x00\x03a/#\x21\
          \xA2\x07\x00\x04\x00\x03a/#\xA2\x08\x00\x05\x00\x00\x03a/#"
    );
}

proptest! {
    /// Whatever a broker sends is a packet, not yet one, or an error.
    #[test]
    fn no_bytes_make_it_panic(first in 0_u8.., bytes in prop::collection::vec(any::<u8>(), 0..60), length in 0_u8..70) {
        let mut whole = vec![first, length];
        whole.extend(bytes);
        all(Version::V4, &whole, 50);
        all(Version::V5, &whole, 50);
    }
}
