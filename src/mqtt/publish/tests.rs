use std::sync::Arc;

use mqtt_protocol_core::mqtt::packet::{v3_1_1, v5_0};
use proptest::prelude::*;

use super::*;

fn source() -> Source {
    Source::Listener { client: Arc::from("c") }
}

fn parse(version: Version, flags: u8, body: &[u8]) -> Result<Publish, End> {
    Publish::parse(version, flags, Bytes::copy_from_slice(body))
}

#[test]
fn reads_topic_identifier_and_payload_in_place() {
    let publish = parse(Version::V4, 0b1011, b"\x00\x03a/b\x01\x02hello").unwrap();
    let message = publish.message(&source());
    assert_eq!(&*message.topic, "a/b");
    assert_eq!(&message.payload[..], b"hello");
    assert_eq!((message.qos, message.packet_id), (1, Some(0x0102)));
    assert!(message.dup && message.retained);
}

#[test]
fn skips_the_properties_of_version_5() {
    let body = b"\x00\x01t\x07\x26\x00\x01k\x00\x01vdata";
    let message = parse(Version::V5, 0, body).unwrap().message(&source());
    assert_eq!((&*message.topic, &message.payload[..], message.packet_id), ("t", &b"data"[..], None));
}

#[test]
fn a_delivery_may_name_its_subscription() {
    let subscription = |flags, body: &'static [u8]| {
        let publish = Publish::delivered(Version::V5, flags, Bytes::from_static(body)).unwrap();
        assert_eq!((publish.topic(), publish.payload()), ("t", &b"x"[..]));
        publish.subscription()
    };
    assert_eq!(subscription(0, b"\x00\x01t\x02\x0B\x05x"), Some(5));
    assert_eq!(subscription(2, b"\x00\x01t\x00\x09\x02\x0B\x05x"), Some(5));
    assert_eq!(subscription(2, b"\x00\x01t\x00\x09\x04\x0B\x05\x0B\x06x"), None, "one copy for two");
    assert_eq!(subscription(2, b"\x00\x01t\x00\x09\x00x"), None);
    let publish = Publish::delivered(Version::V4, 2, Bytes::from_static(b"\x00\x01t\x00\x09x")).unwrap();
    assert_eq!(publish.subscription(), None);
}

#[test]
fn refuses_what_the_protocol_refuses() {
    use Version::{V4, V5};
    let cases: [(Version, u8, &[u8], End); 12] = [
        (V4, 0b0110, b"\x00\x01t\x00\x01", End::Malformed("QoS 3")),
        (V4, 0b1000, b"\x00\x01t", End::Malformed("DUP with QoS 0")),
        (V4, 0, b"\x00", End::Malformed("PUBLISH is too short")),
        (V4, 0, b"\x00\x05t", End::Malformed("PUBLISH ends within its topic")),
        (V4, 0, b"\x00\x01\xFF", End::Malformed("a topic that is not UTF-8")),
        (V4, 0, b"\x00\x02a\x00", End::Malformed("U+0000 in a topic")),
        (V4, 0, b"\x00\x03a/#", End::TopicName),
        (V4, 2, b"\x00\x01t\x00\x00", End::Protocol("packet identifier 0")),
        (V4, 0, b"\x00\x00x", End::Malformed("an empty topic")),
        (V5, 0, b"\x00\x00\x00x", End::Protocol("an empty topic without a topic alias")),
        (V5, 0, b"\x00\x01t\x03\x23\x00\x01", End::TopicAlias),
        (V5, 0, b"\x00\x01t", End::Malformed("malformed properties in PUBLISH")),
    ];
    for (version, flags, body, end) in cases {
        assert_eq!(parse(version, flags, body), Err(end), "{body:?}");
    }
    assert_eq!(
        parse(V5, 0, b"\x00\x01t\x04\x01\x00\x01\x00"),
        Err(End::Protocol("a property twice in PUBLISH"))
    );
    assert_eq!(
        parse(V5, 0, b"\x00\x01t\x02\x0B\x01"),
        Err(End::Protocol("a property that PUBLISH to a server does not have"))
    );
}

/// Bodies near to what is valid: a topic, perhaps an identifier, perhaps properties, a payload; then perhaps a changed byte.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::collection::vec(any::<u8>(), 0..12);
    let near = ("[a-z/+#$\u{0}é]{0,6}", part.clone(), part.clone(), any::<Option<(u8, u8)>>()).prop_map(
        |(topic, middle, payload, change)| {
            let mut body = (topic.len() as u16).to_be_bytes().to_vec();
            body.extend_from_slice(topic.as_bytes());
            body.extend_from_slice(&[0, 7]);
            body.push(middle.len() as u8);
            body.extend_from_slice(&middle);
            body.extend_from_slice(&payload);
            if let Some((at, byte)) = change {
                let at = usize::from(at) % body.len();
                body[at] = byte;
            }
            body
        },
    );
    prop_oneof![near, part]
}

proptest! {
    /// Whatever is taken here, the protocol crate takes too, and reads the same from it; what it takes and is not taken
    /// here is refused for one of the reasons that it leaves to others.
    #[test]
    fn agrees_with_the_protocol_crate(flags in 0u8..16, body in bodies()) {
        let arc: mqtt_protocol_core::mqtt::Arc<[u8]> = body.clone().into();
        let theirs4 = v3_1_1::Publish::parse(flags, arc.clone()).ok().map(|(p, _)| {
            (p.topic_name().to_owned(), p.payload().as_slice().to_vec(), p.packet_id(), p.dup(), p.retain())
        });
        let theirs5 = v5_0::Publish::parse(flags, arc).ok().map(|(p, _)| {
            (p.topic_name().to_owned(), p.payload().as_slice().to_vec(), p.packet_id(), p.dup(), p.retain())
        });
        for (version, theirs) in [(Version::V4, theirs4), (Version::V5, theirs5)] {
            match parse(version, flags, &body) {
                Ok(publish) => {
                    let m = publish.message(&source());
                    prop_assert_eq!(
                        Some((m.topic.to_string(), m.payload.to_vec(), m.packet_id, m.dup, m.retained)),
                        theirs
                    );
                }
                Err(end) => {
                    let left_to_others = matches!(
                        end,
                        End::TopicName | End::TopicAlias
                            | End::Malformed("DUP with QoS 0" | "U+0000 in a topic" | "an empty topic")
                            | End::Protocol(_)
                    ) || body.len() < 6;
                    prop_assert!(theirs.is_none() || left_to_others, "{:?} refused: {:?}", theirs, end);
                }
            }
        }
    }
}
