//! What is refused, and how a client is told.

use std::time::Duration;

use forebay::mqtt::{BindError, Listener, ListenerSettings};

use crate::fake::{Mode, settings, start, start_with};
use crate::wire::*;

async fn five(address: std::net::SocketAddr) -> Raw {
    Raw::connect(address, Connect { version: V::Five, ..Connect::default() }).await.0
}

#[tokio::test]
async fn breaches_end_with_their_reason_code_and_silently_in_3_1_1() {
    let running = start().await;
    let second = Connect { version: V::Five, ..Connect::default() }.bytes();
    let cases: [(&[u8], u8); 15] = [
        (&publish_to("a/#", V::Five, 0, false, 0, b""), 0x90),
        (&publish(V::Five, 3, false, 1, b""), 0x81),
        (&publish(V::Five, 1, false, 0, b""), 0x82),
        (&publish(V::Five, 0, true, 0, b""), 0x81),
        (&packet(0x30, b"\x00\x01\xFF\x00"), 0x81),
        (&packet(0x30, b"\x00\x05a"), 0x81),
        (&packet(0x30, b"\x00\x00\x03\x23\x00\x01x"), 0x94),
        (&packet(0x60, b"\x00\x01"), 0x81),
        (&packet(0x40, b"\x00\x01"), 0x82),
        (&packet(0xF0, b""), 0x82),
        (&packet(0xC0, b"x"), 0x81),
        (&packet(0x82, b"\x00\x01\x00"), 0x81),
        (&[0x20, 0], 0x82),
        (&[0x00], 0x81),
        (&second, 0x82),
    ];
    for (bytes, reason) in cases {
        let mut raw = five(running.address).await;
        raw.send(bytes).await;
        raw.expect_end(Some(reason)).await;
    }
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    raw.send(&publish_to("a/+", V::Four, 0, false, 0, b"")).await;
    raw.expect_end(None).await;
    assert_eq!(running.metrics.malformed.get(), 16);
}

#[tokio::test]
async fn what_came_before_a_breach_is_stored_and_acknowledged() {
    let running = start().await;
    let mut raw = five(running.address).await;
    raw.send(&[publish(V::Five, 1, false, 1, b"good"), vec![0x00]].concat()).await;
    raw.expect(&puback(1)).await;
    raw.expect_end(Some(0x81)).await;
    assert_eq!(running.store.payloads(), ["good"]);
}

#[tokio::test]
async fn a_packet_too_large_is_refused_before_it_is_read() {
    let running = start_with(ListenerSettings { max_packet_size: 1000, ..settings() }, Mode::Open).await;
    let mut raw = five(running.address).await;
    raw.send(&publish(V::Five, 1, false, 1, &[b'x'; 980])).await;
    raw.expect(&puback(1)).await;
    raw.send(&[0x32, 0xFF, 0xFF, 0xFF, 0x7F]).await;
    raw.expect_end(Some(0x95)).await;
    assert_eq!(running.metrics.too_large.get(), 1);
}

#[tokio::test]
async fn the_largest_packet_fits_into_the_common_memory() {
    let size = 12 << 20;
    let running =
        start_with(ListenerSettings { max_packet_size: size as u32 + 100, ..settings() }, Mode::Open).await;
    let mut raw = five(running.address).await;
    raw.send(&publish(V::Five, 1, false, 1, &vec![b'x'; size])).await;
    raw.expect(&puback(1)).await;
    assert_eq!(running.store.largest(), size);
}

#[tokio::test]
async fn the_receive_maximum_holds() {
    let running = start_with(ListenerSettings { receive_maximum: 3, ..settings() }, Mode::Held).await;
    let mut raw = five(running.address).await;
    for id in 1..=4 {
        raw.send(&publish(V::Five, 1, false, id, b"x")).await;
    }
    running.store.set(Mode::Open);
    for id in 1..=3 {
        let ack = raw.packet().await.unwrap();
        // The store may have been opened before the fourth was read: then all is well.
        assert_eq!(ack, puback(id));
    }
    let last = raw.packet().await.unwrap();
    assert!(last == puback(4) || last[..3] == [0xE0, last[1], 0x93], "{last:x?}");
}

#[tokio::test]
async fn subscriptions_are_refused_in_words_clients_understand() {
    let running = start().await;
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    raw.send(&packet(0x82, &[b"\x00\x01".as_slice(), &text("a/#"), b"\x01", &text("b"), b"\x00"].concat()))
        .await;
    raw.expect(b"\x90\x04\x00\x01\x80\x80").await;
    raw.send(&packet(0xA2, &[b"\x00\x02".as_slice(), &text("a/#")].concat())).await;
    raw.expect(b"\xB0\x02\x00\x02").await;
    raw.expect_nothing().await;
    let mut raw = five(running.address).await;
    raw.send(&packet(0x82, &[b"\x00\x01\x00".as_slice(), &text("a/#"), b"\x01"].concat())).await;
    let suback = raw.packet().await.unwrap();
    assert_eq!((suback[0], *suback.last().unwrap()), (0x90, 0x83));
    assert!(String::from_utf8_lossy(&suback).contains("serves no subscriptions"));
    raw.send(&packet(0xA2, &[b"\x00\x02\x00".as_slice(), &text("a/#")].concat())).await;
    raw.expect(b"\xB0\x04\x00\x02\x00\x11").await;
    assert_eq!(running.metrics.subscriptions_refused.get(), 3);
}

#[tokio::test]
async fn strangers_are_refused() {
    let settings = ListenerSettings { connect_timeout: Duration::from_millis(200), ..settings() };
    let running = start_with(settings, Mode::Open).await;
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], PINGREQ, b"\x10\x00", b""] {
        let mut raw = Raw::open(running.address).await;
        raw.send(bytes).await;
        raw.expect_end(None).await;
    }
    let mut raw = Raw::open(running.address).await;
    raw.send(b"\x10\x0D\x00\x04MQTT\x03\x02\x00\x00\x00\x01c").await;
    raw.expect(b"\x20\x02\x00\x01").await;
    raw.expect_end(None).await;
    assert_eq!(running.metrics.refused.get(), 5);
}

#[tokio::test]
async fn connections_are_bounded() {
    let running = start_with(ListenerSettings { max_connections: 1, ..settings() }, Mode::Open).await;
    let (mut first, _) = Raw::connect(running.address, Connect::default()).await;
    let mut second = Raw::open(running.address).await;
    second.expect_end(None).await;
    first.expect_nothing().await;
    assert_eq!(running.metrics.turned_away.get(), 1);
}

#[tokio::test]
async fn a_bind_error_says_what_to_do() {
    let running = start().await;
    let error = Listener::bind(ListenerSettings::new(running.address)).await.unwrap_err();
    assert!(matches!(error, BindError::InUse(_)));
    assert!(error.to_string().contains("--mqtt"), "{error}");
    let nowhere = ListenerSettings::new("192.0.2.1:1883".parse().unwrap());
    assert!(Listener::bind(nowhere).await.unwrap_err().to_string().contains("0.0.0.0"));
}
