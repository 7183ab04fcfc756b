//! Qualities of service: what is acknowledged, when, in which order.

use crate::fake::{Mode, settings, start, start_with};
use crate::wire::*;

#[tokio::test]
async fn nothing_is_acknowledged_before_it_is_settled() {
    for version in [V::Four, V::Five] {
        for (qos, ack) in [(1, puback(7)), (2, pubrec(7))] {
            let running = start_with(settings(), Mode::Held).await;
            let (mut raw, _) = Raw::connect(running.address, Connect { version, ..Connect::default() }).await;
            raw.send(&publish(version, qos, false, 7, b"x")).await;
            running.store.offered(1).await;
            raw.expect_nothing().await;
            running.store.set(Mode::Open);
            raw.expect(&ack).await;
            assert_eq!(running.store.payloads(), ["x"]);
        }
    }
}

#[tokio::test]
async fn acknowledgements_go_out_in_the_order_received() {
    let running = start().await;
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    let mut bytes = Vec::new();
    for id in 1..=300u16 {
        bytes.extend(publish(V::Four, (id % 3) as u8, false, id, id.to_string().as_bytes()));
    }
    raw.send(&bytes).await;
    for id in 1..=300u16 {
        match id % 3 {
            1 => raw.expect(&puback(id)).await,
            2 => raw.expect(&pubrec(id)).await,
            _ => {}
        }
    }
    let stored = running.store.stored(300).await;
    let expected: Vec<_> = (1..=300).map(|id: u16| ("t".to_owned(), id.to_string().into_bytes())).collect();
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn messages_carry_what_the_rules_need() {
    let running = start().await;
    let connect = Connect { client: "dév", version: V::Five, ..Connect::default() };
    let (mut raw, _) = Raw::connect(running.address, connect).await;
    // Retained, QoS 1, with a user property and a content type.
    let properties = b"\x26\x00\x01k\x00\x01v\x03\x00\x01j";
    let body = [&text("a//$b")[..], b"\x00\x09", &[properties.len() as u8], properties, b"{}"].concat();
    raw.send(&packet(0x33, &body)).await;
    raw.expect(&puback(9)).await;
    let message = running.store.messages().remove(0);
    assert_eq!((&*message.topic, &message.payload[..], message.qos), ("a//$b", &b"{}"[..], 1));
    assert_eq!((message.retained, message.dup, message.packet_id), (true, false, Some(9)));
    let forebay::ingest::Source::Listener { client } = message.source else { panic!() };
    assert_eq!(&*client, "dév");
}

#[tokio::test]
async fn qos_2_is_stored_once_however_often_it_is_sent() {
    let running = start().await;
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    raw.send(&publish(V::Four, 2, false, 1, b"once")).await;
    raw.expect(&pubrec(1)).await;
    raw.send(&publish(V::Four, 2, true, 1, b"once")).await;
    raw.expect(&pubrec(1)).await;
    raw.send(&pubrel(1)).await;
    raw.expect(&pubcomp(1)).await;
    raw.send(&pubrel(1)).await;
    raw.expect(&pubcomp(1)).await;
    raw.send(&publish(V::Four, 2, false, 1, b"another")).await;
    raw.expect(&pubrec(1)).await;
    assert_eq!(running.store.payloads(), ["once", "another"]);
    assert_eq!(running.metrics.repeated.get(), 1);
}

#[tokio::test]
async fn a_repetition_while_the_commit_runs_is_neither_stored_nor_acknowledged_early() {
    let running = start_with(settings(), Mode::Held).await;
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    raw.send(&publish(V::Four, 2, false, 1, b"once")).await;
    running.store.offered(1).await;
    raw.send(&publish(V::Four, 2, true, 1, b"once")).await;
    raw.expect_nothing().await;
    running.store.set(Mode::Open);
    raw.expect(&pubrec(1)).await;
    raw.expect_nothing().await;
    assert_eq!(running.store.payloads(), ["once"]);
}

#[tokio::test]
async fn an_unknown_pubrel_is_told_so_in_version_5() {
    let running = start().await;
    let (mut raw, _) =
        Raw::connect(running.address, Connect { version: V::Five, ..Connect::default() }).await;
    raw.send(&pubrel(5)).await;
    raw.expect(b"\x70\x03\x00\x05\x92").await;
}

#[tokio::test]
async fn qos_0_sent_just_before_the_end_is_stored() {
    let running = start().await;
    let (mut raw, _) = Raw::connect(running.address, Connect::default()).await;
    raw.send(&[publish(V::Four, 0, false, 0, b"last"), DISCONNECT.to_vec()].concat()).await;
    drop(raw);
    assert_eq!(running.store.stored(1).await[0].1, b"last");
}
