use proptest::prelude::*;

use super::*;

fn body(packet: Vec<u8>) -> Vec<u8> {
    packet[2..].to_vec()
}

macro_rules! v4 {
    () => {
        v3_1_1::Connect::builder().client_id("dev").unwrap().clean_session(true).keep_alive(30)
    };
}

#[test]
fn reads_3_1_1() {
    let packet = v4!().will_message("gone", b"bye", Qos::AtLeastOnce, true).unwrap().build().unwrap();
    let connect = parse(&body(packet.to_continuous_buffer())).unwrap();
    assert_eq!((connect.version, &*connect.client_id, connect.clean), (Version::V4, "dev", true));
    assert_eq!((connect.keep_alive, connect.session_expiry), (30, 0));
    let will = connect.will.unwrap();
    assert_eq!((&*will.topic, &will.payload[..], will.qos, will.retain), ("gone", &b"bye"[..], 1, true));
    let packet = v4!().clean_session(false).build().unwrap();
    assert_eq!(parse(&body(packet.to_continuous_buffer())).unwrap().session_expiry, u32::MAX);
}

#[test]
fn reads_5() {
    use mqtt_protocol_core::mqtt::packet::{RequestProblemInformation, WillDelayInterval};
    let packet = v5_0::Connect::builder()
        .client_id("dev")
        .unwrap()
        .clean_start(false)
        .will_message("gone", b"bye", Qos::AtMostOnce, false)
        .unwrap()
        .will_props(vec![WillDelayInterval::new(7).unwrap().into()])
        .props(vec![
            SessionExpiryInterval::new(60).unwrap().into(),
            MaximumPacketSize::new(1000).unwrap().into(),
            RequestProblemInformation::new(0).unwrap().into(),
        ])
        .build()
        .unwrap();
    let connect = parse(&body(packet.to_continuous_buffer())).unwrap();
    assert_eq!((connect.session_expiry, connect.max_packet_size, connect.reasons), (60, 1000, false));
    assert_eq!(connect.will.unwrap().delay, 7);
}

#[test]
fn refuses_other_versions_so_that_they_understand() {
    let level = |level| [b"\0\x04MQTT".as_slice(), &[level], b"\x02\0\0\0\x01c"].concat();
    let mut out = BytesMut::new();
    parse(&level(3)).unwrap_err().write(&mut out);
    assert_eq!(&out[..], b"\x20\x02\x00\x01");
    assert!(matches!(parse(&level(6)), Err(Refused::V5(ConnectReasonCode::UnsupportedProtocolVersion, _))));
    assert!(matches!(parse(b"\0\x06MQIsdp\x03\x02\0\0\0\x01c"), Err(Refused::V4(..))));
    assert!(matches!(parse(b"GET / HTTP/1.1\r\n"), Err(Refused::Silently(_))));
}

#[test]
fn refuses_flags_and_identifiers_that_do_not_fit() {
    let connect = |level: u8, flags: u8, rest: &[u8]| {
        parse(&[b"\0\x04MQTT".as_slice(), &[level, flags], b"\0\0", rest].concat())
    };
    for flags in [0x01, 0x08, 0x20, 0x1C] {
        assert!(matches!(connect(4, flags, b"\0\x01c"), Err(Refused::Silently(_))), "{flags:#x}");
    }
    assert!(matches!(connect(4, 0, b"\0\0"), Err(Refused::V4(ConnectReturnCode::IdentifierRejected, _))));
    assert!(connect(4, 2, b"\0\0").is_ok());
    assert!(connect(5, 0, b"\0\0\0").is_ok());
    assert!(matches!(connect(4, 2, b"\0\x01cX"), Err(Refused::Silently(_))));
    assert!(matches!(connect(5, 2, b"\0\0\x01cX"), Err(Refused::V5(ConnectReasonCode::MalformedPacket, _))));
    assert!(connect(5, 0x42, b"\0\0\x01c\0\x06secret").is_ok(), "a password without a user name");
    assert!(matches!(connect(4, 0x42, b"\0\x01c\0\x06secret"), Err(Refused::Silently(_))));
    let long = [b"\x01\x01".as_slice(), &[b'c'; 257]].concat();
    assert!(matches!(connect(4, 2, &long), Err(Refused::V4(ConnectReturnCode::IdentifierRejected, _))));
    assert!(matches!(
        connect(5, 6, b"\0\0\x01c\0\0\x01#\0\0"),
        Err(Refused::V5(ConnectReasonCode::TopicNameInvalid, _))
    ));
}

#[test]
fn tells_mqtt_5_clients_the_limits() {
    let settings = ListenerSettings::default();
    let welcome = Welcome {
        session_present: true,
        assigned: Some("auto"),
        keep_alive: Some(60),
        session_expiry: Some(9),
    };
    let mut out = BytesMut::new();
    welcome.write(Version::V5, &settings, &mut out);
    let (packet, _) = v5_0::Connack::parse(&out[2..]).unwrap();
    assert!(packet.session_present());
    assert_eq!(packet.props().len(), 5);
    out.clear();
    welcome.write(Version::V4, &settings, &mut out);
    assert_eq!(&out[..], b"\x20\x02\x01\x00");
}

proptest! {
    /// No bytes panic.
    #[test]
    fn takes_or_refuses_anything(level in 3u8..7, flags: u8, rest in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = parse(&[b"\0\x04MQTT".as_slice(), &[level, flags], &rest].concat());
        let _ = parse(&rest);
    }
}
